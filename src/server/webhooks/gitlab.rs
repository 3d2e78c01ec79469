//! What GitLab delivers.
//!
//! Always so: a branch of a fork is no branch of the project, whatever its name; nor is a tag.

use millwright_core::protocol::{EventType, Forge, Hook};
use serde_json::Value;

use super::payload::{Payload, ci};

const ADDRESSES: [&str; 6] = [
    "/project/git_http_url",
    "/project/git_ssh_url",
    "/project/web_url",
    "/repository/git_http_url",
    "/repository/git_ssh_url",
    "/repository/homepage",
];
/// What stands for a pipeline or a job that is not over.
const BEGINS: [&str; 5] = [
    "created",
    "waiting_for_resource",
    "preparing",
    "pending",
    "running",
];

/// The delivery of an event by its name; none where that is of no concern.
pub(super) fn read(event: &str, body: &Value) -> Option<Hook> {
    let body = Payload(body);
    match event {
        "Merge Request Hook" => merge_request(body),
        "Pipeline Hook" => pipeline(body),
        "Job Hook" => job(body),
        _ => None,
    }
}

fn hook(body: Payload<'_>, event_type: EventType, details: &[(&str, &str)]) -> Hook {
    body.hook(Forge::Gitlab, event_type, &ADDRESSES, details)
}

fn merge_request(body: Payload<'_>) -> Option<Hook> {
    let (from, into) = ("source_project_id", "target_project_id");
    let at = |key: &str| format!("/object_attributes/{key}");
    let details = [
        ("action", "/object_attributes/action"),
        ("status", "/object_attributes/state"),
        ("merge_request_id", "/object_attributes/id"),
    ];
    let action = body.text("/object_attributes/action");
    body.is_same(&at(from), &at(into)).then(|| Hook {
        branches: body.texts(&["/object_attributes/source_branch"]),
        pr_number: body.number("/object_attributes/iid"),
        merged: action.as_deref() == Some("merge"),
        sha: body.text("/object_attributes/last_commit/id"),
        ..hook(body, EventType::GitlabMergeRequest, &details)
    })
}

fn pipeline(body: Payload<'_>) -> Option<Hook> {
    let (from, into) = (
        "/merge_request/source_project_id",
        "/merge_request/target_project_id",
    );
    let details = [
        ("status", "/object_attributes/status"),
        ("check_name", "/object_attributes/name"),
        ("pipeline_id", "/object_attributes/id"),
    ];
    let status = body.text("/object_attributes/status");
    let is_own = body.is_same(from, into) && !body.holds("/object_attributes/tag");
    let has_passed = status.as_deref() == Some("success");
    is_own.then(|| Hook {
        branches: body.texts(&["/object_attributes/ref", "/merge_request/source_branch"]),
        pr_number: body.number("/merge_request/iid"),
        ci: ci(status.as_deref(), &BEGINS, has_passed),
        sha: body.text("/object_attributes/sha"),
        ..hook(body, EventType::GitlabPipeline, &details)
    })
}

/// One job of several: that it has passed says nothing of the others.
fn job(body: Payload<'_>) -> Option<Hook> {
    let details = [
        ("status", "/build_status"),
        ("check_name", "/build_name"),
        ("build_id", "/build_id"),
        ("pipeline_id", "/pipeline_id"),
    ];
    let status = body.text("/build_status");
    (!body.holds("/tag")).then(|| Hook {
        branches: body.texts(&["/ref"]),
        ci: ci(status.as_deref(), &BEGINS, false),
        sha: body.text("/sha"),
        ..hook(body, EventType::GitlabJob, &details)
    })
}
