//! The way from the tables to a snapshot, and from a decision back to the tables.
//!
//! Always so: what is written is what differs between the two, and the events go in the same transaction.

use millwright_core::protocol::{Decision, QaPolicy, Snapshot, Step, StepStatus};
use rusqlite::types::ValueRef;
use rusqlite::{OptionalExtension, Row, named_params};
use serde_json::{Map, Value};

use super::claims::HeldClaim;
use super::executions::End;
use super::steps::{ints, runtime_state};
use super::{StoreError, Tables, word};

/// A protocol run's id, and the snapshot that was taken of it.
pub(super) struct Seen {
    pub(super) id: i64,
    pub(super) snapshot: Snapshot,
}

impl Tables<'_> {
    /// Takes a snapshot.
    pub(super) fn see(&self, protocol_run_id: i64) -> Result<Seen, StoreError> {
        let mut snapshot = self
            .connection
            .prepare_cached(
                "SELECT run.id, run.status, spec_hash, project_id, git_url,
                     coalesce(worktree_path, local_path) AS folder,
                     template_config -> '$.protocol_spec.template' AS template
                 FROM protocol_runs AS run JOIN projects ON projects.id = project_id WHERE run.id = ?1",
            )?
            .query_row([protocol_run_id], without_steps)
            .optional()?
            .ok_or(StoreError::NotFound("Protocol"))?;
        snapshot.questions = self.open_questions(snapshot.project_id, protocol_run_id)?;
        snapshot.steps = self
            .connection
            .prepare_cached(
                "SELECT id, step_index, step_name, status, retries, depends_on, policy, runtime_state, summary,
                     step_spec ->> '$.qa.policy' AS qa_policy, claims.claim IS NOT NULL AS claimed
                 FROM step_runs
                 LEFT JOIN claims ON claims.step_run_id = step_runs.id AND claims.expires_at > ?2
                 WHERE step_runs.protocol_run_id = ?1 ORDER BY step_index, id",
            )?
            .query_map((protocol_run_id, self.now), step_from_row)?
            .collect::<Result<_, _>>()?;
        Ok(Seen {
            id: protocol_run_id,
            snapshot,
        })
    }

    /// Writes what a decision changes, and its events. `by` is the claim of whoever caused it: what is executed
    /// under it is ended by its own report, and the events say whose work it was.
    pub(super) fn apply(
        &self,
        seen: &Seen,
        decision: &Decision,
        by: Option<&HeldClaim>,
    ) -> Result<(), StoreError> {
        let id = seen.id;
        if decision.after.status != seen.snapshot.status {
            self.connection
                .prepare_cached(
                    "UPDATE protocol_runs SET status = ?2, updated_at = ?3 WHERE id = ?1",
                )?
                .execute((id, decision.after.status.as_str(), self.now))?;
            self.end_planning(id)?;
        }
        for (before, after) in decision.changed_steps(&seen.snapshot) {
            self.write_step(after)?;
            let by = by.map(|held| held.claim.as_str());
            self.end_claim_where_done(before.status, after, by)?;
        }
        for event in &decision.events {
            match by {
                Some(held) => self.write_event(id, &self.with_origin(event, held)?)?,
                None => self.write_event(id, event)?,
            }
        }
        Ok(())
    }

    fn write_step(&self, step: &Step) -> Result<(), StoreError> {
        let state =
            (!step.runtime_state.is_empty()).then(|| Value::Object(step.runtime_state.clone()));
        self.connection
            .prepare_cached(
                "UPDATE step_runs SET status = :status, retries = :retries, runtime_state = :state,
                     summary = :summary, updated_at = :now
                 WHERE id = :id",
            )?
            .execute(named_params! {
                ":id": step.id, ":status": step.status.as_str(), ":retries": step.retries,
                ":state": state, ":summary": step.summary, ":now": self.now,
            })?;
        Ok(())
    }

    /// Work that a decision ended under someone's hands has no claim any more, and its report comes too late.
    fn end_claim_where_done(
        &self,
        before: StepStatus,
        after: &Step,
        by: Option<&str>,
    ) -> Result<(), StoreError> {
        let taken_away = before.is_in_hand() && !after.status.is_in_hand();
        if !taken_away && !after.status.is_done() {
            return Ok(());
        }
        let held = self.claim_of(after.id)?;
        self.drop_claim(after.id)?;
        let held = held.filter(|held| by != Some(&*held.claim));
        if let Some(held) = &held {
            self.lose(held)?;
        }
        match held {
            Some(held) if after.status == StepStatus::Pending => {
                self.supersede(after.id, &held.claim)
            }
            Some(held) => self.end_running(&held.claim, &End::Cancelled),
            None => Ok(()),
        }
    }
}

fn without_steps(row: &Row<'_>) -> rusqlite::Result<Snapshot> {
    let template: Option<Value> = row.get("template")?;
    Ok(Snapshot {
        protocol_run_id: row.get("id")?,
        project_id: row.get("project_id")?,
        git_url: row.get("git_url")?,
        folder: row.get("folder")?,
        status: word(row, "status")?,
        spec_hash: row.get("spec_hash")?,
        template: template.unwrap_or_default(),
        steps: Vec::new(),
        questions: Vec::new(),
    })
}

fn step_from_row(row: &Row<'_>) -> rusqlite::Result<Step> {
    let depends_on: Option<Value> = row.get("depends_on")?;
    let policy: Option<Value> = row.get("policy")?;
    Ok(Step {
        id: row.get("id")?,
        index: row.get("step_index")?,
        name: row.get("step_name")?,
        status: word(row, "status")?,
        retries: row.get("retries")?,
        depends_on: depends_on.map(|ids| ints(&ids)).unwrap_or_default(),
        policies: match policy {
            Some(Value::Array(policies)) => policies,
            Some(policy @ Value::Object(_)) => vec![policy],
            _ => Vec::new(),
        },
        qa: qa_policy(row)?,
        runtime_state: runtime_state(row)?.unwrap_or_else(Map::new),
        summary: row.get("summary")?,
        claimed: row.get("claimed")?,
    })
}

/// A step that the spec does not know, or has no word on, is checked in full.
fn qa_policy(row: &Row<'_>) -> rusqlite::Result<QaPolicy> {
    match row.get_ref("qa_policy")? {
        ValueRef::Null => Ok(QaPolicy::Full),
        _ => word(row, "qa_policy"),
    }
}
