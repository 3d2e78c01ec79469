//! The one path that executes and checks a step: resolve, run the engine, write the outputs, report.
//!
//! Always so: it writes no status. It says what happened, through [`OutcomePort`], and whoever keeps the tables
//! decides; and it does the same in a worker and in the server.

mod check;
mod execute;
mod files;
mod gates;
mod lease;
mod port;
mod resolve;
mod settings;

use millwright_core::protocol::{Begun, Telemetry};

pub use check::Checked;
pub use execute::Executed;
pub use port::{OutcomePort, PortError};
pub use settings::Settings;

use crate::engine::{Cancel, Control, LineSink, Registry};

/// Where the result of a check is written, in the protocol's folder.
pub const REPORT_FILE: &str = "quality-report.md";

/// Works on steps.
pub struct Runner<'a> {
    /// The engines that there are.
    pub engines: &'a Registry,
    /// What the environment says where spec, step and project do not.
    pub settings: &'a Settings,
    /// Takes the reports.
    pub port: &'a (dyn OutcomePort + Sync),
    /// Takes the engine's output as it comes.
    pub log: &'a (dyn LineSink + Sync),
    /// Stops the work.
    pub cancel: &'a Cancel,
}

impl Runner<'_> {
    fn control(&self) -> Control<'_> {
        Control {
            log: self.log,
            cancel: self.cancel,
        }
    }

    fn say(&self, line: impl AsRef<str>) {
        self.log.line(line.as_ref());
    }
}

/// What is known of work before its engine runs.
fn telemetry(begun: &Begun, settings: &Settings) -> Telemetry {
    let name = &begun.assignment.step_name;
    Telemetry {
        agent_id: Some(millwright_core::protocol::agent_id(name).to_owned()),
        job_id: settings.job_id.clone(),
        ..Telemetry::default()
    }
}

/// Tokens by the rule of four characters each, at least one.
fn estimated_tokens(text: &[u8]) -> u64 {
    let characters = String::from_utf8_lossy(text).chars().count() as u64;
    characters.div_ceil(4).max(1)
}
