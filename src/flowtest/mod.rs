//! Tests of flows: files beside them that say what their steps do and what is expected.
//!
//! Always so: a test runs the flow with the mill's own engine, on virtual time; nothing of it is kept.

mod at;
mod check;
mod coverage;
mod diff;
mod error;
mod find;
mod format;
mod judge;
mod mocks;
mod ran;
mod read;
mod run;
mod suite;
mod update;

pub use at::At;
pub use coverage::{Coverage, FlowCoverage, Point, PointKind};
pub use error::{FlowTestError, Problem};
pub use find::test_files;
pub use format::{Expect, Mock, Status, Test, TestFile, Unmocked, document};
pub use judge::Complaint;
pub use ran::RanStep;
pub use run::{Found, FoundStep, TestReport};
pub use suite::{Suite, SuiteReport};
pub use update::update;
