//! The gate that a project's policy is: before steps are claimed, before work begins, and before a blocked protocol goes on.
//!
//! Always so: work that has begun is not held back, so that whoever asks again gets the same answer.

use std::collections::BTreeSet;
use std::sync::Arc;

use millwright_core::protocol::{
    Begun, Kind, PolicyFinding, PolicyLook, PolicyScope, ProtocolRun, ProtocolStatus, RunNextStep,
    StepPrompt,
};

use super::{EffectivePolicy, Shared, Work, blocking};
use crate::store::StoreError;
use crate::store::protocols::{PolicyOutcome, PolicyState, PolicySteps};

impl Work {
    /// Claims the next step of a protocol for a holder, or all that are ready, where its project's policy is kept.
    ///
    /// # Errors
    /// As [`Tables::select`](crate::store::protocols::Tables::select).
    pub async fn select(
        &self,
        protocol_run_id: i64,
        holder: String,
        all: bool,
    ) -> Result<RunNextStep, StoreError> {
        let ready = PolicySteps::Ready { all };
        self.0.hold_to_policy(protocol_run_id, ready).await?;
        self.protocols()
            .write(move |tables| tables.select(protocol_run_id, &holder, all))
            .await
    }

    /// Begins work on a step in the caller's hands.
    ///
    /// # Errors
    /// As [`Protocols::begin`](crate::store::protocols::Protocols::begin), or [`StoreError::Conflict`] where the project's policy
    /// is not kept.
    pub async fn begin(
        &self,
        step_run_id: i64,
        kind: Kind,
        claim: Option<String>,
    ) -> Result<Begun, StoreError> {
        self.hold_step_to_policy(step_run_id, kind).await?;
        self.protocols()
            .begin(step_run_id, kind, move |tables| {
                tables.begin(step_run_id, kind, claim.as_deref())
            })
            .await
    }

    /// Refuses work on a step where the project's policy is not kept.
    pub(in crate::server::work) async fn hold_step_to_policy(
        &self,
        step_run_id: i64,
        kind: Kind,
    ) -> Result<(), StoreError> {
        let step = self
            .protocols()
            .read(move |tables| tables.step(step_run_id));
        let protocol = step.await?.protocol_run_id;
        let one = PolicySteps::One(step_run_id, kind);
        let state = self.0.hold_to_policy(protocol, one).await?;
        refuse(&state, state.holds)
    }

    /// Lets a protocol go on that its project's policy blocked; gives nothing where that did not.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Conflict`] where the policy is still not kept.
    pub(in crate::server::work) async fn go_on_after_policy(
        &self,
        id: i64,
    ) -> Result<Option<ProtocolRun>, StoreError> {
        let after = self.protocols().read(move |tables| tables.after_policy(id));
        let Some(after) = after.await? else {
            return Ok(None);
        };
        // What is planned again is held to the policy then.
        if after != ProtocolStatus::Planning {
            self.0.refuse_unmended(id).await?;
        }
        let goes_on = self
            .protocols()
            .write(move |tables| tables.policy_mended(id));
        let run = goes_on.await?;
        if run.status == ProtocolStatus::Planning {
            self.plan(id);
        }
        Ok(Some(run))
    }
}

impl Shared {
    /// Holds a protocol and some of its steps to the project's policy. Gives what is on record then.
    async fn hold_to_policy(
        self: &Arc<Self>,
        id: i64,
        which: PolicySteps,
    ) -> Result<PolicyState, StoreError> {
        let case = self
            .protocols
            .read(move |tables| tables.policy_case(id, which));
        let Some(case) = case.await? else {
            return Ok(PolicyState::default());
        };
        let known = case.known.clone();
        let shared = Arc::clone(self);
        let outcome = blocking(move || {
            let effective = EffectivePolicy::of(&case.project);
            PolicyOutcome {
                look: PolicyLook {
                    scope: PolicyScope::Step,
                    step_run_id: case.step_run_id,
                    findings: shared.find(&effective, &case.run, &case.project, &case.steps),
                },
                steps: (which != PolicySteps::Open).then(|| names(&case.steps)),
            }
        })
        .await?;
        if known.is_confirmed_by(&outcome) {
            return Ok(known);
        }
        self.protocols
            .write(move |tables| tables.policy_looked(id, &outcome))
            .await
    }

    /// Refuses to let a protocol go on while its policy is not kept.
    async fn refuse_unmended(self: &Arc<Self>, id: i64) -> Result<(), StoreError> {
        let state = self.hold_to_policy(id, PolicySteps::Open).await?;
        refuse(&state, state.findings.iter().any(PolicyFinding::blocks))
    }
}

fn refuse(state: &PolicyState, is_refused: bool) -> Result<(), StoreError> {
    if is_refused {
        Err(StoreError::Conflict(state.why_it_holds()))
    } else {
        Ok(())
    }
}

fn names(steps: &[StepPrompt]) -> BTreeSet<String> {
    steps.iter().map(|step| step.name.clone()).collect()
}
