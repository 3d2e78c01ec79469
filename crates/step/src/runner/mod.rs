//! The one path that executes and checks a step: resolve, run the engine, write the outputs, report.
//!
//! Always so: it writes no status. It says what happened, through [`OutcomePort`], and whoever keeps the tables
//! decides; and it does the same in a worker and in the server.

mod artifacts;
mod budget;
mod check;
mod choose;
mod context;
mod ecosystem;
mod execute;
mod files;
mod findings;
mod gates;
mod git;
mod input;
mod judgement;
mod last_try;
mod lease;
mod mend;
mod outputs;
mod port;
mod prompt;
mod resolve;
mod settings;
mod tokens;

use budget::{OverBudget, Ruling};
use millwright_core::protocol::{Begun, Spent, Telemetry};

pub use check::Checked;
pub use execute::Executed;
pub(crate) use gates::Gates;
pub use port::{OutcomePort, PortError};
pub(crate) use prompt::{
    Bundled, DECOMPOSE, DISCOVERY, PLAN, PLAN_DOCUMENT, Prompt, SPECIFICATION, TASKS,
};
pub(crate) use settings::Grounding;
pub use settings::Settings;
pub(crate) use settings::is_off;
pub(crate) use tokens::estimated_tokens;

use crate::engine::{Cancel, Control, LineSink, Registry};

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

    /// Asks the budget whether an engine may read so much more. A warning is said and put on record.
    fn afford(
        &self,
        spent: Spent,
        tokens: u64,
        telemetry: &mut Telemetry,
    ) -> Result<(), OverBudget> {
        match self.settings.budget.ruling(spent, tokens) {
            Ruling::Within => Ok(()),
            Ruling::Warned(over) => {
                self.say(format!("millwright: warning: {over}"));
                telemetry.budget_warning = Some(over.to_string());
                Ok(())
            }
            Ruling::Refused(over) => Err(over),
        }
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
