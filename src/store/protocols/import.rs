//! A spec that comes from outside, into a protocol that may be under way.
//!
//! Always so: an invalid spec never takes the place of a valid one, and the same spec again changes nothing.

use millwright_core::protocol::{
    AcceptedSpec, PlannedStep, ProtocolRun, SpecError, StepChanges, spec_accepted, spec_hash,
    spec_rejected,
};
use serde_json::Value;

use super::runs::{VALID, spec_of};
use super::{StoreError, Tables};

/// What became of an imported spec.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportedSpec {
    /// The spec's hash.
    pub spec_hash: String,
    /// Everything that is wrong with it; nothing in one that is valid.
    pub errors: Vec<SpecError>,
    /// What became of the steps.
    pub steps: StepChanges,
}

impl Tables<'_> {
    /// Takes a spec: validates it, keeps it with what was found, and brings the steps to what it says. An invalid one
    /// blocks a protocol that has no valid one. `engines` are those that there are.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Conflict`] when the protocol has ended.
    pub fn import_spec(
        &self,
        id: i64,
        spec: &Value,
        source: Option<&str>,
        engines: &[&str],
    ) -> Result<ImportedSpec, StoreError> {
        let run = self.protocol(id)?;
        let has_valid = self.has_valid_spec(&run)?;
        let validated = self.validated(&run, spec, Some(engines))?;
        let (steps, errors) = match validated {
            Ok(planned) => {
                let steps = self.accept(&run, spec, &planned, has_valid, source)?;
                (steps, Vec::new())
            }
            Err(errors) => {
                self.reject(&run, spec, &errors, has_valid)?;
                (StepChanges::default(), errors)
            }
        };
        Ok(ImportedSpec {
            spec_hash: spec_hash(spec),
            errors,
            steps,
        })
    }

    /// Whether the spec that a protocol has is valid; one that nobody has looked at yet is looked at now.
    fn has_valid_spec(&self, run: &ProtocolRun) -> Result<bool, StoreError> {
        let spec = run.template_config.as_ref().and_then(spec_of);
        Ok(match (spec, run.spec_validation_status.as_deref()) {
            (None, _) => false,
            (Some(spec), None) => self.validated(run, spec, None)?.is_ok(),
            (Some(_), Some(status)) => status == VALID,
        })
    }

    fn accept(
        &self,
        run: &ProtocolRun,
        spec: &Value,
        planned: &[PlannedStep],
        had_valid: bool,
        source: Option<&str>,
    ) -> Result<StepChanges, StoreError> {
        let had_steps = !self.steps(run.id)?.is_empty();
        let steps = self.sync_steps(run, spec, planned)?;
        let is_validated = run.spec_validation_status.as_deref() == Some(VALID);
        let same = is_validated && run.spec_hash.as_deref() == Some(&*spec_hash(spec));
        if !same {
            self.write_spec(run, spec, &[])?;
        }
        let root = run.root();
        let accepted = AcceptedSpec {
            steps,
            protocol_root: &root,
            source,
            mends: !had_valid || !had_steps,
        };
        let seen = self.see(run.id)?;
        let decision = spec_accepted(&seen.snapshot, &accepted)?;
        if !same || steps.any() || decision.after.status != seen.snapshot.status {
            self.apply(&seen, &decision, None)?;
        }
        Ok(steps)
    }

    fn reject(
        &self,
        run: &ProtocolRun,
        spec: &Value,
        errors: &[SpecError],
        has_valid: bool,
    ) -> Result<(), StoreError> {
        let seen = self.see(run.id)?;
        let decision = spec_rejected(&seen.snapshot, errors, has_valid)?;
        if !has_valid {
            self.write_spec(run, spec, errors)?;
        }
        self.apply(&seen, &decision, None)
    }
}
