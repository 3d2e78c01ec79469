//! Claims: who may work on which step, and until when.
//!
//! Always so: a step has at most one claim, and one that has lapsed is gone before anything else is decided.

use std::time::Duration;

use millwright_core::protocol::{
    Claim, Kind, LetGo, ProtocolStatus, QaPolicy, RunNextStep, SelectedStep, Step, StepAction,
    StepStatus, claimed, let_go, ready_steps, unclaimed,
};
use rusqlite::{OptionalExtension, Row};
use serde_json::json;
use uuid::Uuid;

use super::decisions::Seen;
use super::{StoreError, Tables};
use crate::store::Timestamp;

/// A claim's row.
#[derive(Debug, Clone)]
pub(super) struct HeldClaim {
    pub(super) step_run_id: i64,
    pub(super) protocol_run_id: i64,
    pub(super) claim: String,
    /// In whose name: the job of a flow, or of a step that runs by itself.
    pub(super) holder: String,
    /// Which half of the work it was last used for.
    pub(super) phase: Option<String>,
    /// Whether it was given to a caller, who keeps it from execution to check.
    pub(super) of_caller: bool,
    pub(super) expires_at: Timestamp,
}

impl HeldClaim {
    /// Whether someone works on the step under it: it was used, and is not only kept from the work to its check.
    pub(super) fn is_at_work(&self, step: &Step) -> bool {
        let awaits_check = step.status == StepStatus::NeedsQa && step.qa != QaPolicy::Light;
        let phase = self.phase.as_deref();
        phase.is_some_and(|phase| phase != Kind::Execute.as_str() || !awaits_check)
    }
}

impl Tables<'_> {
    /// Claims the next ready step of a protocol for a holder, or every ready one. A holder that has not used what
    /// it was given gets the same again.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn select(
        &self,
        protocol_run_id: i64,
        holder: &str,
        all: bool,
    ) -> Result<RunNextStep, StoreError> {
        self.sweep(protocol_run_id)?;
        let seen = self.block_what_awaits_answers(protocol_run_id, all)?;
        let status = seen.snapshot.status;
        let mut steps = Vec::new();
        if status.takes_steps() {
            steps = self.unused_claims(protocol_run_id, holder)?;
        }
        for step_run_id in ready_steps(&seen.snapshot) {
            if !all && !steps.is_empty() {
                break;
            }
            let claim = self.give_claim(protocol_run_id, step_run_id, holder)?;
            self.tell_of_trigger(&seen, step_run_id)?;
            steps.push(SelectedStep { step_run_id, claim });
        }
        steps.sort_by_key(|selected| {
            let step = seen.snapshot.step(selected.step_run_id);
            step.map(|step| step.index)
        });
        if !all {
            steps.truncate(1);
        }
        let name = |id| seen.snapshot.step(id).map(|step| step.name.clone());
        let names: Vec<String> = steps.iter().filter_map(|s| name(s.step_run_id)).collect();
        let message = match names.as_slice() {
            [] => self.why_none(protocol_run_id, status)?,
            [name] => format!("Step {name} claimed"),
            names => format!("Steps {} claimed", names.join(", ")),
        };
        Ok(answer(steps, status, message))
    }

    /// Blocks the steps that would be chosen and that wait for answers; gives the protocol as it then stands.
    fn block_what_awaits_answers(
        &self,
        protocol_run_id: i64,
        all: bool,
    ) -> Result<Seen, StoreError> {
        let most = if all { usize::MAX } else { 1 };
        loop {
            let seen = self.see(protocol_run_id)?;
            if seen.snapshot.questions.is_empty() {
                return Ok(seen);
            }
            let mut blocked = false;
            for id in ready_steps(&seen.snapshot).into_iter().take(most) {
                let executed = seen.snapshot.step(id).map(|step| step.status);
                let kind = match executed {
                    Some(StepStatus::NeedsQa) => Kind::Qa,
                    _ => Kind::Execute,
                };
                blocked = self.hold_back_step(&seen, id, kind)?;
                if blocked {
                    break;
                }
            }
            if !blocked {
                return Ok(seen);
            }
        }
    }

    /// Why no step can be run. What blocks a protocol is named, with what came of it.
    fn why_none(&self, protocol_run_id: i64, status: ProtocolStatus) -> Result<String, StoreError> {
        let mut why = format!("No step can be run now: the protocol is {status}");
        if status != ProtocolStatus::Blocked {
            return Ok(why);
        }
        let policy = self.policy_state(protocol_run_id)?;
        if policy.holds {
            why.push_str("; ");
            why.push_str(&policy.why_it_holds());
        }
        let steps = self.steps(protocol_run_id)?.into_iter();
        let blocking = steps
            .filter(|step| matches!(step.status, StepStatus::Failed | StepStatus::Blocked))
            .map(|step| {
                let summary = step.summary.unwrap_or_else(|| "no reason given".to_owned());
                format!("step {} is {}: {summary}", step.step_name, step.status)
            });
        for step in blocking {
            why.push_str("; ");
            why.push_str(&step);
        }
        Ok(why)
    }

    /// Claims one step for a holder.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Conflict`] where another holds it.
    pub fn claim_step(&self, step_run_id: i64, holder: &str) -> Result<Claim, StoreError> {
        let step = self.step(step_run_id)?;
        self.sweep(step.protocol_run_id)?;
        let unused = self.unused_claims(step.protocol_run_id, holder)?;
        if let Some(mine) = unused.iter().find(|mine| mine.step_run_id == step_run_id) {
            return Ok(lease(step_run_id, &mine.claim, self.leases.waiting));
        }
        self.refuse_held(step_run_id)?;
        if !step.status.allows(StepAction::Check) {
            step.status.after(step_run_id, StepAction::Execute)?;
        }
        let claim = self.give_claim(step.protocol_run_id, step_run_id, holder)?;
        self.tell_of_trigger(&self.see(step.protocol_run_id)?, step_run_id)?;
        Ok(lease(step_run_id, &claim, self.leases.waiting))
    }

    /// Makes a claim last longer, while its holder works.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Conflict`] where the claim does not hold the step any more.
    pub fn renew(&self, step_run_id: i64, claim: &str) -> Result<Claim, StoreError> {
        let step = self.step(step_run_id)?;
        self.sweep(step.protocol_run_id)?;
        self.held(step_run_id, claim)?;
        self.extend(claim, self.leases.working)?;
        Ok(lease(step_run_id, claim, self.leases.working))
    }

    /// The row of a claim that holds a step now.
    pub(super) fn held(&self, step_run_id: i64, claim: &str) -> Result<HeldClaim, StoreError> {
        self.claim_of(step_run_id)?
            .filter(|held| held.claim == claim)
            .ok_or_else(|| not_held(step_run_id, claim))
    }

    /// A claim for work that begins at once and that the caller did not claim: it ends with that work.
    pub(super) fn claim_for_work(
        &self,
        protocol_run_id: i64,
        step_run_id: i64,
    ) -> Result<HeldClaim, StoreError> {
        self.refuse_held(step_run_id)?;
        let claim = self.give_claim(protocol_run_id, step_run_id, "by hand")?;
        self.connection
            .prepare_cached("UPDATE claims SET of_caller = 0 WHERE claim = ?1")?
            .execute([&claim])?;
        self.held(step_run_id, &claim)
    }

    fn refuse_held(&self, step_run_id: i64) -> Result<(), StoreError> {
        match self.claim_of(step_run_id)? {
            Some(held) => Err(StoreError::Conflict(format!(
                "step {step_run_id} is claimed by another until {} UTC: wait, or show its claim",
                held.expires_at.to_row_text()
            ))),
            None => Ok(()),
        }
    }

    pub(super) fn claim_of(&self, step_run_id: i64) -> Result<Option<HeldClaim>, StoreError> {
        Ok(self
            .connection
            .prepare_cached("SELECT * FROM claims WHERE step_run_id = ?1")?
            .query_row([step_run_id], from_row)
            .optional()?)
    }

    fn give_claim(
        &self,
        protocol_run_id: i64,
        step_run_id: i64,
        holder: &str,
    ) -> Result<String, StoreError> {
        let claim = Uuid::new_v4().to_string();
        self.connection
            .prepare_cached(
                "INSERT INTO claims (step_run_id, protocol_run_id, claim, holder, of_caller, expires_at)
                 VALUES (?1, ?2, ?3, ?4, 1, ?5)",
            )?
            .execute((
                step_run_id,
                protocol_run_id,
                &claim,
                holder,
                self.after(self.leases.waiting),
            ))?;
        Ok(claim)
    }

    /// Tells of a trigger whose step was claimed just now.
    fn tell_of_trigger(&self, seen: &Seen, step_run_id: i64) -> Result<(), StoreError> {
        match claimed(&seen.snapshot, step_run_id) {
            Some(decision) => {
                let held = self.claim_of(step_run_id)?;
                self.apply(seen, &decision, held.as_ref())
            }
            None => Ok(()),
        }
    }

    fn unused_claims(
        &self,
        protocol_run_id: i64,
        holder: &str,
    ) -> Result<Vec<SelectedStep>, StoreError> {
        let claims: Vec<HeldClaim> = self
            .connection
            .prepare_cached(
                "SELECT * FROM claims WHERE protocol_run_id = ?1 AND holder = ?2 AND of_caller
                 AND phase IS NULL ORDER BY step_run_id",
            )?
            .query_map((protocol_run_id, holder), from_row)?
            .collect::<Result<_, _>>()?;
        for held in &claims {
            self.extend(&held.claim, self.leases.waiting)?;
        }
        let selected = claims.into_iter().map(|held| SelectedStep {
            step_run_id: held.step_run_id,
            claim: held.claim,
        });
        Ok(selected.collect())
    }

    /// Puts a claim to use, or lets it wait for the next half of the work.
    pub(super) fn use_claim(&self, claim: &str, phase: &str) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("UPDATE claims SET phase = ?2 WHERE claim = ?1")?
            .execute((claim, phase))?;
        self.extend(claim, self.leases.working)
    }

    pub(super) fn extend(&self, claim: &str, by: Duration) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("UPDATE claims SET expires_at = ?2 WHERE claim = ?1")?
            .execute((claim, self.after(by)))?;
        Ok(())
    }

    pub(super) fn drop_claim(&self, step_run_id: i64) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("DELETE FROM claims WHERE step_run_id = ?1")?
            .execute([step_run_id])?;
        Ok(())
    }

    /// Ends the claims of a protocol that were not renewed in time: their steps may be chosen again.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn sweep(&self, protocol_run_id: i64) -> Result<(), StoreError> {
        let lapsed: Vec<HeldClaim> = self
            .connection
            .prepare_cached("SELECT * FROM claims WHERE protocol_run_id = ?1 AND expires_at <= ?2")?
            .query_map((protocol_run_id, self.now), from_row)?
            .collect::<Result<_, _>>()?;
        for held in lapsed {
            let lapsed = self.lapse_of(&held);
            self.take_back(&held, lapsed)?;
        }
        Ok(())
    }

    /// Ends a claim whose holder is gone, with what is executed under it.
    pub(super) fn take_back(&self, held: &HeldClaim, why: LetGo) -> Result<(), StoreError> {
        let error = match why {
            LetGo::LeaseExpired { .. } => json!({
                "name": "LeaseExpired", "message": "its claim was not renewed in time",
            }),
            LetGo::ServerLost => json!({
                "name": "ExecutionLost", "message": "the server that ran it is gone",
            }),
        };
        self.fail_running(&held.claim, &error)?;
        self.drop_claim(held.step_run_id)?;
        self.lose(held)?;
        let seen = self.see(held.protocol_run_id)?;
        let status = seen.snapshot.step(held.step_run_id).map(|step| step.status);
        let decision = if held.phase.is_none() {
            unclaimed(&seen.snapshot, held.step_run_id)
        } else if status.is_some_and(StepStatus::is_in_hand) {
            Some(let_go(&seen.snapshot, held.step_run_id, why)?)
        } else {
            None
        };
        match decision {
            Some(decision) => self.apply(&seen, &decision, Some(held)),
            None => Ok(()),
        }
    }

    /// How long a claim that has lapsed was not renewed.
    fn lapse_of(&self, held: &HeldClaim) -> LetGo {
        let threshold = self.leases.working;
        let micros = u64::try_from(self.now.0 - held.expires_at.0).unwrap_or(0);
        LetGo::LeaseExpired {
            age_seconds: (threshold + Duration::from_micros(micros)).as_secs(),
            threshold_seconds: threshold.as_secs(),
        }
    }

    fn after(&self, length: Duration) -> Timestamp {
        let micros = i64::try_from(length.as_micros()).unwrap_or(i64::MAX);
        Timestamp(self.now.0.saturating_add(micros))
    }
}

/// The refusal of a claim that does not hold its step.
pub(super) fn not_held(step_run_id: i64, claim: &str) -> StoreError {
    StoreError::Conflict(format!(
        "claim {claim} does not hold step {step_run_id}: it lapsed, was used up, or the step was sent back"
    ))
}

/// A claim, as the API gives it.
pub(super) fn lease(step_run_id: i64, claim: &str, length: Duration) -> Claim {
    Claim {
        step_run_id,
        claim: claim.to_owned(),
        lease_seconds: length.as_secs(),
    }
}

fn answer(steps: Vec<SelectedStep>, status: ProtocolStatus, message: String) -> RunNextStep {
    let first = steps.first().cloned();
    RunNextStep {
        step_run_id: first.as_ref().map(|first| first.step_run_id),
        claim: first.map(|first| first.claim),
        steps,
        status,
        message,
    }
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<HeldClaim> {
    Ok(HeldClaim {
        step_run_id: row.get("step_run_id")?,
        protocol_run_id: row.get("protocol_run_id")?,
        claim: row.get("claim")?,
        holder: row.get("holder")?,
        phase: row.get("phase")?,
        of_caller: row.get("of_caller")?,
        expires_at: row.get("expires_at")?,
    })
}
