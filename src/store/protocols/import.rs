//! A spec that comes from outside, into a protocol that may be under way.
//!
//! Always so: an invalid spec never takes the place of a valid one, and the same spec again changes nothing.

use millwright_core::protocol::{
    AcceptedSpec, Files, PlannedStep, ProtocolRun, SpecError, StepChanges, hold_back_spec,
    spec_accepted, spec_hash, spec_rejected,
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
    /// Whether it was kept, and its steps wait until planning's questions are answered.
    pub is_held_back: bool,
}

impl Tables<'_> {
    /// Takes a spec: validates it, keeps it with what was found, and brings the steps to what it says. An invalid one
    /// blocks a protocol that has no valid one, and open questions on planning one that has not begun. `engines` are
    /// those that there are, and `files` what the protocol's work will find, where that is known.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Conflict`] when the protocol has ended, or has begun and has open questions
    /// on its planning.
    pub fn import_spec(
        &self,
        id: i64,
        spec: &Value,
        source: Option<&str>,
        engines: &[&str],
        files: Option<&dyn Files>,
    ) -> Result<ImportedSpec, StoreError> {
        let run = self.protocol(id)?;
        let has_valid = self.has_valid_spec(&run)?;
        let validated = self.validated(&run, spec, Some(engines), files)?;
        let mut imported = ImportedSpec {
            spec_hash: spec_hash(spec),
            errors: Vec::new(),
            steps: StepChanges::default(),
            is_held_back: false,
        };
        match validated {
            Ok(_) if self.hold_back_spec(&run, spec)? => imported.is_held_back = true,
            Ok(planned) => imported.steps = self.accept(&run, spec, &planned, has_valid, source)?,
            Err(errors) => {
                self.reject(&run, spec, &errors, has_valid)?;
                imported.errors = errors;
            }
        }
        Ok(imported)
    }

    /// Keeps a spec whose protocol waits for answers before it is planned; says whether it does.
    fn hold_back_spec(&self, run: &ProtocolRun, spec: &Value) -> Result<bool, StoreError> {
        let seen = self.see(run.id)?;
        let Some(decision) = hold_back_spec(&seen.snapshot)? else {
            return Ok(false);
        };
        let same = is_kept(run, spec);
        if !same {
            self.write_spec(run, spec, &[])?;
        }
        if !same || decision.after.status != seen.snapshot.status {
            self.apply(&seen, &decision, None)?;
        }
        Ok(true)
    }

    /// Whether the spec that a protocol has is valid; one that nobody has looked at yet is looked at now.
    fn has_valid_spec(&self, run: &ProtocolRun) -> Result<bool, StoreError> {
        let spec = run.template_config.as_ref().and_then(spec_of);
        Ok(match (spec, run.spec_validation_status.as_deref()) {
            (None, _) => false,
            (Some(spec), None) => self.validated(run, spec, None, None)?.is_ok(),
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
        let same = is_kept(run, spec);
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

/// Whether it is the valid spec that a run has.
fn is_kept(run: &ProtocolRun, spec: &Value) -> bool {
    let is_validated = run.spec_validation_status.as_deref() == Some(VALID);
    is_validated && run.spec_hash.as_deref() == Some(&*spec_hash(spec))
}
