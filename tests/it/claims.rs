//! Claims on steps: who may work, until when, and what becomes of those who come too late.
//!
//! Always so: a lease is over only where a test lets time pass.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use millwright::server::{App, ServerOptions};
use millwright::store::protocols::{NewProject, NewProtocol, Protocols};
use millwright::store::{Store, StoreOptions};
use millwright_core::protocol::{Kind, RunNextStep};
use serde_json::{Value, json};

use crate::protocol_fixture::{Claimed, Project, shell_step};

const LEASE: Duration = Duration::from_mins(6);

async fn two_steps(project: &Project) -> i64 {
    project.script("work.sh", "echo done");
    project
        .planned(json!([
            shell_step("a", "work.sh", json!({})),
            shell_step("b", "work.sh", json!({})),
        ]))
        .await
}

#[tokio::test]
async fn a_holder_gets_the_same_claim_until_it_has_used_it() {
    let project = Project::new().await;
    let protocol = two_steps(&project).await;
    let first = project.next(protocol, "flow-1").await;
    let again = project.next(protocol, "flow-1").await;
    assert_eq!((first.step, &first.claim), (again.step, &again.claim));
    let other = project.next(protocol, "flow-2").await;
    assert_ne!(first.step, other.step);
    assert_eq!(
        project.select(protocol, "flow-3").await["step_run_id"],
        Value::Null
    );
    project.execute(&first).await;
    assert_eq!(
        project.select(protocol, "flow-1").await["step_run_id"],
        Value::Null
    );
}

#[tokio::test]
async fn all_ready_steps_can_be_claimed_at_once() {
    let project = Project::new().await;
    let protocol = two_steps(&project).await;
    let path = format!("/protocols/{protocol}/actions/run_next_step");
    let body = json!({"holder": "flow", "all": true});
    let answer = project.api.post(&path, &body).await.expect(200);
    assert_eq!(answer["steps"].as_array().unwrap().len(), 2);
    assert_eq!(answer["steps"][0]["step_run_id"], answer["step_run_id"]);
    assert_eq!(answer["message"], "Steps a, b claimed");
    assert_eq!(project.api.post(&path, &body).await.expect(200), answer);
}

#[tokio::test]
async fn the_same_claim_begins_the_same_execution() {
    let project = Project::new().await;
    let protocol = two_steps(&project).await;
    let step = project.next(protocol, "flow").await;
    let first = project.begin(&step, "execute", json!({})).await;
    assert_eq!(project.begin(&step, "execute", json!({})).await, first);
    project.ended(&first).await;
    assert_eq!(project.begin(&step, "execute", json!({})).await, first);
    let story = project.story(protocol).await;
    let started = story.iter().filter(|name| *name == "step_started");
    assert_eq!(started.count(), 1);
}

#[tokio::test]
async fn another_claim_is_refused_and_so_is_none() {
    let project = Project::new().await;
    let protocol = two_steps(&project).await;
    let step = project.next(protocol, "flow").await;
    let path = format!("/steps/{}/actions/execute", step.step);
    let wrong = json!({"claim": "made-up"});
    project.api.post(&path, &wrong).await.expect(409);
    let refused = project.api.post(&path, &json!({})).await.expect(409);
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("is claimed by another until"), "{detail}");
}

#[tokio::test]
async fn a_claim_that_lapsed_unused_goes_to_the_next_and_the_late_comer_is_refused() {
    let project = Project::new().await;
    let protocol = two_steps(&project).await;
    let late = project.next(protocol, "slow").await;
    project.later(LEASE);
    let quick = project.next(protocol, "quick").await;
    assert_eq!(quick.step, late.step);
    assert_ne!(quick.claim, late.claim);
    let path = format!("/steps/{}/actions/execute", late.step);
    let body = json!({"claim": late.claim});
    project.api.post(&path, &body).await.expect(409);
}

#[tokio::test]
async fn a_claim_that_nobody_else_wanted_still_holds() {
    let project = Project::new().await;
    let protocol = two_steps(&project).await;
    let step = project.next(protocol, "slow").await;
    project.later(LEASE);
    assert_eq!(project.execute(&step).await["status"], "succeeded");
}

#[tokio::test]
async fn a_worker_that_vanished_loses_its_step_and_its_report() {
    let project = Project::new().await;
    let protocol = two_steps(&project).await;
    let step = project.next(protocol, "worker").await;
    let path = format!("/steps/{}/actions/begin", step.step);
    let body = json!({"claim": step.claim, "kind": "execute"});
    let begun = project.api.post(&path, &body).await.expect(200);
    assert_eq!(begun["assignment"]["step_spec"]["prompt_ref"], "work.sh");
    assert_eq!(begun["assignment"]["workspace"], json!(project.workspace));
    project.api.post(&path, &body).await.expect(409);

    project.later(Duration::from_secs(59));
    let renew = format!("/steps/{}/claim/renew", step.step);
    let shown = json!({"claim": step.claim});
    project.api.post(&renew, &shown).await.expect(200);
    project.later(Duration::from_secs(59));
    assert_eq!(project.steps(protocol).await[0], "running");

    project.later(Duration::from_secs(2));
    let next = project.next(protocol, "another").await;
    assert_eq!(next.step, step.step);
    let event = project.event(protocol, "step_stuck_watchdog").await;
    assert_eq!(event["step_run_id"], step.step);
    assert_eq!(event["metadata"]["age_seconds"], 61);
    assert_eq!(event["metadata"]["threshold_seconds"], 60);
    let report = json!({"claim": step.claim, "report": {
        "report": "executed", "outcome": "succeeded", "summary": "late", "telemetry": {},
    }});
    let path = format!("/steps/{}/actions/report", step.step);
    let refused = project.api.post(&path, &report).await.expect(409);
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("does not hold step"), "{detail}");
    project.api.post(&renew, &shown).await.expect(409);
}

#[tokio::test]
async fn the_same_report_counts_once_and_gets_the_same_answer() {
    let project = Project::new().await;
    let protocol = two_steps(&project).await;
    let step = project.next(protocol, "worker").await;
    let begin = format!("/steps/{}/actions/begin", step.step);
    let body = json!({"claim": step.claim, "kind": "execute"});
    project.api.post(&begin, &body).await.expect(200);

    let path = format!("/steps/{}/actions/report", step.step);
    let started =
        json!({"claim": step.claim, "report": {"report": "started", "engine_id": "shell"}});
    let failed = json!({"claim": step.claim, "report": {
        "report": "executed", "outcome": "failed", "summary": "no way", "telemetry": {"duration_seconds": 0.1},
    }});
    for report in [&started, &failed] {
        let first = project.api.post(&path, report).await.expect(200);
        let again = project.api.post(&path, report).await.expect(200);
        assert_eq!(again, first);
    }
    assert_eq!(project.steps(protocol).await[0], "failed");
    let story = project.story(protocol).await;
    let expected = ["planned", "step_started", "step_execution_failed"];
    assert_eq!(story[..3], expected);
    assert_eq!(
        story
            .iter()
            .filter(|name| expected.contains(&name.as_str()))
            .count(),
        3
    );

    let mut other = failed.clone();
    other["report"]["summary"] = json!("another");
    project.api.post(&path, &other).await.expect(409);
    let mut stranger = failed;
    stranger["claim"] = json!("made-up");
    project.api.post(&path, &stranger).await.expect(409);
}

#[tokio::test]
async fn a_step_that_nobody_came_to_check_is_offered_again_and_not_executed_twice() {
    let project = Project::new().await;
    project
        .script("work.sh", "echo x >> runs; echo done")
        .script("check.sh", "echo 'VERDICT: PASS'");
    let qa = json!({"qa": {"policy": "full", "prompt": "check.sh"}});
    let protocol = project
        .planned(json!([shell_step("a", "work.sh", qa)]))
        .await;
    let step = project.next(protocol, "gone").await;
    project.execute(&step).await;
    assert_eq!(
        project.select(protocol, "other").await["step_run_id"],
        Value::Null
    );
    project.later(LEASE);
    let step: Claimed = project.next(protocol, "other").await;
    assert_eq!(project.execute(&step).await["result"]["status"], "needs_qa");
    assert_eq!(project.qa(&step).await["result"]["verdict"], "passed");
    assert_eq!(project.read("runs").lines().count(), 1);
    assert_eq!(project.status(protocol).await, "completed");
}

#[tokio::test]
async fn what_a_server_that_is_gone_was_executing_has_failed_and_may_be_chosen_again() {
    let project = Project::new().await;
    let protocol = two_steps(&project).await;
    let step = project.next(protocol, "flow").await;
    let hostname = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let owner = format!("{}:{}:1", hostname.trim(), std::process::id());
    let (id, claim) = (step.step, step.claim.clone());
    let begun = project
        .api
        .app
        .work
        .protocols()
        .write(move |tables| tables.start_execution(id, Kind::Execute, Some(&claim), &owner));
    let execution = begun.await.unwrap().started.execution_id;

    let store = Store::open(&StoreOptions::file(
        project.api.folder.path().join("test.db"),
    ));
    let next_server = App::new(store.unwrap(), ServerOptions::default()).unwrap();
    next_server
        .work
        .take_up(next_server.closing.clone())
        .await
        .unwrap();

    let failed = project.ended(&execution).await;
    assert_eq!(failed["status"], "failed");
    assert_eq!(failed["error"]["name"], "ExecutionLost");
    assert_eq!(project.steps(protocol).await[0], "pending");
    project.event(protocol, "step_execution_lost").await;
    assert_eq!(project.next(protocol, "next").await.step, step.step);
}

#[test]
fn sixteen_selectors_claim_each_step_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&StoreOptions::file(folder.path().join("test.db"))).unwrap();
    let protocols = Protocols::new(store);
    let steps: Vec<Value> = (0..1_000)
        .map(|n| shell_step(&format!("s{n}"), "work.sh", json!({})))
        .collect();
    let protocol = protocols
        .write_blocking(move |tables| {
            let project = tables.create_project(&NewProject::default(), None)?;
            let new = NewProtocol {
                protocol_name: "race".to_owned(),
                template_config: Some(json!({"protocol_spec": {"steps": steps}})),
                ..NewProtocol::default()
            };
            let id = tables.create_protocol(project.id, &new)?.id;
            tables.start(id)?;
            tables.plan(id, None)?;
            Ok(id)
        })
        .unwrap();
    let claimed = Arc::new(Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for thread in 0..16 {
            let (protocols, claimed) = (protocols.clone(), Arc::clone(&claimed));
            scope.spawn(move || {
                for turn in 0.. {
                    let holder = format!("{thread}-{turn}");
                    let select = protocols
                        .write_blocking(move |tables| tables.select(protocol, &holder, false));
                    let RunNextStep { step_run_id, .. } = select.unwrap();
                    let Some(step) = step_run_id else { return };
                    claimed.lock().unwrap().push(step);
                }
            });
        }
    });
    let claimed = claimed.lock().unwrap();
    let different: BTreeSet<_> = claimed.iter().collect();
    assert_eq!((claimed.len(), different.len()), (1_000, 1_000));
}
