//! Projects' policies, and what they find in protocols.
//!
//! Always so: what is shown is how it stands now; nothing is put on record by looking. A policy that is given is one that can
//! be read, whatever else the overrides hold.

use axum::Json;
use axum::extract::State;
use millwright_core::protocol::{PolicyFinding, PolicyMode, ProjectPolicy, unknown_fields};
use serde::Serialize;
use serde_json::Value;
use serde_path_to_error::Segment;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::{ApiError, ErrorBody, Issue};
use super::extract::PathParams;
use super::projects::ProjectPath;
use super::protocols::ProtocolPath;
use super::state::AppState;

/// Longer ones are no overrides.
const LONGEST: usize = 256 * 1024;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(show_policy))
        .routes(routes!(show_findings))
}

/// A project's policy.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct ProjectPolicyView {
    /// The project.
    project_id: i64,
    /// The policy pack that it follows.
    policy_pack_key: String,
    /// That pack's version.
    policy_pack_version: String,
    /// What it does otherwise than the pack, as it was given.
    #[schema(value_type = Option<Object>)]
    policy_overrides: Option<Value>,
    /// Whether its repository may hold a policy of its own.
    policy_repo_local_enabled: bool,
    /// How strictly the policy is held where it does not say so itself: `off`, `warn` or `block`.
    policy_enforcement_mode: String,
    /// The policy in effect.
    effective: ProjectPolicy,
    /// Its hash.
    policy_effective_hash: String,
    /// The repository's own file, where it has one and it counts.
    repo_local: Option<String>,
    /// What of it cannot be read.
    problems: Vec<PolicyFinding>,
}

/// What a project's policy finds in a protocol.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct PolicyFindings {
    /// The protocol run.
    protocol_run_id: i64,
    /// The hash of the policy in effect.
    policy_effective_hash: String,
    /// How strictly it is held.
    mode: PolicyMode,
    /// Whether it blocks the protocol: mend what blocks, then start or resume it.
    blocked: bool,
    /// What it finds now, in steps that are not done.
    findings: Vec<PolicyFinding>,
}

/// A project's policy: as it was given, and as it is in effect with what its repository's own file adds.
#[utoipa::path(get, path = "/projects/{project_id}/policy", tag = "projects", params(ProjectPath), responses(
    (status = 200, body = ProjectPolicyView),
    (status = 404, body = ErrorBody),
))]
async fn show_policy(
    State(app): State<AppState>,
    PathParams(path): PathParams<ProjectPath>,
) -> Result<Json<ProjectPolicyView>, ApiError> {
    let (project, now) = app.work.policy(path.project_id).await?;
    Ok(Json(ProjectPolicyView {
        project_id: project.id,
        policy_pack_key: project.policy_pack_key,
        policy_pack_version: project.policy_pack_version,
        policy_overrides: project.policy_overrides,
        policy_repo_local_enabled: project.policy_repo_local_enabled,
        policy_enforcement_mode: project.policy_enforcement_mode,
        effective: now.policy,
        policy_effective_hash: now.hash,
        repo_local: now.file,
        problems: now.problems,
    }))
}

/// What its project's policy finds in a protocol run that has not ended, as it stands now.
#[utoipa::path(get, path = "/protocols/{protocol_run_id}/policy/findings", tag = "protocols", params(ProtocolPath), responses(
    (status = 200, body = PolicyFindings),
    (status = 404, body = ErrorBody),
))]
async fn show_findings(
    State(app): State<AppState>,
    PathParams(path): PathParams<ProtocolPath>,
) -> Result<Json<PolicyFindings>, ApiError> {
    let now = app.work.policy_now(path.protocol_run_id).await?;
    Ok(Json(PolicyFindings {
        protocol_run_id: path.protocol_run_id,
        mode: now.effective.policy.mode(),
        policy_effective_hash: now.effective.hash,
        blocked: now.blocked,
        findings: now.findings,
    }))
}

/// Takes overrides whose policy can be read, and has no field that no policy has.
pub(super) fn refuse_bad_overrides(overrides: Option<&Value>) -> Result<(), ApiError> {
    let Some(overrides) = overrides else {
        return Ok(());
    };
    if overrides.to_string().len() > LONGEST {
        return Err(issue([], "overrides have at most 256 KiB", &Value::Null));
    }
    let policy = ProjectPolicy::in_overrides(Some(overrides));
    if let Some(field) = unknown_fields(&policy).first() {
        let place = field.place.iter().map(|part| part.as_str().into());
        return Err(issue(place, field.to_string(), &Value::Null));
    }
    let policy: ProjectPolicy = serde_path_to_error::deserialize(&policy).map_err(|error| {
        let place = error.path().iter().filter_map(part).collect::<Vec<_>>();
        issue(place, error.inner().to_string(), &Value::Null)
    })?;
    policy.check().map_err(|complaint| {
        let place = complaint.place.iter().map(|part| (*part).into());
        let place = place.chain([complaint.position.into()]).collect::<Vec<_>>();
        issue(place, complaint.problem, &complaint.entry.as_str().into())
    })
}

fn part(segment: &Segment) -> Option<Value> {
    match segment {
        Segment::Seq { index } => Some((*index).into()),
        Segment::Map { key } => Some(key.as_str().into()),
        Segment::Enum { .. } | Segment::Unknown => None,
    }
}

fn issue(
    place: impl IntoIterator<Item = Value>,
    msg: impl Into<String>,
    input: &Value,
) -> ApiError {
    let loc = ["body".into(), "policy_overrides".into()].into_iter();
    ApiError::Invalid(vec![Issue {
        kind: "value_error",
        loc: loc.chain(place).collect(),
        msg: msg.into(),
        input: input.clone(),
        ctx: None,
    }])
}
