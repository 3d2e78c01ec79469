//! What GitHub delivers.
//!
//! Always so: a branch of a fork is no branch of the repository, whatever its name.

use millwright_core::protocol::{EventType, Forge, Hook};
use serde_json::Value;

use super::payload::{Payload, ci};

const ADDRESSES: [&str; 3] = [
    "/repository/clone_url",
    "/repository/ssh_url",
    "/repository/html_url",
];
/// What stands for a check that is not over.
const BEGINS: [&str; 6] = [
    "requested",
    "waiting",
    "queued",
    "pending",
    "in_progress",
    "rerequested",
];

/// The delivery of an event by its name; none where that is of no concern.
pub(super) fn read(event: &str, body: &Value) -> Option<Hook> {
    let body = Payload(body);
    match event {
        "pull_request" => pull_request(body),
        "check_run" => Some(check_run(body)),
        "check_suite" => Some(check_suite(body)),
        "workflow_run" => workflow_run(body),
        "status" => Some(status(body)),
        _ => None,
    }
}

fn hook(body: Payload<'_>, event_type: EventType, details: &[(&str, &str)]) -> Hook {
    body.hook(Forge::Github, event_type, &ADDRESSES, details)
}

fn pull_request(body: Payload<'_>) -> Option<Hook> {
    let is_own = body.is_same("/pull_request/head/repo/full_name", "/repository/full_name");
    let details = [("action", "/action"), ("status", "/pull_request/state")];
    let action = body.text("/action");
    is_own.then(|| Hook {
        branches: body.texts(&["/pull_request/head/ref"]),
        pr_number: body.number("/number"),
        merged: action.as_deref() == Some("closed") && body.holds("/pull_request/merged"),
        sha: body.text("/pull_request/head/sha"),
        ..hook(body, EventType::GithubPullRequest, &details)
    })
}

/// One check of several: that it has passed says nothing of the others.
fn check_run(body: Payload<'_>) -> Hook {
    let details = [
        ("action", "/action"),
        ("status", "/check_run/status"),
        ("conclusion", "/check_run/conclusion"),
        ("check_name", "/check_run/name"),
        ("check_run_id", "/check_run/id"),
        ("check_suite_id", "/check_run/check_suite/id"),
    ];
    let word = body.text("/check_run/status");
    Hook {
        branches: body.texts(&["/check_run/check_suite/head_branch"]),
        pr_number: body.number("/check_run/pull_requests/0/number"),
        ci: ci(word.as_deref(), &BEGINS, false),
        sha: body.text("/check_run/head_sha"),
        ..hook(body, EventType::GithubCheckRun, &details)
    }
}

fn check_suite(body: Payload<'_>) -> Hook {
    let details = [
        ("action", "/action"),
        ("status", "/check_suite/status"),
        ("conclusion", "/check_suite/conclusion"),
        ("check_name", "/check_suite/app/name"),
        ("check_suite_id", "/check_suite/id"),
    ];
    let word = body.text("/check_suite/status");
    Hook {
        branches: body.texts(&["/check_suite/head_branch"]),
        pr_number: body.number("/check_suite/pull_requests/0/number"),
        ci: ci(word.as_deref(), &BEGINS, has_passed(body, "/check_suite")),
        sha: body.text("/check_suite/head_sha"),
        ..hook(body, EventType::GithubCheckSuite, &details)
    }
}

fn workflow_run(body: Payload<'_>) -> Option<Hook> {
    let head = "/workflow_run/head_repository/full_name";
    let details = [
        ("action", "/action"),
        ("status", "/workflow_run/status"),
        ("conclusion", "/workflow_run/conclusion"),
        ("check_name", "/workflow_run/name"),
        ("workflow_run_id", "/workflow_run/id"),
    ];
    let word = body.text("/workflow_run/status");
    body.is_same(head, "/repository/full_name").then(|| Hook {
        branches: body.texts(&["/workflow_run/head_branch"]),
        pr_number: body.number("/workflow_run/pull_requests/0/number"),
        ci: ci(word.as_deref(), &BEGINS, has_passed(body, "/workflow_run")),
        sha: body.text("/workflow_run/head_sha"),
        ..hook(body, EventType::GithubWorkflowRun, &details)
    })
}

/// One status of several, too.
fn status(body: Payload<'_>) -> Hook {
    let details = [
        ("status", "/state"),
        ("check_name", "/context"),
        ("status_id", "/id"),
    ];
    let branches = body.0.pointer("/branches").and_then(Value::as_array);
    let names = branches.into_iter().flatten();
    let names = names.filter_map(|branch| Payload(branch).text("/name"));
    Hook {
        branches: names.collect(),
        ci: ci(body.text("/state").as_deref(), &BEGINS, false),
        sha: body.text("/sha"),
        ..hook(body, EventType::GithubStatus, &details)
    }
}

fn has_passed(body: Payload<'_>, at: &str) -> bool {
    let is = |key: &str, word: &str| body.text(&format!("{at}/{key}")).as_deref() == Some(word);
    is("status", "completed") && is("conclusion", "success")
}
