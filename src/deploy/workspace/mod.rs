//! A Windmill workspace: compared with what it should hold, and brought there.
//!
//! Always so: what is as it should be is not written, and what is somebody else's is left alone.

mod apply;
mod compare;
mod dependencies;
mod error;
mod listing;
mod name;
mod object;
mod place;
mod plan;
mod record;
mod text;
mod wanted;

pub use apply::{Applied, End};
pub use error::{Fault, WorkspaceError};
pub use name::{BadName, Name};
pub use place::{BadFolder, Place};
pub use plan::{Action, Create, Entry, Plan, Update};
pub use text::Line;
pub use wanted::{Audit, Wishes};
