//! One execution, in a thread of its own.
//!
//! Always so: when the thread ends, the execution is ended in the tables, and none of its processes is left.

use std::sync::Arc;

use millwright_core::protocol::{Begun, Gate, Kind};
use millwright_step::runner::{PortError, Runner};

use super::log::LogFile;
use super::port::TablesPort;
use super::registry::Entry;
use super::{Shared, Work, orphan};

impl Work {
    /// Executes what has begun, in a thread of its own.
    pub(super) fn spawn(&self, execution_id: String, begun: Begun, gates: Option<Vec<Gate>>) {
        let entry = self.0.running.enter(&execution_id);
        let shared = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || {
            let guard = shared.running.leave_at_end(&execution_id);
            let ended = Ending {
                shared: &shared,
                execution_id: &execution_id,
            };
            shared.perform(&execution_id, &entry, &begun, gates.as_deref());
            // The tables first: whoever waits for the guard reads them.
            drop(ended);
            drop(guard);
        });
    }
}

impl Shared {
    fn perform(&self, id: &str, entry: &Entry, begun: &Begun, gates: Option<&[Gate]>) {
        let log = LogFile::create(&self.logs, id);
        let port = TablesPort {
            protocols: &self.protocols,
            running: &self.running,
        };
        let runner = Runner {
            engines: &self.engines,
            settings: &self.settings,
            port: &port,
            log: &log,
            cancel: &entry.cancel,
        };
        let outcome = match begun.kind {
            Kind::Execute => runner.execute(begun).map(drop),
            Kind::Qa => runner.check(begun, gates).map(drop),
        };
        self.tidy_now(begun.assignment.protocol_run_id);
        match outcome {
            Ok(()) => {}
            Err(PortError::Refused(reason)) => {
                tracing::info!(execution = id, reason, "the step was taken away");
            }
            Err(PortError::Unavailable(reason)) => {
                tracing::error!(execution = id, reason, "the outcome was not kept");
            }
        }
    }
}

/// Sees to it that an execution is over when its thread is: in the tables, and with every process that it started.
struct Ending<'a> {
    shared: &'a Shared,
    execution_id: &'a str,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        orphan::end(self.execution_id);
        let id = self.execution_id.to_owned();
        let given_up = self
            .shared
            .protocols
            .write_blocking(move |tables| tables.give_up(&id));
        if let Err(error) = given_up {
            tracing::error!(execution = self.execution_id, %error, "its end was not kept");
        }
    }
}
