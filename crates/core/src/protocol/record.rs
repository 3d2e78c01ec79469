//! Projects, protocol runs and step runs as the API gives them.
//!
//! Always so: the names are those of the tables, and times are `YYYY-MM-DD HH:MM:SS`, UTC.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ProtocolStatus, StepStatus};

/// A project: a row of `projects`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Project {
    /// Its name.
    pub name: String,
    /// Where its repository is.
    pub git_url: Option<String>,
    /// Its checkout on the server's disk.
    pub local_path: Option<String>,
    /// The branch that work begins from.
    pub base_branch: String,
    /// Who builds it.
    pub ci_provider: Option<String>,
    /// What sort of project it is.
    pub project_classification: Option<String>,
    /// Engines' models by stage.
    pub default_models: Option<Value>,
    /// Always null: secrets are the workers' and are not kept here.
    pub secrets: Option<Value>,
    /// The row's id.
    pub id: i64,
    /// When it was made.
    pub created_at: String,
    /// When it last changed.
    pub updated_at: String,
    /// The policy pack that it follows.
    pub policy_pack_key: String,
    /// That pack's version.
    pub policy_pack_version: String,
    /// What it does otherwise than the pack.
    pub policy_overrides: Option<Value>,
    /// Whether its repository may hold a policy of its own.
    pub policy_repo_local_enabled: bool,
    /// The hash of the policy in effect.
    pub policy_effective_hash: Option<String>,
    /// How strictly the policy is held: `off`, `warn` or `block`.
    pub policy_enforcement_mode: String,
    /// What it is, in a sentence.
    pub description: Option<String>,
    /// `active`, `archived` or `deleted`.
    pub status: String,
    /// The version of its constitution.
    pub constitution_version: Option<String>,
}

/// A protocol run: a row of `protocol_runs`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProtocolRun {
    /// Its name, such as `0001-demo`.
    pub protocol_name: String,
    /// How it stands.
    pub status: ProtocolStatus,
    /// The branch that it begins from.
    pub base_branch: String,
    /// Its worktree on the disk of whoever works on it: the one that was chosen for it, else the one that was made for it,
    /// for as long as it is there.
    pub worktree_path: Option<String>,
    /// Whether that worktree was made for it, beside the project's checkout.
    #[serde(default)]
    pub worktree_made: bool,
    /// Its folder of plans and outputs; `.protocols/<name>` in the workspace when null.
    pub protocol_root: Option<String>,
    /// What it is for, in a sentence.
    pub description: Option<String>,
    /// What it was made from; `protocol_spec` holds the spec.
    pub template_config: Option<Value>,
    /// Where that came from.
    pub template_source: Option<Value>,
    /// The row's id.
    pub id: i64,
    /// The project that it belongs to.
    pub project_id: i64,
    /// When it was made.
    pub created_at: String,
    /// When it last changed.
    pub updated_at: String,
    /// The spec's hash.
    pub spec_hash: Option<String>,
    /// `valid` or `invalid`, once it was validated.
    pub spec_validation_status: Option<String>,
    /// When it was validated.
    pub spec_validated_at: Option<String>,
    /// The policy pack that it follows.
    pub policy_pack_key: Option<String>,
    /// That pack's version.
    pub policy_pack_version: Option<String>,
    /// The hash of the policy in effect.
    pub policy_effective_hash: Option<String>,
    /// What came of it, in a sentence.
    pub summary: Option<String>,
    /// The Windmill flow that drives it.
    pub windmill_flow_id: Option<String>,
    /// What spec-kit keeps with it.
    pub speckit_metadata: Option<Value>,
    /// The address of its pull request.
    #[serde(default)]
    pub pr_url: Option<String>,
    /// The number of its pull request.
    #[serde(default)]
    pub pr_number: Option<i64>,
}

impl ProtocolRun {
    /// The protocol's folder: as given, else `.protocols/<name>` in the workspace.
    pub fn root(&self) -> String {
        let given = self.protocol_root.clone();
        given.unwrap_or_else(|| format!(".protocols/{}", self.protocol_name))
    }
}

impl ProtocolRun {
    /// The worktree that someone chose for it.
    pub fn chosen_worktree(&self) -> Option<&String> {
        self.worktree_path.as_ref().filter(|_| !self.worktree_made)
    }
}

/// The answer to `GET /protocols/{id}/spec`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProtocolSpecView {
    /// The protocol run.
    pub protocol_run_id: i64,
    /// Its name.
    pub protocol_name: String,
    /// Its project.
    pub project_id: i64,
    /// The spec.
    pub spec: Option<Value>,
    /// Its hash.
    pub spec_hash: Option<String>,
    /// `valid` or `invalid`, once it was validated.
    pub validation_status: Option<String>,
    /// What is wrong with it, a sentence each.
    pub validation_errors: Option<Vec<String>>,
    /// When it was validated.
    pub validated_at: Option<String>,
}

/// A step run: a row of `step_runs`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StepRun {
    /// Its place among the protocol's steps, from 0.
    pub step_index: i64,
    /// Its name, such as `01-build`.
    pub step_name: String,
    /// What it is for: `setup`, `work` or `qa`.
    pub step_type: String,
    /// How it stands.
    pub status: StepStatus,
    /// The model that its engine uses.
    pub model: Option<String>,
    /// What came of it, in a sentence.
    pub summary: Option<String>,
    /// The engine that runs it.
    pub engine_id: Option<String>,
    /// Its loop and trigger policies: an object or a list.
    pub policy: Option<Value>,
    /// The row's id.
    pub id: i64,
    /// The protocol run that it belongs to.
    pub protocol_run_id: i64,
    /// How often someone had it tried again; how often its work broke off is `lapses` of its runtime state.
    pub retries: i64,
    /// What the policies count and what the check found.
    pub runtime_state: Option<Map<String, Value>>,
    /// When it was made.
    pub created_at: String,
    /// When it last changed.
    pub updated_at: String,
    /// The agent that works on it.
    pub assigned_agent: Option<String>,
    /// The step runs that have to be completed before it.
    pub depends_on: Option<Vec<i64>>,
    /// The group of steps that run beside it.
    pub parallel_group: Option<String>,
}
