//! Windmill over HTTP: who is asked, and the routes that the other rooms need.
//!
//! Always so: paths and ids are validated before they reach an address, and no token is printed or part of a message.

mod client;
mod connection;
mod deployment;
mod error;
mod job;
mod jobs;
mod path;
mod profile;
mod updates;
mod workspace;

pub use client::Client;
pub use connection::{BadConnection, Connection};
pub use deployment::{DeploymentStatus, ItemKind};
pub use error::{WindmillError, reason_of};
pub use job::{BranchChosen, FlowStatus, Job, JobState, Listed, MaybeResult, Module, StepJob};
pub use path::{BadPath, ItemPath};
pub use profile::{Profile, ProfileError, Profiles};
pub use updates::{Ended, Update, Updates};
pub use workspace::{EnvironmentVariable, Identity, Worker};
