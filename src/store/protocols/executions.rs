//! Executions: what the server runs, or has run, for a claim.
//!
//! Always so: a claim has at most one execution of each kind, and one that has ended is not changed.

use millwright_core::protocol::{
    Begun, EventType, Execution, ExecutionStarted, ExecutionStatus, Kind, LetGo, NewEvent, Report,
    StepRun, StepStatus,
};
use rusqlite::{OptionalExtension, Row};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::work::as_json;
use super::{StoreError, Tables, word};

/// An execution that was asked for.
#[derive(Debug, Clone)]
pub struct StartedExecution {
    /// The answer to whoever asked.
    pub started: ExecutionStarted,
    /// The work, where it is new and has to be done.
    pub begun: Option<Begun>,
}

/// An execution that is under way, and who runs it.
#[derive(Debug, Clone)]
pub struct Lost {
    /// Names the execution.
    pub execution_id: String,
    /// The server that runs it.
    pub owner: String,
}

/// How an execution ends.
pub(super) enum End {
    Succeeded(Value),
    Failed(Value),
    Cancelled,
}

impl Tables<'_> {
    /// Begins an execution for a claim; asked again for the same claim, gives the same execution. Without a claim
    /// the step is claimed for as long as the execution lasts.
    ///
    /// # Errors
    /// As [`Tables::begin`].
    pub fn start_execution(
        &self,
        step_run_id: i64,
        kind: Kind,
        claim: Option<&str>,
        owner: &str,
    ) -> Result<StartedExecution, StoreError> {
        self.start_execution_after(step_run_id, kind, claim, owner, Map::new())
    }

    /// The same, with more on record of what it was begun after.
    ///
    /// # Errors
    /// As [`Tables::begin`].
    pub fn start_execution_after(
        &self,
        step_run_id: i64,
        kind: Kind,
        claim: Option<&str>,
        owner: &str,
        cause: Map<String, Value>,
    ) -> Result<StartedExecution, StoreError> {
        let step = self.step(step_run_id)?;
        let known = match claim {
            Some(claim) => self.known_end(&step, kind, claim, owner)?,
            None => None,
        };
        if let Some(started) = known {
            let begun = None;
            return Ok(StartedExecution { started, begun });
        }
        let begun = self.begin(step_run_id, kind, claim)?;
        let started = self.insert_execution(step_run_id, kind, &begun.claim.claim, owner)?;
        let held = self.held(step_run_id, &begun.claim.claim)?;
        let event = enqueued(&begun, &started.execution_id)
            .with("run_id", self.run_of(None, &held)?)
            .with_all(cause);
        self.write_event(step.protocol_run_id, &event)?;
        let begun = Some(begun);
        Ok(StartedExecution { started, begun })
    }

    /// The execution of a claim that leaves nothing to begin: it was begun before, a policy has sent the step back
    /// since, or the step was executed by someone who never came to check it.
    fn known_end(
        &self,
        step: &StepRun,
        kind: Kind,
        claim: &str,
        owner: &str,
    ) -> Result<Option<ExecutionStarted>, StoreError> {
        if let Some(started) = self.execution_for(step.id, kind, claim)? {
            return Ok(Some(started));
        }
        if kind == Kind::Execute && step.status == StepStatus::NeedsQa {
            return self.executed_before(step.id, claim, owner).map(Some);
        }
        if self
            .claim_of(step.id)?
            .is_some_and(|held| held.claim == claim)
            && self.waits_again(step)?
        {
            self.drop_claim(step.id)?;
            self.supersede(step.id, claim)?;
        }
        if !self.is_superseded(step.id, claim)? {
            return Ok(None);
        }
        let mut started = self.insert_execution(step.id, kind, claim, owner)?;
        self.end_superseded(step.id, claim)?;
        started.status = ExecutionStatus::Succeeded;
        Ok(Some(started))
    }

    /// A claim on a step that was executed by someone who never came to check it: there is nothing to execute.
    fn executed_before(
        &self,
        step_run_id: i64,
        claim: &str,
        owner: &str,
    ) -> Result<ExecutionStarted, StoreError> {
        self.held(step_run_id, claim)?;
        let mut started = self.insert_execution(step_run_id, Kind::Execute, claim, owner)?;
        let step = self.step(step_run_id)?;
        self.end_running(claim, &End::Succeeded(as_json(&step)))?;
        self.use_claim(claim, Kind::Execute.as_str())?;
        self.extend(claim, self.leases.waiting)?;
        started.status = ExecutionStatus::Succeeded;
        Ok(started)
    }

    fn insert_execution(
        &self,
        step_run_id: i64,
        kind: Kind,
        claim: &str,
        owner: &str,
    ) -> Result<ExecutionStarted, StoreError> {
        let execution_id = Uuid::now_v7().to_string();
        self.connection
            .prepare_cached(
                "INSERT INTO executions (id, step_run_id, protocol_run_id, kind, claim, status, owner, created_at)
                 SELECT ?1, id, protocol_run_id, ?3, ?4, 'running', ?5, ?6 FROM step_runs WHERE id = ?2",
            )?
            .execute((
                &execution_id,
                step_run_id,
                kind.as_str(),
                claim,
                owner,
                self.now,
            ))?;
        Ok(ExecutionStarted {
            execution_id,
            step_run_id,
            kind,
            status: ExecutionStatus::Running,
        })
    }

    fn execution_for(
        &self,
        step_run_id: i64,
        kind: Kind,
        claim: &str,
    ) -> Result<Option<ExecutionStarted>, StoreError> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT * FROM executions WHERE claim = ?1 AND kind = ?2 AND step_run_id = ?3",
            )?
            .query_row((claim, kind.as_str(), step_run_id), |row| {
                Ok(ExecutionStarted {
                    execution_id: row.get("id")?,
                    step_run_id,
                    kind,
                    status: word(row, "status")?,
                })
            })
            .optional()?)
    }

    /// An execution.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn execution(&self, id: &str) -> Result<Execution, StoreError> {
        self.connection
            .prepare_cached("SELECT * FROM executions WHERE id = ?1")?
            .query_row([id], from_row)
            .optional()?
            .ok_or(StoreError::NotFound("Execution"))
    }

    /// Ends the claims of an execution's protocol that lapsed, and gives the execution as it then stands.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn swept_execution(&self, id: &str) -> Result<Execution, StoreError> {
        let execution = self.execution(id)?;
        if execution.status != ExecutionStatus::Running {
            return Ok(execution);
        }
        self.sweep(self.step(execution.step_run_id)?.protocol_run_id)?;
        self.execution(id)
    }

    /// The claim that an execution runs under.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn claim_of_execution(&self, id: &str) -> Result<String, StoreError> {
        self.connection
            .prepare_cached("SELECT claim FROM executions WHERE id = ?1")?
            .query_row([id], |row| row.get(0))
            .optional()?
            .ok_or(StoreError::NotFound("Execution"))
    }

    /// The executions under way, with who runs them.
    ///
    /// # Errors
    /// The database's.
    pub fn under_way(&self) -> Result<Vec<Lost>, StoreError> {
        self.connection
            .prepare_cached("SELECT id, owner FROM executions WHERE status = 'running'")?
            .query_map([], |row| {
                Ok(Lost {
                    execution_id: row.get("id")?,
                    owner: row.get("owner")?,
                })
            })?
            .collect::<Result<_, _>>()
            .map_err(StoreError::from)
    }

    /// Gives up an execution whose server is gone: it failed, and its step may be chosen again.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn give_up(&self, id: &str) -> Result<(), StoreError> {
        let execution = self.execution(id)?;
        if execution.status != ExecutionStatus::Running {
            return Ok(());
        }
        let claim = self.claim_of_execution(id)?;
        match self.claim_of(execution.step_run_id)? {
            Some(held) if held.claim == claim => self.take_back(&held, LetGo::ServerLost),
            _ => self.fail_running(
                &claim,
                &serde_json::json!({"name": "ExecutionLost", "message": "the server that ran it is gone"}),
            ),
        }
    }

    /// Which of these executions have ended.
    ///
    /// # Errors
    /// The database's.
    pub fn ended_among(&self, ids: &[String]) -> Result<Vec<String>, StoreError> {
        let mut running = self
            .connection
            .prepare_cached("SELECT 1 FROM executions WHERE id = ?1 AND status = 'running'")?;
        let mut ended = Vec::new();
        for id in ids {
            if !running.exists([id])? {
                ended.push(id.clone());
            }
        }
        Ok(ended)
    }

    /// Stops an execution that another server runs: its claim ends, and with it the work.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn stop_elsewhere(&self, id: &str) -> Result<Execution, StoreError> {
        let execution = self.swept_execution(id)?;
        if execution.status != ExecutionStatus::Running {
            return Ok(execution);
        }
        let claim = self.claim_of_execution(id)?;
        let report = Report::stopped(execution.kind, "the execution was stopped");
        self.report(execution.step_run_id, &claim, &report)?;
        self.execution(id)
    }

    /// Ends what runs under a claim.
    pub(super) fn end_running(&self, claim: &str, end: &End) -> Result<(), StoreError> {
        for kind in Kind::ALL {
            self.end_running_of(claim, *kind, end)?;
        }
        Ok(())
    }

    pub(super) fn end_running_of(
        &self,
        claim: &str,
        kind: Kind,
        end: &End,
    ) -> Result<(), StoreError> {
        let (status, result, error) = match end {
            End::Succeeded(result) => (ExecutionStatus::Succeeded, Some(result), None),
            End::Failed(error) => (ExecutionStatus::Failed, None, Some(error)),
            End::Cancelled => (ExecutionStatus::Cancelled, None, None),
        };
        self.connection
            .prepare_cached(
                "UPDATE executions SET status = ?3, result = ?4, error = ?5, finished_at = ?6
                 WHERE claim = ?1 AND kind = ?2 AND status = 'running'",
            )?
            .execute((
                claim,
                kind.as_str(),
                status.as_str(),
                result,
                error,
                self.now,
            ))?;
        Ok(())
    }

    pub(super) fn fail_running(&self, claim: &str, error: &Value) -> Result<(), StoreError> {
        self.end_running(claim, &End::Failed(error.clone()))
    }
}

/// The event of an execution that the server took on.
fn enqueued(begun: &Begun, execution_id: &str) -> NewEvent {
    let (event_type, what) = match begun.kind {
        Kind::Execute => (EventType::StepEnqueued, "execution"),
        Kind::Qa => (EventType::QaEnqueued, "check"),
    };
    let assignment = &begun.assignment;
    let message = format!("The {what} of step {} enqueued.", assignment.step_name);
    NewEvent::new(event_type, message)
        .of_step(assignment.step_run_id)
        .with("job_id", execution_id)
        .with("spec_hash", assignment.spec_hash.clone())
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Execution> {
    Ok(Execution {
        execution_id: row.get("id")?,
        step_run_id: row.get("step_run_id")?,
        kind: word(row, "kind")?,
        status: word(row, "status")?,
        result: row.get("result")?,
        error: row.get("error")?,
    })
}
