//! What a step tells of the setup of the project that it worked for.
//!
//! Always so: without a project nothing is asked of the API, and a failure is told as well as a success, whatever another
//! program has printed about it.

use millwright_core::catalog::Object;
use millwright_core::protocol::{LONGEST_SETUP_TEXT, SetupEvent, SetupFact, SetupReport};

use super::{StepError, project};
use crate::client::Client;
use crate::host::Host;

/// What happened, and was not told yet.
#[derive(Debug)]
pub(super) struct Setup<'a, H> {
    host: &'a H,
    project: Option<i64>,
    report: SetupReport,
}

impl<'a, H: Host> Setup<'a, H> {
    /// The setup of a project, when one is named.
    pub(super) fn of(host: &'a H, project: Option<i64>) -> Self {
        Self {
            host,
            project: project::named(project),
            report: SetupReport::default(),
        }
    }

    /// Notes something that is to be told.
    pub(super) fn note(&mut self, fact: SetupFact, message: &str, metadata: &[(&str, &str)]) {
        let given = metadata
            .iter()
            .filter(|(_, value)| !value.trim().is_empty());
        let given = given.map(|(key, value)| ((*key).to_owned(), plain(value).into()));
        self.note_all(fact, message, given.collect());
    }

    /// The same, with metadata of other kinds than text.
    pub(super) fn note_all(&mut self, fact: SetupFact, message: &str, metadata: Object) {
        self.report.events.push(SetupEvent {
            event_type: fact,
            message: plain(message),
            metadata,
        });
    }

    /// Tells what was noted.
    ///
    /// # Errors
    /// When the API does not take it.
    pub(super) async fn tell(&mut self) -> Result<(), StepError> {
        let report = std::mem::take(&mut self.report);
        match self.project {
            Some(project) if report != SetupReport::default() => {
                let client = Client::protocols(self.host)?;
                Ok(client.report_setup(project, &report).await?)
            }
            _ => Ok(()),
        }
    }

    /// Tells what was noted and how it ended; with `finished`, that nothing is left to do for the project.
    ///
    /// # Errors
    /// That of the outcome; else when the API does not take what is told.
    pub(super) async fn conclude<T>(
        mut self,
        outcome: Result<T, StepError>,
        finished: bool,
    ) -> Result<T, StepError> {
        let Err(error) = outcome else {
            self.report.finished = finished;
            self.tell().await?;
            return outcome;
        };
        let told = self.report.events.iter();
        if !told.map(|event| event.event_type).any(SetupFact::stops) {
            self.note(SetupFact::Failed, &error.to_string(), &[]);
        }
        if let Err(unheard) = self.tell().await {
            self.host
                .log(&format!("warning: the failure is not told: {unheard}"));
        }
        Err(error)
    }
}

/// A text as the API takes it: other programs print colours, and lines that end as on a terminal.
fn plain(text: &str) -> String {
    let told = text
        .chars()
        .filter(|c| !c.is_control() || "\n\t".contains(*c));
    told.take(LONGEST_SETUP_TEXT).collect()
}
