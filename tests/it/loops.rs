//! Steps that a policy sends back, alone and beside others.
//!
//! Always so: whether work passes is decided by scripts, not by the test.

use serde_json::{Value, json};

use crate::protocol_fixture::{Claimed, Project, checked_by, shell_step};

#[tokio::test]
async fn a_step_that_fails_its_check_is_sent_back_and_passes() {
    let project = Project::new().await;
    project
        .script("setup.sh", "echo ready")
        .script(
            "build.sh",
            "if [ -f tried ]; then echo good; else touch tried; echo bad; fi",
        )
        .script(
            "check.sh",
            "if grep -q good \"$MILLWRIGHT_OUTPUT\"; then echo 'VERDICT: PASS'; else echo 'VERDICT: FAIL'; fi",
        );
    let policy = json!({
        "module_id": "again", "condition": "qa_failed",
        "behavior": {"type": "loop", "action": "stepBack", "stepBack": 1, "maxIterations": 2},
    });
    let protocol = project
        .planned(json!([
            shell_step("00-setup", "setup.sh", json!({})),
            shell_step(
                "01-build",
                "build.sh",
                json!({
                    "depends_on": ["00-setup"], "policies": [policy],
                    "qa": {"policy": "full", "prompt": "check.sh"},
                    "outputs": {"protocol": "build.md", "aux": {"copy": "aux/build-copy.md"}},
                })
            ),
        ]))
        .await;

    let setup = project.next(protocol, "flow-1").await;
    let executed = project.execute(&setup).await;
    assert_eq!(executed["status"], "succeeded", "{executed}");
    assert_eq!(executed["result"]["status"], "completed");
    assert_eq!(
        project.read(".protocols/0001-demo/outputs/00-setup.md"),
        "ready\n"
    );

    let build = project.next(protocol, "flow-2").await;
    assert_eq!(
        project.execute(&build).await["result"]["status"],
        "needs_qa"
    );
    let verdict = project.qa(&build).await;
    assert_eq!(verdict["status"], "succeeded", "a verdict is a result");
    assert_eq!(verdict["result"]["verdict"], "failed");
    assert_eq!(verdict["result"]["step_status"], "pending");
    assert_eq!(project.steps(protocol).await, ["pending", "pending"]);

    for holder in ["flow-3", "flow-4"] {
        let step = project.next(protocol, holder).await;
        let executed = project.execute(&step).await;
        if executed["result"]["status"] == "needs_qa" {
            assert_eq!(project.qa(&step).await["result"]["verdict"], "passed");
        }
    }
    assert_eq!(project.status(protocol).await, "completed");
    assert_eq!(project.read(".protocols/0001-demo/build.md"), "good\n");
    assert_eq!(
        project.read(".protocols/0001-demo/aux/build-copy.md"),
        "good\n"
    );
    assert_eq!(
        project.read(".protocols/0001-demo/quality-report.md"),
        "VERDICT: PASS\n"
    );
    assert_eq!(
        project.story(protocol).await,
        [
            "planned",
            "step_started",
            "step_completed",
            "qa_skipped_policy",
            "step_started",
            "step_completed",
            "qa_failed",
            "loop_decision",
            "step_started",
            "step_completed",
            "qa_skipped_policy",
            "step_started",
            "step_completed",
            "qa_passed",
            "protocol_completed",
        ]
    );
    let decision = &project.event(protocol, "loop_decision").await["metadata"];
    assert_eq!(decision["steps_reset"], json!([0, 1]));
    assert_eq!(decision["target_step_index"], 0);
    assert_eq!(decision["iterations"], 1);
    assert_eq!(
        decision["runtime_state"]["loop_counts"],
        json!({"again": 1})
    );
    let completed = &project.event(protocol, "step_completed").await["metadata"];
    assert_eq!(completed["engine_id"], "shell");
    assert!(completed["prompt_versions"]["exec"].as_str().unwrap().len() == 12);
    assert!(completed["spec_hash"].as_str().unwrap().len() == 12);
    let nothing = project.select(protocol, "flow-5").await;
    assert_eq!(nothing["step_run_id"], Value::Null);
    assert_eq!(nothing["status"], "completed");
}

#[tokio::test]
async fn a_loop_ends_at_its_limit_and_blocks_the_protocol() {
    let project = Project::new().await;
    project
        .script("work.sh", "echo x >> runs; echo done")
        .script("check.sh", "echo 'VERDICT: FAIL'");
    let policy = json!({"id": "m", "behavior": "loop", "action": "stepBack", "max_iterations": 2});
    let protocol = project
        .planned(json!([shell_step(
            "01-work",
            "work.sh",
            json!({
                "policies": [policy], "qa": {"policy": "light", "prompt": "check.sh"},
            })
        )]))
        .await;
    for _ in 0..3 {
        let step = project.next(protocol, "flow").await;
        let executed = project.execute(&step).await;
        assert_eq!(executed["status"], "succeeded", "{executed}");
    }
    assert_eq!(project.read("runs").lines().count(), 3);
    assert_eq!(project.status(protocol).await, "blocked");
    assert_eq!(project.steps(protocol).await, ["failed"]);
    let story = project.story(protocol).await;
    assert_eq!(
        story[story.len() - 2..],
        ["qa_failed_inline", "loop_limit_reached"]
    );
}

/// `s`, then `a` and `b` beside each other; the check of `a` fails once and sends all three back.
async fn two_beside_each_other(project: &Project, script_of_b: &str) -> i64 {
    project
        .script("s.sh", "echo s")
        .script("a.sh", "echo a")
        .script("b.sh", script_of_b)
        .script(
            "check-a.sh",
            "if [ -f seen ]; then echo 'VERDICT: PASS'; else touch seen; echo 'VERDICT: FAIL'; fi",
        )
        .script("check-b.sh", "echo 'VERDICT: PASS'");
    let back = json!({"behavior": {"type": "loop", "stepBack": 1, "maxIterations": 1}});
    project
        .planned(json!([
            shell_step("s", "s.sh", json!({})),
            shell_step(
                "a",
                "a.sh",
                json!({
                    "depends_on": ["s"], "policies": [back],
                    "qa": {"policy": "full", "prompt": "check-a.sh"},
                })
            ),
            shell_step(
                "b",
                "b.sh",
                json!({
                    "depends_on": ["s"], "qa": {"policy": "full", "prompt": "check-b.sh"},
                })
            ),
        ]))
        .await
}

#[tokio::test]
async fn work_that_a_policy_sends_back_is_stopped_and_no_failure() {
    let project = Project::new().await;
    let script = "if [ -f seen ]; then echo b; else sleep 600 & echo $! > child; wait; fi";
    let protocol = two_beside_each_other(&project, script).await;
    let first = project.next(protocol, "flow").await;
    project.execute(&first).await;
    let (a, b) = (
        project.next(protocol, "flow-a").await,
        project.next(protocol, "flow-b").await,
    );
    let running = project.begin(&b, "execute", json!({})).await;
    project.appears("child").await;
    project.execute(&a).await;
    assert_eq!(project.qa(&a).await["result"]["step_status"], "pending");

    let ended = project.ended(&running).await;
    assert_eq!(ended["status"], "succeeded", "{ended}");
    assert_eq!(ended["result"]["status"], "pending");
    project.process_ends("child").await;
    assert_eq!(project.steps(protocol).await, ["pending"; 3]);
    let body = json!({"holder": "all", "all": true});
    for count in [1, 2] {
        let path = format!("/protocols/{protocol}/actions/run_next_step");
        let claimed = project.api.post(&path, &body).await.expect(200);
        let steps = claimed["steps"].as_array().unwrap();
        assert_eq!(steps.len(), count, "{claimed}");
        for step in steps {
            let step = Claimed {
                step: step["step_run_id"].as_i64().unwrap(),
                claim: step["claim"].as_str().unwrap().to_owned(),
            };
            if project.execute(&step).await["result"]["status"] == "needs_qa" {
                project.qa(&step).await;
            }
        }
    }
    assert_eq!(project.status(protocol).await, "completed");
}

#[tokio::test]
async fn whoever_comes_with_a_claim_on_a_step_that_was_sent_back_has_nothing_to_do() {
    for executed in [false, true] {
        let project = Project::new().await;
        let protocol = two_beside_each_other(&project, "echo b").await;
        let first = project.next(protocol, "flow").await;
        project.execute(&first).await;
        let (a, b) = (
            project.next(protocol, "flow-a").await,
            project.next(protocol, "flow-b").await,
        );
        if executed {
            project.execute(&b).await;
        }
        project.execute(&a).await;
        project.qa(&a).await;
        if executed {
            let checked = project.qa(&b).await;
            assert_eq!(checked["status"], "succeeded", "{checked}");
            assert_eq!(checked["result"]["step_status"], "pending");
        } else {
            let executed = project.execute(&b).await;
            assert_eq!(executed["status"], "succeeded", "{executed}");
            assert_eq!(executed["result"]["status"], "pending");
        }
        assert_eq!(project.next(protocol, "next").await.step, first.step);
    }
}

#[tokio::test]
async fn a_step_under_way_does_not_unblock_what_another_has_blocked() {
    let project = Project::new().await;
    project
        .script("a.sh", "exit 1")
        .script("b.sh", "echo b")
        .script("check.sh", "echo 'VERDICT: PASS'");
    let protocol = project
        .planned(json!([
            shell_step("a", "a.sh", json!({})),
            shell_step("b", "b.sh", checked_by("check.sh")),
            shell_step("c", "b.sh", json!({})),
        ]))
        .await;
    let (a, b) = (
        project.next(protocol, "flow-a").await,
        project.next(protocol, "flow-b").await,
    );
    let c = project.next(protocol, "flow-c").await;
    project.execute(&b).await;
    project.execute(&a).await;
    assert_eq!(project.status(protocol).await, "blocked");
    assert_eq!(project.qa(&b).await["result"]["verdict"], "passed");
    project.execute(&c).await;
    assert_eq!(
        project.steps(protocol).await,
        ["failed", "completed", "completed"]
    );
    assert_eq!(project.status(protocol).await, "blocked");
}
