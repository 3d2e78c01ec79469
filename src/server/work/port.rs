//! The outcome port of the server: straight into the tables.
//!
//! Always so: what a report takes away from others is stopped as soon as the report is kept.

use millwright_core::protocol::{Report, StepRun};
use millwright_step::runner::{OutcomePort, PortError};

use super::registry::Registry;
use crate::store::StoreError;
use crate::store::protocols::Protocols;

pub(super) struct TablesPort<'a> {
    pub(super) protocols: &'a Protocols,
    pub(super) running: &'a Registry,
}

impl OutcomePort for TablesPort<'_> {
    fn renew(&self, step_run_id: i64, claim: &str) -> Result<(), PortError> {
        let claim = claim.to_owned();
        let renewed = self
            .protocols
            .write_blocking(move |tables| tables.renew(step_run_id, &claim));
        renewed.map(drop).map_err(|error| refused(&error))
    }

    fn report(&self, step_run_id: i64, claim: &str, report: &Report) -> Result<StepRun, PortError> {
        let (claim, report) = (claim.to_owned(), report.clone());
        let running = self.running.ids();
        let kept = self.protocols.write_blocking(move |tables| {
            let step = tables.report(step_run_id, &claim, &report)?;
            Ok((step, tables.ended_among(&running)?))
        });
        let (step, ended) = kept.map_err(|error| refused(&error))?;
        self.running.cancel(&ended);
        Ok(step)
    }
}

fn refused(error: &StoreError) -> PortError {
    match error {
        StoreError::Conflict(_) | StoreError::NotFound(_) => PortError::Refused(error.to_string()),
        _ => PortError::Unavailable(error.to_string()),
    }
}
