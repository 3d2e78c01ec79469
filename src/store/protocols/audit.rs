//! The audit of specs, run by run.
//!
//! Always so: a run that has a spec keeps it, valid or not; only one that has none is given one; and a run that stands as it
//! stood at the last audit is not written at all.

use std::collections::BTreeMap;

use millwright_core::protocol::import::rows::StepRow;
use millwright_core::protocol::{
    AuditOutcome, EventType, Project, ProtocolRun, ProtocolStatus, SpecAudit, StepRun, spec_hash,
};
use rusqlite::OptionalExtension;
use serde_json::{Value, json};

use super::runs::{VALID, spec_of};
use super::{StoreError, Tables};
use crate::spec::{self, Derived, NotDerived};

/// Which protocol runs are audited.
#[derive(Debug, Clone, Copy, Default)]
pub struct AuditScope {
    /// Those of a project.
    pub project_id: Option<i64>,
    /// That one alone.
    pub protocol_run_id: Option<i64>,
    /// Those after the one with this id.
    pub after: i64,
    /// At most so many, by id.
    pub limit: u32,
}

/// A protocol run, as the audit finds it.
#[derive(Debug)]
pub enum Look {
    /// It has no spec: whether one can be derived is to be found out first.
    Derive(Box<Specless>),
    /// What was found, and what that changes.
    Found(Box<SpecAudit>, Changes),
}

/// A protocol run without a spec.
#[derive(Debug)]
pub struct Specless {
    /// The run.
    pub run: ProtocolRun,
    /// Its project.
    pub project: Project,
    /// Its steps.
    pub rows: Vec<StepRow>,
}

/// What is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changes {
    /// The event: the finding is not on record.
    event: bool,
    /// The spec, or what stands beside it.
    spec: bool,
}

impl Changes {
    /// Whether there is anything.
    pub fn any(self) -> bool {
        self.event || self.spec
    }
}

impl Tables<'_> {
    /// The protocol runs of a scope, by id. One that stands for a project's setup has no spec, and is none of them unless it
    /// is named.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where the scope names a project or a protocol run that there is not.
    pub fn runs_to_audit(&self, scope: AuditScope) -> Result<Vec<i64>, StoreError> {
        if let Some(project) = scope.project_id {
            self.project(project)?;
        }
        if let Some(id) = scope.protocol_run_id {
            let owner = self.protocol(id)?.project_id;
            if scope.project_id.is_some_and(|project| project != owner) {
                return Err(StoreError::NotFound("Protocol"));
            }
        }
        self.connection
            .prepare_cached(
                "SELECT id FROM protocol_runs WHERE id > ?1 AND (?2 IS NULL OR project_id = ?2)
                     AND (?3 = id OR (?3 IS NULL AND protocol_name <> 'setup-' || project_id))
                     ORDER BY id LIMIT ?4",
            )?
            .query_map(
                (
                    scope.after,
                    scope.project_id,
                    scope.protocol_run_id,
                    scope.limit,
                ),
                |row| row.get(0),
            )?
            .collect::<Result<_, _>>()
            .map_err(StoreError::from)
    }

    /// Looks at a protocol run; writes nothing. `derived` is what came of deriving a spec, once that was tried; with
    /// `backfill` it is to be the run's.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn look_at_spec(
        &self,
        id: i64,
        derived: Option<&Result<Derived, NotDerived>>,
        backfill: bool,
    ) -> Result<Look, StoreError> {
        let run = self.protocol(id)?;
        let judged = match run.template_config.as_ref().and_then(spec_of) {
            Some(spec) => {
                let finding = self.judge(&run, spec)?;
                let is_stale = !says(&run, &finding);
                Some((finding, backfill && is_stale))
            }
            None => self.judge_specless(&run, derived, backfill)?,
        };
        let Some((finding, spec)) = judged else {
            let specless = Specless {
                project: self.project(run.project_id)?,
                rows: self.step_rows(id)?,
                run,
            };
            return Ok(Look::Derive(Box::new(specless)));
        };
        let event = finding.is_news_after(self.last_audit(id)?.as_ref());
        Ok(Look::Found(Box::new(finding), Changes { event, spec }))
    }

    /// Looks at a protocol run once more, and writes what changes.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Conflict`] where nobody has tried to derive the spec that it lacks.
    pub fn audit_spec(
        &self,
        id: i64,
        derived: Option<&Result<Derived, NotDerived>>,
        backfill: bool,
    ) -> Result<SpecAudit, StoreError> {
        let Look::Found(finding, changes) = self.look_at_spec(id, derived, backfill)? else {
            let gone = format!("protocol run {id} has lost its spec while it was audited");
            return Err(StoreError::Conflict(gone));
        };
        if changes.spec {
            let run = self.protocol(id)?;
            match derived {
                Some(Ok(derived)) if finding.outcome == AuditOutcome::Backfilled => {
                    self.write_spec(&run, &derived.spec, &[])?;
                    self.fill_rows(id, &derived.spec)?;
                }
                _ => self.restate(&run, finding.spec_hash.as_deref(), &finding.errors)?,
            }
        }
        if changes.event {
            self.write_event(id, &finding.event())?;
        }
        Ok(*finding)
    }

    /// What is found of a run without a spec, and whether it is to be given one; none where nobody has tried to derive it.
    fn judge_specless(
        &self,
        run: &ProtocolRun,
        derived: Option<&Result<Derived, NotDerived>>,
        backfill: bool,
    ) -> Result<Option<(SpecAudit, bool)>, StoreError> {
        let reason = match derived {
            _ if run.status == ProtocolStatus::Planning => {
                "it is being planned: its spec is still to come"
            }
            Some(Ok(derived)) if !self.has_steps_of(run.id, &derived.spec)? => {
                "its steps have changed while it was audited: audit it again"
            }
            Some(derived) => {
                let finding = judge_derived(run, derived, backfill);
                let given = finding.outcome == AuditOutcome::Backfilled;
                return Ok(Some((finding, given)));
            }
            None => return Ok(None),
        };
        let unsound = NotDerived::Unsound(reason.to_owned());
        let finding = judge_derived(run, &Err(unsound), backfill);
        Ok(Some((finding, false)))
    }

    /// What is wrong with the spec that a run has. One that was accepted may name the engine of a team's worker; one that was
    /// refused for that is refused still.
    fn judge(&self, run: &ProtocolRun, spec: &Value) -> Result<SpecAudit, StoreError> {
        let state = run.spec_validation_status.as_deref();
        let was_refused = state.is_some_and(|status| status != VALID);
        let engines = was_refused.then(spec::engines);
        let errors = self.validated(run, spec, engines, None)?.err();
        let errors: Vec<String> = errors.iter().flatten().map(ToString::to_string).collect();
        let outcome = if errors.is_empty() {
            AuditOutcome::Valid
        } else {
            AuditOutcome::Invalid
        };
        Ok(SpecAudit {
            spec_hash: Some(spec_hash(spec)),
            errors,
            ..SpecAudit::of(run, outcome)
        })
    }

    /// Whether a spec's steps are those of a run, in their order, or the run has none yet.
    fn has_steps_of(&self, id: i64, spec: &Value) -> Result<bool, StoreError> {
        let steps = self.steps(id)?;
        let entries = spec["steps"].as_array().into_iter().flatten();
        let is_step = |entry: &Value, step: &StepRun| {
            let name = entry["name"].as_str().filter(|name| !name.is_empty());
            name.or(entry["id"].as_str()) == Some(&*step.step_name)
        };
        let mut steps_left = steps.iter();
        let all_there = entries
            .into_iter()
            .all(|entry| steps_left.next().is_some_and(|step| is_step(entry, step)));
        Ok(steps.is_empty() || all_there && steps_left.next().is_none())
    }

    /// Gives steps that are not done their entries, and what they wait for where they do not say.
    fn fill_rows(&self, id: i64, spec: &Value) -> Result<(), StoreError> {
        let entries = spec["steps"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let steps = self.steps(id)?;
        let ids: BTreeMap<&str, i64> = entries
            .iter()
            .zip(&steps)
            .filter_map(|(entry, step)| Some((entry["id"].as_str()?, step.id)))
            .collect();
        let mut fill = self.connection.prepare_cached(
            "UPDATE step_runs SET step_spec = ?2, depends_on = coalesce(depends_on, ?3), updated_at = ?4
             WHERE id = ?1 AND step_spec IS NULL",
        )?;
        let open = entries
            .iter()
            .zip(&steps)
            .filter(|(_, step)| !step.status.is_done());
        for (entry, step) in open {
            let needs = entry["depends_on"].as_array().into_iter().flatten();
            let needs = needs.filter_map(|id| ids.get(id.as_str()?));
            fill.execute((step.id, entry, json!(needs.collect::<Vec<_>>()), self.now))?;
        }
        Ok(())
    }

    fn step_rows(&self, id: i64) -> Result<Vec<StepRow>, StoreError> {
        let steps = self.steps(id)?.into_iter();
        let row = |step: StepRun| {
            let entry = self.step_spec(step.id)?;
            Ok(StepRow { step, entry })
        };
        steps.map(row).collect()
    }

    /// What the last audit put on record.
    fn last_audit(&self, id: i64) -> Result<Option<Value>, StoreError> {
        let found = self
            .connection
            .prepare_cached(
                "SELECT metadata FROM events WHERE protocol_run_id = ?1 AND event_type = ?2 ORDER BY id DESC LIMIT 1",
            )?
            .query_row((id, EventType::SpecAudit.as_str()), |row| row.get(0))
            .optional()?;
        Ok(found.flatten())
    }
}

fn judge_derived(
    run: &ProtocolRun,
    derived: &Result<Derived, NotDerived>,
    backfill: bool,
) -> SpecAudit {
    let outcome = if backfill {
        AuditOutcome::Backfilled
    } else {
        AuditOutcome::Derivable
    };
    match derived {
        Ok(derived) => SpecAudit {
            spec_hash: Some(spec_hash(&derived.spec)),
            source: Some(derived.source.to_owned()),
            warnings: derived.warnings.clone(),
            ..SpecAudit::of(run, outcome)
        },
        Err(NotDerived::Nothing) if run.status == ProtocolStatus::Pending => {
            SpecAudit::of(run, AuditOutcome::Unplanned)
        }
        Err(reason) => SpecAudit {
            reason: Some(reason.to_string()),
            ..SpecAudit::of(run, AuditOutcome::Underivable)
        },
    }
}

/// Whether what stands beside a run's spec is what was found of it.
fn says(run: &ProtocolRun, finding: &SpecAudit) -> bool {
    let meta = run.template_config.as_ref();
    let errors = meta.and_then(|config| config.get("spec_meta")?.get("errors"));
    let is_valid = finding.outcome == AuditOutcome::Valid;
    let said_valid = run
        .spec_validation_status
        .as_deref()
        .map(|status| status == VALID);
    run.spec_hash == finding.spec_hash
        && said_valid == Some(is_valid)
        && errors == Some(&json!(finding.errors))
}
