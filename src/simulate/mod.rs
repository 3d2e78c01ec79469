//! Fault simulation: runs a flow over the space of what its steps may do, and says what ends badly.
//!
//! Always so: the same flow and the same bounds give the same cases in the same order, on any machine.

mod case;
mod explore;
mod finding;
mod known;
mod subject;
mod trace;
mod values;

pub use case::{Case, CaseError, Choice, Outcome};
pub use explore::{Bounds, Simulated, simulate};
pub use finding::{Finding, FindingKind};
pub use subject::{Subject, SubjectError};
pub use trace::{Trace, TracedCall, replay};
