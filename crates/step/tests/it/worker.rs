//! `execute_step` against an API that is not always there.
//!
//! Always so: work that was done is done once and reported until the API has answered, however long it was away.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::api::{Api, Reply};
use crate::step::Step;

/// More than the client repeats by itself.
const AWAY: usize = 5;

fn begun(workspace: &std::path::Path) -> Value {
    json!({
        "claim": {"step_run_id": 7, "claim": "c", "lease_seconds": 60},
        "kind": "execute",
        "assignment": {
            "step_run_id": 7, "step_index": 0, "step_name": "01-work",
            "protocol_run_id": 3, "protocol_name": "0001-demo", "project_id": 1,
            "workspace": workspace, "protocol_root": null, "base_branch": "main",
            "step_spec": {
                "id": "01-work", "engine_id": "shell", "prompt_ref": "work.sh",
                "qa": {"policy": "skip"},
            },
            "spec_hash": null, "engine_id": null, "model": null, "defaults": {},
        },
    })
}

fn completed() -> Value {
    json!({
        "step_index": 0, "step_name": "01-work", "step_type": "work", "status": "completed",
        "model": null, "summary": null, "engine_id": "shell", "policy": null, "id": 7,
        "protocol_run_id": 3, "retries": 0, "runtime_state": null,
        "created_at": "2026-11-21 10:16:33", "updated_at": "2026-11-21 10:16:33",
        "assigned_agent": null, "depends_on": null, "parallel_group": null,
    })
}

/// Has a step executed against an API that replies so to the report that ends the work, `away` times, before it answers.
fn reported_to(away: usize, reply: impl Fn() -> Reply + Send + Sync + 'static) {
    let workspace = tempfile::tempdir().unwrap();
    let script = workspace.path().join("work.sh");
    fs::write(&script, "#!/bin/sh\necho x >> runs\necho done\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let begun = begun(workspace.path());
    let reports = AtomicUsize::new(0);
    let api = Api::answering(move |call| {
        if call.ends_with("/actions/begin") {
            return Reply::Json(200, begun.clone());
        }
        // The first report says that the engine begins.
        match reports.fetch_add(1, Ordering::SeqCst) {
            0 => Reply::Json(200, completed()),
            report if report <= away => reply(),
            _ => Reply::Json(200, completed()),
        }
    });
    let args = json!({"step_run_id": 7, "claim": "c"});
    let ended = Step::named("execute_step", &args).with_api(&api).run();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(
        fs::read_to_string(workspace.path().join("runs")).unwrap(),
        "x\n"
    );
}

#[test]
fn a_report_waits_until_the_api_is_back() {
    reported_to(AWAY, || Reply::Json(503, json!({"detail": "starting"})));
}

#[test]
fn a_report_whose_answer_was_lost_is_sent_again() {
    reported_to(1, || Reply::Close);
    reported_to(AWAY, || Reply::HalfAndClose);
    reported_to(1, || Reply::Json(504, json!({"detail": "late"})));
}
