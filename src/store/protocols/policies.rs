//! What projects' policies were found to say of protocols, and what they keep from going on.
//!
//! Always so: a finding is told once, when it is new, and what blocks a protocol is on record in the transaction that does it.

use std::collections::BTreeSet;

use millwright_core::protocol::{
    EventType, Kind, NewEvent, PolicyFinding, PolicyLook, PolicyMode, PolicyScope, Project,
    ProjectPolicy, ProtocolRun, ProtocolStatus, StepPrompt, StepStatus, policy_looked,
    policy_mended, ready_steps, unclaimed,
};
use rusqlite::OptionalExtension;
use serde_json::{Value, json};

use super::{StoreError, Tables};

/// Which steps a policy is held against; the protocol itself always is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicySteps {
    /// The next ones that may be claimed: one, or all.
    Ready {
        /// All of them.
        all: bool,
    },
    /// One, before half of its work begins.
    One(i64, Kind),
    /// Every one that is not done.
    Open,
}

impl PolicySteps {
    /// Whether a protocol that stands so is looked at.
    fn is_looked_at(self, status: ProtocolStatus) -> bool {
        match self {
            Self::Ready { .. } => status.takes_steps(),
            Self::One(..) => is_worked_on(status),
            Self::Open => true,
        }
    }
}

/// What is to be looked at.
#[derive(Debug, Clone)]
pub struct PolicyCase {
    /// The project, whose policy it is.
    pub project: Project,
    /// The protocol run.
    pub run: ProtocolRun,
    /// The steps.
    pub steps: Vec<StepPrompt>,
    /// The step run, where it is one alone that someone wants to take on.
    pub step_run_id: Option<i64>,
    /// What is on record.
    pub known: PolicyState,
}

/// What is on record of a policy and a protocol.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyState {
    /// What was found last.
    pub findings: Vec<PolicyFinding>,
    /// Whether it keeps the protocol from going on.
    pub holds: bool,
}

/// What was looked at, and what came of it.
#[derive(Debug, Clone)]
pub struct PolicyOutcome {
    /// What was found.
    pub look: PolicyLook,
    /// The names of the steps that were looked at; nothing where every one was.
    pub steps: Option<BTreeSet<String>>,
}

/// Sections and files that were added, as a policy wants them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFix {
    /// The files, by their paths in the workspace.
    pub files: Vec<String>,
    /// How strictly the policy is held.
    pub mode: PolicyMode,
}

impl PolicyState {
    /// Whether a look finds the same again, and blocks nothing.
    pub fn is_confirmed_by(&self, outcome: &PolicyOutcome) -> bool {
        let (mine, _) = self.parted(outcome);
        !self.holds && outcome.look.blocking().is_empty() && same(&mine, &outcome.look.findings)
    }

    /// Why nothing of the protocol may begin.
    pub fn why_it_holds(&self) -> String {
        let blocking = self.findings.iter().filter(|finding| finding.blocks());
        let sentences: Vec<&str> = blocking.take(5).map(|finding| &*finding.message).collect();
        format!(
            "the project's policy was not kept: {}; mend it, then start or resume the protocol",
            sentences.join("; ")
        )
    }

    /// What was found of the same before, and the rest.
    fn parted(&self, outcome: &PolicyOutcome) -> (Vec<PolicyFinding>, Vec<PolicyFinding>) {
        let is_looked_at = |finding: &PolicyFinding| match (&outcome.steps, &finding.step) {
            (Some(steps), Some(step)) => steps.contains(step),
            _ => true,
        };
        self.findings.iter().cloned().partition(is_looked_at)
    }
}

impl Tables<'_> {
    /// What there is to look at before steps of a protocol are taken on. None where nothing is asked for, where the step's
    /// work has begun already, where no step may be taken on now, and of the protocol that stands for a project's setup.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn policy_case(
        &self,
        protocol_run_id: i64,
        which: PolicySteps,
    ) -> Result<Option<PolicyCase>, StoreError> {
        let run = self.protocol(protocol_run_id)?;
        let project = self.project(run.project_id)?;
        let known = self.policy_state(run.id)?;
        let is_silent = !project.policy_repo_local_enabled
            && ProjectPolicy::of_overrides(project.policy_overrides.as_ref())
                .is_ok_and(|policy| policy.asks_for_nothing());
        if (is_silent && known == PolicyState::default()) || run.status.is_terminal() {
            return Ok(None);
        }
        if !which.is_looked_at(run.status) || self.setup_of(project.id)? == Some(run.id) {
            return Ok(None);
        }
        let Some(ids) = self.steps_to_look_at(run.id, which)? else {
            return Ok(None);
        };
        let steps = self.prompts_of(&run, &ids)?;
        Ok(Some(PolicyCase {
            project,
            run,
            steps,
            step_run_id: match ids.as_slice() {
                [id] if which != PolicySteps::Open => Some(*id),
                _ => None,
            },
            known,
        }))
    }

    fn steps_to_look_at(
        &self,
        protocol_run_id: i64,
        which: PolicySteps,
    ) -> Result<Option<Vec<i64>>, StoreError> {
        let seen = self.see(protocol_run_id)?;
        let steps = seen.snapshot.steps.iter();
        let mut open = steps.filter(|step| !step.status.is_done()).peekable();
        Ok(Some(match which {
            PolicySteps::Open => open.map(|step| step.id).collect(),
            PolicySteps::Ready { all } => {
                if open.peek().is_none() {
                    return Ok(None);
                }
                let most = if all { usize::MAX } else { 1 };
                ready_steps(&seen.snapshot).into_iter().take(most).collect()
            }
            PolicySteps::One(id, kind) => {
                let step = seen.snapshot.step(id);
                let held = self.claim_of(id)?;
                let begun = held.is_some_and(|held| step.is_some_and(|step| held.is_at_work(step)));
                let status = step.map(|step| step.status);
                let awaits = match kind {
                    Kind::Execute => {
                        !matches!(status, Some(StepStatus::Running | StepStatus::NeedsQa))
                    }
                    Kind::Qa => status == Some(StepStatus::NeedsQa),
                };
                let is_done = status.is_none_or(StepStatus::is_done);
                if begun || is_done || !awaits {
                    return Ok(None);
                }
                vec![id]
            }
        }))
    }

    /// The files that say what steps do, as the spec named them when the steps were last made from it.
    fn prompts_of(&self, run: &ProtocolRun, ids: &[i64]) -> Result<Vec<StepPrompt>, StoreError> {
        let mut row = self
            .connection
            .prepare_cached("SELECT step_name, step_spec FROM step_runs WHERE id = ?1")?;
        let mut entries = Vec::new();
        for id in ids {
            entries.push(row.query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))?);
        }
        let config = run.template_config.as_ref();
        let placeholders =
            config.and_then(|config| config.get("protocol_spec")?.get("placeholders"));
        Ok(StepPrompt::of_entries(entries, placeholders))
    }

    /// What is on record of a protocol's policy.
    ///
    /// # Errors
    /// The database's.
    pub fn policy_state(&self, protocol_run_id: i64) -> Result<PolicyState, StoreError> {
        let row: Option<(Value, bool)> = self
            .connection
            .prepare_cached("SELECT findings, holds FROM policy_states WHERE protocol_run_id = ?1")?
            .query_row([protocol_run_id], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        Ok(
            row.map_or_else(PolicyState::default, |(findings, holds)| PolicyState {
                findings: serde_json::from_value(findings).unwrap_or_default(),
                holds,
            }),
        )
    }

    /// Puts on record what a policy finds, and blocks the protocol where it is not kept. Gives what is on record then.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn policy_looked(
        &self,
        protocol_run_id: i64,
        outcome: &PolicyOutcome,
    ) -> Result<PolicyState, StoreError> {
        let known = self.policy_state(protocol_run_id)?;
        let seen = self.see(protocol_run_id)?;
        // Since it was looked at, someone may have paused it or had it planned anew.
        if outcome.look.scope == PolicyScope::Step && !is_worked_on(seen.snapshot.status) {
            return Ok(known);
        }
        let is_held = known.holds && seen.snapshot.status == ProtocolStatus::Blocked;
        let (before, mut findings) = known.parted(outcome);
        let is_news = !same(&before, &outcome.look.findings);
        let decision = policy_looked(&seen.snapshot, &outcome.look, is_news, is_held);
        self.apply(&seen, &decision, None)?;
        findings.splice(0..0, outcome.look.findings.iter().cloned());
        let holds = is_held || !outcome.look.blocking().is_empty();
        let state = PolicyState { findings, holds };
        if state != known {
            self.write_policy_state(protocol_run_id, &state)?;
        }
        if holds && let Some(id) = outcome.look.step_run_id {
            self.free(id)?;
        }
        Ok(state)
    }

    /// Takes a step from whoever has claimed it, unless someone works on it.
    fn free(&self, step_run_id: i64) -> Result<(), StoreError> {
        let Some(held) = self.claim_of(step_run_id)? else {
            return Ok(());
        };
        let seen = self.see(held.protocol_run_id)?;
        let step = seen.snapshot.step(step_run_id);
        if step.is_some_and(|step| held.is_at_work(step)) {
            return Ok(());
        }
        self.drop_claim(step_run_id)?;
        let unused = held.phase.is_none();
        let decision = unused.then(|| unclaimed(&seen.snapshot, step_run_id));
        match decision.flatten() {
            Some(decision) => self.apply(&seen, &decision, Some(&held)),
            None => Ok(()),
        }
    }

    /// How a protocol would stand that someone lets go on after its policy blocked it; nothing where that did not.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn after_policy(&self, id: i64) -> Result<Option<ProtocolStatus>, StoreError> {
        let seen = self.see(id)?;
        let is_blocked = seen.snapshot.status == ProtocolStatus::Blocked;
        if !is_blocked || !self.policy_state(id)?.holds {
            return Ok(None);
        }
        Ok(Some(policy_mended(&seen.snapshot)?.after.status))
    }

    /// Lets a protocol go on that its policy blocked. Where it is to be planned again, [`Tables::plan`] is to be called.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Conflict`] where it is not blocked.
    pub fn policy_mended(&self, id: i64) -> Result<ProtocolRun, StoreError> {
        let seen = self.see(id)?;
        self.apply(&seen, &policy_mended(&seen.snapshot)?, None)?;
        let state = self.policy_state(id)?;
        let holds = false;
        self.write_policy_state(id, &PolicyState { holds, ..state })?;
        self.protocol(id)
    }

    /// Puts on record what was added because a policy wants it, and under which policy a protocol is planned.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn planned_under(
        &self,
        id: i64,
        policy_hash: &str,
        fix: Option<&PolicyFix>,
    ) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("UPDATE protocol_runs SET policy_effective_hash = ?2 WHERE id = ?1")?
            .execute((id, policy_hash))?;
        let Some(fix) = fix else {
            return Ok(());
        };
        let files = fix.files.join(", ");
        let message = format!("What the project's policy wants was added: {files}.");
        let event = NewEvent::new(EventType::PolicyAutofix, message)
            .with("files", fix.files.clone())
            .with("mode", fix.mode.as_str());
        self.write_event(id, &event)
    }

    fn write_policy_state(&self, id: i64, state: &PolicyState) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "INSERT INTO policy_states (protocol_run_id, findings, holds) VALUES (?1, ?2, ?3)
                 ON CONFLICT (protocol_run_id) DO UPDATE SET findings = ?2, holds = ?3",
            )?
            .execute((id, json!(state.findings), state.holds))?;
        Ok(())
    }
}

/// Whether a protocol's steps may begin, of a blocked one those that someone begins by hand.
fn is_worked_on(status: ProtocolStatus) -> bool {
    status.takes_steps() || status == ProtocolStatus::Blocked
}

/// Whether two looks found the same, in whatever order.
fn same(one: &[PolicyFinding], other: &[PolicyFinding]) -> bool {
    one.len() == other.len() && one.iter().all(|finding| other.contains(finding))
}
