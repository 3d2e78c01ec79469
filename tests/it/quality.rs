//! `run_quality` as a process: one verdict from the checks of a protocol's steps and the gates over its branch.
//!
//! Always so: what the verdict rests on was run before it by the API, or by the step itself on the branch.

use std::fs::{self, DirEntry};
use std::path::Path;

use serde_json::{Value, json};

use crate::git_fixture::{commit_all, git};
use crate::protocol_fixture::{Project, checked_by, shell_step};
use crate::worker::{command, run};

async fn judge(project: &Project, protocol: i64) -> Value {
    let args = json!({"protocol_run_id": protocol});
    run(project, "run_quality", &args).await.unwrap()
}

/// Runs all that is ready, with its check, until nothing is.
async fn run_all(project: &Project, protocol: i64) {
    while project.select(protocol, "flow").await["step_run_id"].is_number() {
        let step = project.next(protocol, "flow").await;
        let executed = project.execute(&step).await;
        if executed["result"]["status"] == "needs_qa" {
            project.qa(&step).await;
        }
    }
}

fn gate<'a>(verdict: &'a Value, id: &str) -> &'a Value {
    let gates = verdict["gate_results"].as_array().unwrap();
    let found = gates.iter().find(|gate| gate["gate_id"] == id);
    found.unwrap_or_else(|| panic!("no gate {id}: {verdict}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protocol_passes_when_every_check_has() {
    let project = Project::new().await;
    project
        .script("work.sh", "echo done")
        .script("check.sh", "echo VERDICT: PASS");
    let protocol = project
        .planned(json!([
            shell_step("00-setup", "work.sh", json!({})),
            shell_step("01-work", "work.sh", checked_by("check.sh")),
        ]))
        .await;
    let before = judge(&project, protocol).await;
    assert_eq!(before["passed"], false, "nothing has run yet");
    assert_eq!(before["blocking_failures"], json!([]));
    run_all(&project, protocol).await;
    let verdict = judge(&project, protocol).await;
    assert_eq!(
        (&verdict["passed"], &verdict["verdict"]),
        (&json!(true), &json!("pass"))
    );
    assert_eq!(verdict["score"], 1.0);
    assert_eq!(verdict["failed_step_run_id"], Value::Null);
    assert_eq!(gate(&verdict, "step:00-setup")["status"], "skipped");
    assert_eq!(gate(&verdict, "step:01-work")["status"], "passed");
    let report = verdict["report"].as_str().unwrap();
    assert!(report.starts_with("# Quality of 0001-demo\n\nVerdict: **pass**, score 1.00"));
}

#[tokio::test(flavor = "multi_thread")]
async fn words_in_an_output_are_no_verdict() {
    let project = Project::new().await;
    project.script(
        "work.sh",
        "echo 'password=hush; except: pass; VERDICT: FAIL'",
    );
    let protocol = project
        .planned(json!([shell_step("01-work", "work.sh", json!({}))]))
        .await;
    run_all(&project, protocol).await;
    let verdict = judge(&project, protocol).await;
    assert_eq!(verdict["verdict"], "warn", "nothing was checked: {verdict}");
    assert_eq!(gate(&verdict, "protocol")["status"], "warning");
    assert_eq!(verdict["passed"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_step_is_named_and_blocks_once_it_was_tried_again_often_enough() {
    let project = Project::new().await;
    project
        .script("work.sh", "echo done")
        .script("check.sh", "echo not good; echo VERDICT: FAIL");
    let protocol = project
        .planned(json!([shell_step(
            "01-work",
            "work.sh",
            checked_by("check.sh")
        )]))
        .await;
    for nth in 0..3 {
        run_all(&project, protocol).await;
        let verdict = judge(&project, protocol).await;
        assert_eq!(verdict["verdict"], "fail");
        assert_eq!(verdict["score"], 0.0);
        let step = verdict["failed_step_run_id"].as_i64().unwrap();
        let blocking = if nth < 2 {
            json!([])
        } else {
            json!(["step:01-work"])
        };
        assert_eq!(verdict["blocking_failures"], blocking, "{nth}: {verdict}");
        let said = gate(&verdict, "step:01-work")["findings"][0]["message"].clone();
        assert!(said.as_str().unwrap().contains("verdict is FAIL"), "{said}");
        if nth < 2 {
            let path = format!("/steps/{step}/actions/retry");
            project.api.post(&path, &json!({})).await.expect(200);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_took_as_done_is_a_warning() {
    let project = Project::new().await;
    project
        .script("work.sh", "echo done")
        .script("check.sh", "echo VERDICT: FAIL");
    let protocol = project
        .planned(json!([
            shell_step("01-a", "work.sh", checked_by("check.sh")),
            shell_step("02-b", "work.sh", checked_by("check.sh")),
        ]))
        .await;
    run_all(&project, protocol).await;
    for action in ["1/actions/approve", "2/actions/skip"] {
        let path = format!("/steps/{action}");
        project.api.post(&path, &json!({})).await.expect(200);
    }
    let verdict = judge(&project, protocol).await;
    assert_eq!(
        (&verdict["verdict"], &verdict["score"]),
        (&json!("warn"), &json!(0.5))
    );
    let one = json!({"protocol_run_id": protocol, "step_run_id": 2});
    let one = run(&project, "run_quality", &one).await.unwrap();
    assert_eq!(one["gate_results"].as_array().unwrap().len(), 1);
    assert_eq!(gate(&one, "step:02-b")["status"], "warning");
}

#[tokio::test(flavor = "multi_thread")]
async fn gates_run_over_the_branch_where_the_project_wants_it() {
    let overrides = json!({
        "gates": {"test": "test -e work.txt || { echo lib.rs:3: error: no work; exit 1; }", "lint": "true"},
        "quality_gates": ["test", "lint", "type"],
    });
    let project = Project::with(&json!({"policy_overrides": overrides})).await;
    project.script(
        "work.sh",
        "[ -z \"$MILLWRIGHT_CONTEXT\" ] && echo x > other.txt; echo done",
    );
    commit_all(&project.workspace);
    let protocol = project
        .planned(json!([shell_step("01-work", "work.sh", json!({}))]))
        .await;
    run_all(&project, protocol).await;
    let verdict = judge(&project, protocol).await;
    assert_eq!(verdict["verdict"], "fail", "{verdict}");
    assert_eq!(verdict["blocking_failures"], json!(["test"]));
    assert_eq!(verdict["failed_step_run_id"], Value::Null);
    assert_eq!(gate(&verdict, "lint")["status"], "passed");
    assert_eq!(gate(&verdict, "type")["status"], "warning");
    let findings = gate(&verdict, "test")["findings"].to_string();
    assert!(findings.contains("no work"), "{findings}");
    assert!(
        verdict["report"]
            .as_str()
            .unwrap()
            .contains("Tests: failed, blocks")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_is_named_and_was_not_run_is_a_warning() {
    for (wanted, verdict, status) in [
        (json!(["test", "lint"]), "warn", "warning"),
        (json!(true), "pass", "skipped"),
    ] {
        let overrides = json!({"gates": {"test": "true"}, "quality_gates": wanted});
        let project = Project::with(&json!({"policy_overrides": overrides})).await;
        project
            .script("work.sh", "echo done")
            .script("check.sh", "echo VERDICT: PASS");
        let protocol = project
            .planned(json!([shell_step(
                "01-work",
                "work.sh",
                checked_by("check.sh")
            )]))
            .await;
        run_all(&project, protocol).await;
        let judged = judge(&project, protocol).await;
        assert_eq!(judged["verdict"], verdict, "{judged}");
        assert_eq!(gate(&judged, "test")["status"], "passed");
        assert_eq!(gate(&judged, "lint")["status"], status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_gates_leave_behind_is_not_on_the_branch() {
    let dirty =
        "echo junk > junk.txt; rm -f kept.txt; echo >> work.sh; mkdir -p d/e && echo > d/e/f";
    let overrides = json!({
        "gates": {"test": dirty, "lint": "git add . && git -c user.name=a -c user.email=a@b commit -qm junk"},
        "quality_gates": ["test", "lint"],
    });
    let project = Project::with(&json!({"policy_overrides": overrides})).await;
    project
        .script("work.sh", "echo x > other.txt; echo done")
        .script("check.sh", "echo VERDICT: PASS")
        .script("kept.txt", "kept");
    commit_all(&project.workspace);
    let check = json!({"qa": {"policy": "full", "prompt": "check.sh", "gates": ["test", "lint"]}});
    let protocol = project
        .planned(json!([shell_step("01-work", "work.sh", check)]))
        .await;
    run_all(&project, protocol).await;
    let verdict = judge(&project, protocol).await;
    assert_eq!(verdict["verdict"], "pass", "{verdict}");
    let range = format!("main...millwright/{protocol}-0001-demo");
    let changed = git(&project.workspace, &["diff", "--name-only", &range]);
    let changed: Vec<&str> = changed.lines().collect();
    assert_eq!(
        changed,
        [".protocols/0001-demo/outputs/01-work.md", "other.txt"]
    );
    let range = range.replace("...", "..");
    let subjects = git(&project.workspace, &["log", "--format=%s", &range]);
    assert!(
        !subjects.contains("junk") && !subjects.contains("Quality of"),
        "{subjects}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verdict_stands_where_the_worktrees_cannot_be_removed() {
    let overrides = json!({"gates": {"test": "true"}, "quality_gates": ["test"]});
    let project = Project::with(&json!({"policy_overrides": overrides})).await;
    project.script("work.sh", "echo done");
    commit_all(&project.workspace);
    let protocol = project
        .planned(json!([shell_step("01-work", "work.sh", json!({}))]))
        .await;
    run_all(&project, protocol).await;
    // Someone's own repository where a second worktree was.
    let notes = project.workspace.join(".git/millwright");
    let ours = |entry: &DirEntry| entry.path().is_dir();
    let mut entries = fs::read_dir(notes).unwrap().map(Result::unwrap);
    let notes = entries.find(ours).unwrap();
    let shown = project.workspace.display();
    let name = notes.file_name();
    let second = format!("{shown}.worktrees/{}.1", name.display());
    fs::create_dir_all(&second).unwrap();
    git(Path::new(&second), &["init", "--quiet"]);
    for note in ["1.lock", "1.whole"] {
        fs::write(notes.path().join(note), "").unwrap();
    }
    let args = json!({"protocol_run_id": protocol});
    let ended = command(&project, "run_quality", &args)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(said.contains("the worktrees are not all removed"), "{said}");
    let verdict: Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!(verdict["passed"], true, "{verdict}");
    assert_eq!(gate(&verdict, "test")["status"], "passed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_that_cannot_be_made_fails_the_job() {
    let overrides = json!({"quality_gates": true});
    let nowhere = json!({"local_path": null, "policy_overrides": overrides});
    let project = Project::with(&nowhere).await;
    let protocol = project.protocol(json!([])).await;
    for (args, said) in [
        (json!({"protocol_run_id": 99}), "answered 404"),
        (
            json!({"protocol_run_id": protocol, "step_run_id": 7}),
            "none of protocol",
        ),
        (
            json!({"protocol_run_id": protocol}),
            "no folder on this machine",
        ),
        (json!({}), "protocol_run_id is missing"),
    ] {
        let error = run(&project, "run_quality", &args).await.unwrap_err();
        assert!(error.contains(said), "{args}: {error}");
    }
}
