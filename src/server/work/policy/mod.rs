//! Projects' policies in the server: what lies on disk is held against them before work is taken on.
//!
//! Always so: disks and git are asked outside of transactions; what follows from what they say is decided in one.

mod effective;
mod fix;
mod gate;

use std::sync::Arc;

use millwright_core::protocol::{
    Ground, PolicyFinding, PolicyLook, PolicyScope, Project, ProtocolRun, StepPrompt, StepSpec,
};
use millwright_step::workspace::{self, Contents};
use serde::Deserialize;
use serde_json::Value;

pub(super) use effective::EffectivePolicy;

use super::{Shared, Work};
use crate::store::StoreError;
use crate::store::protocols::{PolicyCase, PolicyFix, PolicyOutcome, PolicySteps, Tables};

/// What the policy of a protocol's project comes to when it is planned.
pub(super) struct PlannedUnder {
    hash: String,
    outcome: PolicyOutcome,
    fix: Option<PolicyFix>,
}

/// What a project's policy finds in a protocol now.
#[derive(Debug)]
pub struct PolicyNow {
    /// The policy.
    pub effective: EffectivePolicy,
    /// What it finds.
    pub findings: Vec<PolicyFinding>,
    /// Whether it keeps the protocol from going on.
    pub blocked: bool,
}

impl Work {
    /// A project's policy.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn policy(&self, project_id: i64) -> Result<(Project, EffectivePolicy), StoreError> {
        let project = self
            .protocols()
            .read(move |tables| tables.project(project_id));
        let project = project.await?;
        blocking(move || {
            let effective = EffectivePolicy::of(&project);
            (project, effective)
        })
        .await
    }

    /// What a project's policy finds in a protocol that has not ended. Nothing is put on record.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn policy_now(&self, protocol_run_id: i64) -> Result<PolicyNow, StoreError> {
        let case = self.protocols().read(move |tables| {
            let project = tables.protocol(protocol_run_id)?.project_id;
            let blocked = tables.after_policy(protocol_run_id)?.is_some();
            let case = tables.policy_case(protocol_run_id, PolicySteps::Open)?;
            Ok((tables.project(project)?, case, blocked))
        });
        let (project, case, blocked) = case.await?;
        let shared = Arc::clone(&self.0);
        blocking(move || {
            let effective = EffectivePolicy::of(&project);
            let found =
                case.map(|case| shared.find(&effective, &case.run, &case.project, &case.steps));
            PolicyNow {
                effective,
                findings: found.unwrap_or_default(),
                blocked,
            }
        })
        .await
    }
}

impl PlannedUnder {
    /// Puts on record what was added before the steps are made.
    pub(super) fn before(&self, tables: &Tables<'_>, id: i64) -> Result<(), StoreError> {
        tables.planned_under(id, &self.hash, self.fix.as_ref())
    }

    /// Puts on record what was found, once there are steps; blocks the protocol where its policy is not kept.
    pub(super) fn after(&self, tables: &Tables<'_>, id: i64) -> Result<(), StoreError> {
        tables.policy_looked(id, &self.outcome).map(drop)
    }
}

impl Shared {
    /// Holds a plan to its project's policy, and adds what is missing where the policy wants that. Nothing where it asks for
    /// nothing, and never did. `spec` is the plan, where it is not on record yet.
    pub(super) async fn look_at_plan(
        self: &Arc<Self>,
        id: i64,
        spec: Option<Value>,
    ) -> Result<Option<PlannedUnder>, StoreError> {
        let open = PolicySteps::Open;
        let case = self
            .protocols
            .read(move |tables| tables.policy_case(id, open));
        let Some(mut case) = case.await? else {
            return Ok(None);
        };
        let of_run =
            |run: &ProtocolRun| run.template_config.as_ref()?.get("protocol_spec").cloned();
        if let Some(spec) = spec.or_else(|| of_run(&case.run)) {
            case.steps = steps_of(&spec);
        }
        let shared = Arc::clone(self);
        blocking(move || Some(shared.held_to_policy(&case))).await
    }

    fn held_to_policy(&self, case: &PolicyCase) -> PlannedUnder {
        let effective = EffectivePolicy::of(&case.project);
        let look = || self.find(&effective, &case.run, &case.project, &case.steps);
        let mut findings = look();
        let mut fix = None;
        if effective.policy.adds_what_is_missing() {
            fix = self.fix(case, &effective, &findings);
        }
        if fix.is_some() {
            findings = look();
        }
        let outcome = PolicyOutcome {
            look: PolicyLook {
                scope: PolicyScope::Planning,
                step_run_id: None,
                findings,
            },
            steps: None,
        };
        let hash = effective.hash;
        PlannedUnder { hash, outcome, fix }
    }

    /// Adds what can be added. What cannot stays a finding.
    fn fix(
        &self,
        case: &PolicyCase,
        effective: &EffectivePolicy,
        findings: &[PolicyFinding],
    ) -> Option<PolicyFix> {
        let files = fix::to_mend(findings);
        if files.is_empty() {
            return None;
        }
        let work = format!("Policy of {}", case.run.protocol_name);
        let (run, options) = (&case.run, &self.settings.workspace);
        let mend = |folder: &std::path::Path| fix::mend(folder, &files, &effective.policy);
        match workspace::amend(run, &case.project, options, &work, mend) {
            Ok(files) if files.is_empty() => None,
            Ok(files) => Some(PolicyFix {
                files,
                mode: effective.policy.mode(),
            }),
            Err(error) => {
                tracing::warn!(protocol_run_id = run.id, %error, "what the policy wants was not added");
                None
            }
        }
    }

    /// What a policy finds. Asks the disk, and git.
    fn find(
        &self,
        effective: &EffectivePolicy,
        run: &ProtocolRun,
        project: &Project,
        steps: &[StepPrompt],
    ) -> Vec<PolicyFinding> {
        let mut findings = effective.problems.clone();
        if effective.policy.asks_for_nothing() {
            return findings;
        }
        let contents = Contents::of_protocol(run, project, &self.settings.workspace);
        let contents = contents.unwrap_or_else(|error| {
            tracing::warn!(protocol_run_id = run.id, %error, "what lies in its workspace is not known");
            None
        });
        let ground = contents.as_ref().map(|contents| contents as &dyn Ground);
        findings.extend(effective.policy.findings(steps, ground));
        findings
    }
}

/// The steps that a spec plans.
fn steps_of(spec: &Value) -> Vec<StepPrompt> {
    let entries = spec.get("steps").and_then(Value::as_array);
    let named = entries.into_iter().flatten().map(|entry| {
        // A spec that cannot be read is refused when its steps are made.
        let step = StepSpec::deserialize(entry).ok()?;
        Some((step.row_name().to_owned(), Some(entry.clone())))
    });
    StepPrompt::of_entries(named.flatten().collect(), spec.get("placeholders"))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StoreError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| StoreError::Closed)
}
