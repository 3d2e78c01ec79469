//! The local stand-in for Windmill: jobs, worker, expressions, Windmill's job routes.
//!
//! Always so: what a flow yields here it yields on Windmill, or it is refused by name before its first step runs.

mod again;
mod answers;
mod error;
mod event;
mod expression;
mod flow;
mod language;
mod ledger;
mod limits;
mod options;
mod owner;
mod plan;
mod project;
mod records;
mod rehearsal;
mod routes;
mod service;
mod sources;
mod stages;
mod stand_in;
mod stop;
mod stored;
mod wishes;
mod worker;

use millwright_core::refs::JobId;
use uuid::Uuid;

pub(crate) use answers::is_signed;
pub use answers::{Said, say};
pub use error::MillError;
pub use event::{Change, End, Event, Waits};
pub(crate) use flow::line_of;
pub use ledger::{Decision, Ledger, NotedDecision, NotedEnd, NotedJob};
pub use options::MillOptions;
pub(crate) use owner::{end_abandoned_run, is_abandoned};
pub use rehearsal::{Ending, Prepared, Rehearsed, Stage};
pub use routes::routes;
pub use service::{JobEnd, Mill, Started};
pub use sources::Sources;
pub use stages::on_stages;
pub use stand_in::{Act, Call, Reply, Runs, StandIn};

/// Who starts and ends jobs here: the mill knows one person, the one at the machine.
const USER: &str = "admin";
/// The name of the mill's only worker.
const WORKER: &str = "mill";

/// An id whose order is that of the jobs' beginning.
fn new_job_id() -> JobId {
    JobId(Uuid::now_v7())
}
