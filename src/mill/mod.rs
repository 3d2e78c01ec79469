//! The local stand-in for Windmill: jobs, worker, expressions, Windmill's job routes.
//!
//! Always so: what a flow yields here it yields on Windmill, or it is refused by name before its first step runs.

mod routes;

pub use routes::routes;

/// Who starts and ends jobs here: the mill knows one person, the one at the machine.
const USER: &str = "admin";
/// The name of the mill's only worker.
const WORKER: &str = "mill";
