//! Checks over the API: gates, mending, reports and budgets.
//!
//! Always so: how gates and engines end is decided by commands and scripts, not by the test.

use std::fs;

use serde_json::{Value, json};

use crate::protocol_fixture::{Project, shell_step};

/// A linter that is content once a file is there.
const LINT: &str =
    "test -f mended || { echo './src/app.py:3:1: F401 `os` imported but unused'; exit 1; }";

/// A project whose gates are these.
async fn gated(gates: Value) -> Project {
    gated_and_told(gates, &[]).await
}

async fn gated_and_told(gates: Value, variables: &[(&str, &str)]) -> Project {
    let policy = json!({"policy_overrides": {"gates": gates}});
    let project = Project::told(&policy, variables).await;
    project
        .script("work.sh", "echo x")
        .script("check.sh", "echo 'looks right'; echo 'VERDICT: PASS'")
        .script(
            "mend.sh",
            "echo $MILLWRIGHT_MODE $MILLWRIGHT_FAILURE > mended",
        )
        .script("fail.sh", "echo 'no idea' >&2; exit 9")
        .script("idle.sh", "echo x >> tries");
    project
}

/// A protocol of one step with this `qa`, executed, and the result of its check.
async fn checked(project: &Project, qa: Value) -> (i64, Value) {
    let step = shell_step("01-work", "work.sh", json!({"qa": qa}));
    let protocol = project.planned(json!([step])).await;
    let step = project.next(protocol, "flow").await;
    project.execute(&step).await;
    (protocol, project.qa(&step).await["result"].clone())
}

fn full(fix: &str) -> Value {
    json!({"policy": "full", "prompt": "check.sh", "fix_prompt": fix})
}

#[tokio::test]
async fn what_a_linter_finds_is_mended_and_checked_again() {
    let project = gated(json!({"lint": LINT})).await;
    let (protocol, result) = checked(&project, full("mend.sh")).await;
    assert_eq!(result["verdict"], "passed", "{result}");
    assert_eq!(project.read("mended"), "fix lint\n");
    assert_eq!(
        project.story(protocol).await[3..],
        [
            "qa_auto_fix_attempt",
            "qa_auto_fix_applied",
            "qa_passed",
            "protocol_completed"
        ]
    );
    let attempt = &project.event(protocol, "qa_auto_fix_attempt").await["metadata"];
    assert_eq!(
        json!([
            attempt["error_type"],
            attempt["attempt"],
            attempt["max_attempts"]
        ]),
        json!(["lint", 1, 3])
    );
}

#[tokio::test]
async fn mending_ends_after_so_many_tries_and_their_number_is_kept() {
    let project = gated(json!({"lint": LINT})).await;
    let (protocol, result) = checked(&project, full("idle.sh")).await;
    assert_eq!(result["verdict"], "failed");
    let found = &result["gates"][0]["findings"][1];
    assert_eq!(
        json!([found["file"], found["line"], found["rule_id"]]),
        json!(["src/app.py", 3, "F401"])
    );
    assert_eq!(project.read("tries").lines().count(), 3);
    let failed = &project.event(protocol, "qa_failed").await["metadata"];
    assert_eq!(failed["error_type"], "lint");
    assert_eq!(failed["auto_fix_attempts"], 3);
    let path = format!("/steps?protocol_run_id={protocol}");
    let steps = project.api.get(&path).await.expect(200);
    assert_eq!(steps[0]["runtime_state"]["auto_fix_attempts"], 3);
}

#[tokio::test]
async fn an_engine_that_cannot_mend_is_told_and_asked_no_more() {
    let project = gated(json!({"lint": LINT})).await;
    let (protocol, result) = checked(&project, full("fail.sh")).await;
    assert_eq!(result["verdict"], "failed");
    let error = &project.event(protocol, "qa_auto_fix_error").await["metadata"];
    assert_eq!(error["error_type"], "lint");
    assert!(
        error["error"]
            .as_str()
            .unwrap()
            .ends_with("exit code 9: no idea")
    );
    let story = project.story(protocol).await;
    assert_eq!(
        story
            .iter()
            .filter(|name| *name == "qa_auto_fix_attempt")
            .count(),
        1
    );
}

#[tokio::test]
async fn nothing_is_mended_where_tests_fail_or_mending_is_off_or_nobody_says_how() {
    let tests = "echo 'tests/test_a.py:5: AssertionError'; echo '1 failed, 2 passed'; exit 1";
    let off = &[("TASKSGODZILLA_QA_AUTO_FIX_ENABLED", "false")][..];
    let mend = full("mend.sh");
    let silent = json!({"policy": "full", "prompt": "check.sh"});
    for (gates, variables, qa, kind) in [
        (json!({"test": tests}), &[][..], &mend, "test"),
        (json!({"lint": LINT}), off, &mend, "lint"),
        (json!({"lint": LINT}), &[], &silent, "lint"),
    ] {
        let project = gated_and_told(gates, variables).await;
        let (protocol, result) = checked(&project, qa.clone()).await;
        assert_eq!(result["verdict"], "failed");
        assert!(!project.workspace.join("mended").exists());
        let failed = &project.event(protocol, "qa_failed").await["metadata"];
        assert_eq!(failed["error_type"], kind);
        assert_eq!(failed["auto_fix_attempts"], Value::Null);
    }
}

#[tokio::test]
async fn the_projects_files_say_which_gates_it_has() {
    let project = gated(json!({"type": null})).await;
    let makefile = "lint:\n\t@echo 'a.c:7:2: warning: odd'; exit 1\n\ntype:\n\tfalse\n";
    fs::write(project.workspace.join("Makefile"), makefile).unwrap();
    let (_, result) = checked(&project, json!({"policy": "full", "prompt": "check.sh"})).await;
    let gates = result["gates"].as_array().unwrap();
    assert_eq!(gates.len(), 1, "{gates:?}");
    assert_eq!(
        json!([gates[0]["id"], gates[0]["status"]]),
        json!(["lint", "failed"])
    );
    let found = &gates[0]["findings"][1];
    assert_eq!(
        json!([found["severity"], found["line"]]),
        json!(["warning", 7])
    );
    let report = project.read(".protocols/0001-demo/quality-report-01-work.md");
    assert!(report.contains("- a.c:7: warning: odd"), "{report}");
    assert!(report.ends_with("VERDICT: FAIL\n"), "{report}");
}

#[tokio::test]
async fn a_light_check_runs_the_gates_that_the_step_names_and_no_others() {
    for (named, passes) in [(json!({}), true), (json!({"gates": ["lint"]}), false)] {
        let project = gated(json!({"lint": "exit 1"})).await;
        let mut qa = json!({"policy": "light", "prompt": "check.sh"});
        qa.as_object_mut()
            .unwrap()
            .extend(named.as_object().unwrap().clone());
        let step = shell_step("01-work", "work.sh", json!({"qa": qa}));
        let protocol = project.planned(json!([step])).await;
        let step = project.next(protocol, "flow").await;
        project.execute(&step).await;
        let status = if passes { "completed" } else { "failed" };
        assert_eq!(project.steps(protocol).await, [status]);
    }
}

#[tokio::test]
async fn each_step_has_a_report_of_its_own_which_the_flows_run_refers_to() {
    let flow = "0f000000-0000-4000-8000-000000000002";
    let project = gated(json!({})).await;
    project.script(
        "name.sh",
        "echo $MILLWRIGHT_STEP_NAME; echo 'VERDICT: PASS'",
    );
    let qa = json!({"qa": {"policy": "full", "prompt": "name.sh"}});
    let steps = ["01-a", "02-b"].map(|id| shell_step(id, "work.sh", qa.clone()));
    let protocol = project.planned(json!(steps)).await;
    let run = json!({"run_id": "flow-run", "job_type": "windmill_run_next_step"});
    project
        .api
        .post("/codex/runs/start", &run)
        .await
        .expect(200);
    let logs = json!({
        "name": "windmill.flow.logs", "kind": "log", "path": format!("windmill://job/{flow}/logs"),
    });
    let path = "/codex/runs/flow-run/artifacts/upsert";
    project.api.post(path, &logs).await.expect(200);
    let mut of_steps = Vec::new();
    for name in ["01-a", "02-b"] {
        let step = project.next(protocol, flow).await;
        project.execute(&step).await;
        assert_eq!(project.qa(&step).await["result"]["verdict"], "passed");
        let report = project.read(&format!(".protocols/0001-demo/quality-report-{name}.md"));
        assert_eq!(report, format!("{name}\nVERDICT: PASS\n"));
        of_steps.push(step.step);
    }
    let last = project.read(".protocols/0001-demo/quality-report.md");
    assert!(last.starts_with("02-b\n"), "{last}");

    let path = "/codex/runs/flow-run/artifacts";
    let listed = project.api.get(path).await.expect(200);
    let named = |name: String| {
        let artifacts = listed.as_array().unwrap().iter();
        let found = artifacts.clone().find(|artifact| artifact["name"] == *name);
        found
            .unwrap_or_else(|| panic!("no {name} in {listed}"))
            .clone()
    };
    let report = named(format!("step.{}.quality-report", of_steps[0]));
    assert_eq!(report["bytes"], "01-a\nVERDICT: PASS\n".len());
    let output = named(format!("step.{}.output", of_steps[1]));
    assert_eq!(
        output["sha256"],
        "73cb3858a687a8494ca3323053016282f3dad39d42cf62ca4e79dda2aac7d9ac"
    );
}

#[tokio::test]
async fn a_project_may_allow_prompts_from_outside() {
    let outside = tempfile::tempdir().unwrap();
    crate::protocol_fixture::write_script(outside.path(), "work.sh", "echo from outside");
    let prompt = outside.path().join("work.sh").display().to_string();
    let steps = json!([shell_step("01-work", &prompt, json!({}))]);
    let project = Project::new().await;
    let protocol = project.protocol(steps.clone()).await;
    project.start(protocol).await;
    assert_eq!(project.status(protocol).await, "blocked");

    let policy = json!({"policy_overrides": {"allow_outside_paths": true}});
    let project = Project::with(&policy).await;
    let protocol = project.planned(steps).await;
    let step = project.next(protocol, "flow").await;
    project.execute(&step).await;
    assert_eq!(project.steps(protocol).await, ["completed"]);
}

#[tokio::test]
async fn a_prompt_that_is_a_folder_is_refused_with_the_reason() {
    let project = Project::new().await;
    project.script("folder", "true");
    let step = shell_step("01-work", "folder", json!({}));
    let protocol = project.planned(json!([step])).await;
    fs::remove_file(project.workspace.join("folder")).unwrap();
    fs::create_dir(project.workspace.join("folder")).unwrap();
    let step = project.next(protocol, "flow").await;
    let failed = project.execute(&step).await;
    let message = failed["error"]["message"].as_str().unwrap();
    assert!(message.ends_with("folder is a folder"), "{message}");
    let event = project.event(protocol, "spec_validation_error").await;
    assert_eq!(event["metadata"]["step"], "01-work");
    assert_eq!(project.status(protocol).await, "blocked");
}
