//! Every type of event, brought about through the API and seen in `millwright protocol events`.
//!
//! Always so: a type that nothing here brings about fails the test by its name.

use std::collections::BTreeSet;
use std::time::Duration;

use millwright_core::protocol::{EventType, Kind, SetupFact};
use serde_json::{Value, json};

use crate::git_fixture::commit_all;
use crate::protocol_command::says;
use crate::protocol_fixture::{Claimed, Project, checked_by, shell_step};
use crate::wait::until;
use crate::{
    branches, clarifications, codemachine, job_failures, no_folder, planning_decomposed, policy,
    triggers, webhooks,
};

/// The types of all events that a project's server tells of.
async fn seen(project: &Project) -> BTreeSet<String> {
    let told = says(project, "events --json").await;
    let name = |line: &str| {
        let event: Value = serde_json::from_str(line).unwrap();
        event["event_type"].as_str().unwrap().to_owned()
    };
    told.lines().map(name).collect()
}

#[tokio::test]
async fn every_type_is_seen() {
    let mut all = BTreeSet::new();
    for part in [
        by_steps().await,
        by_people().await,
        by_ends().await,
        by_plans().await,
        by_workspaces().await,
        by_policies().await,
        by_commits().await,
        by_forges().await,
        by_details().await,
        seen(&branches::of_every_kind().await).await,
        by_setups().await,
        seen(&no_folder::of_every_kind().await).await,
    ] {
        all.extend(part);
    }
    let missing: Vec<&str> = EventType::ALL
        .iter()
        .map(|event_type| event_type.as_str())
        .filter(|name| !all.contains(*name))
        .collect();
    assert_eq!(missing, [""; 0], "nothing brings these about");
}

/// Runs a protocol of these steps until none can be run.
async fn run(project: &Project, steps: Value) -> i64 {
    let protocol = project.planned(steps).await;
    while let Some(id) = project.select(protocol, "flow").await["step_run_id"].as_i64() {
        let step = project.next(protocol, "flow").await;
        assert_eq!(step.step, id);
        let executed = project.execute(&step).await;
        if executed["result"]["status"] == "needs_qa" {
            project.qa(&step).await;
        }
    }
    protocol
}

/// A step of a spec that is checked by a prompt, with more said about the check.
fn checked(policy: &str, prompt: &str, more: &Value) -> Value {
    let mut qa = json!({"policy": policy, "prompt": prompt});
    qa.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    json!([shell_step("01-work", "work.sh", json!({ "qa": qa }))])
}

/// A step with a policy.
fn with_policy(id: &str, behavior: &Value, condition: &str) -> Value {
    let policy = json!({"module_id": "m", "behavior": behavior, "condition": condition});
    shell_step(id, "work.sh", json!({"policies": [policy]}))
}

/// What steps, checks and policies bring about by themselves.
async fn by_steps() -> BTreeSet<String> {
    let lint = "test -f mended || { echo './a.py:3:1: F401 `os` imported but unused'; exit 1; }";
    let more = json!({"policy_overrides": {"gates": {"lint": lint}}});
    let budget = [
        ("TASKSGODZILLA_MAX_TOKENS_PER_STEP", "1"),
        ("TASKSGODZILLA_TOKEN_BUDGET_MODE", "warn"),
    ];
    let project = Project::told(&more, &budget).await;
    project
        .script("work.sh", "echo worked")
        .script("pass.sh", "echo VERDICT: PASS")
        .script("fail.sh", "echo VERDICT: FAIL")
        .script("mend.sh", "touch mended")
        .script("give-up.sh", "exit 1");
    let none = json!({});
    for steps in [
        checked("full", "pass.sh", &json!({"fix_prompt": "give-up.sh"})),
        checked("full", "pass.sh", &json!({"fix_prompt": "mend.sh"})),
        checked("full", "pass.sh", &json!({"engine_id": "abacus"})),
        checked("light", "pass.sh", &json!({"engine_id": "abacus"})),
        checked("light", "pass.sh", &none),
        checked("light", "fail.sh", &none),
        chain_of_triggers(),
        loops("give-up.sh"),
    ] {
        run(&project, steps).await;
    }
    missing_target(&project).await;
    let protocol = triggers::triggered(&project, "give-up.sh").await;
    project.next(protocol, "too slow").await;
    project.later(Duration::from_mins(6));
    let step = project.next(protocol, "flow").await;
    project.execute(&step).await;
    seen(&project).await
}

/// Triggers up to their depth, one whose condition does not hold, and one whose target is done.
fn chain_of_triggers() -> Value {
    let to = |agent: &str| json!({"type": "trigger", "action": "mainAgentCall", "triggerAgentId": agent});
    json!([
        with_policy("00-a", &to("b"), "qa_passed"),
        with_policy("01-b", &to("c"), "qa_passed"),
        with_policy("02-c", &to("d"), "qa_passed"),
        with_policy("03-d", &to("a"), "qa_passed"),
        with_policy("04-e", &to("a"), "exec_failed"),
    ])
}

/// A step that fails, with a loop that is not for that, and one that ends.
fn loops(script: &str) -> Value {
    let back = json!({"type": "loop", "action": "stepBack", "max_iterations": 1});
    let mut step = with_policy("01-work", &back, "exec_failed");
    let other = json!({"module_id": "other", "behavior": back, "condition": "qa_failed"});
    let policies = step["policies"].as_array_mut().unwrap();
    policies.insert(0, other);
    step["prompt_ref"] = script.into();
    json!([step])
}

/// No spec names a target that there is none of; a step that was made by hand may.
async fn missing_target(project: &Project) {
    let path = format!("/projects/{}/protocols", project.id);
    let body = json!({"protocol_name": "by-hand"});
    let protocol = project.api.post(&path, &body).await.expect(200)["id"].clone();
    let policy = json!({"behavior": {"type": "trigger", "trigger_agent_id": "nobody"}});
    let step = json!({"step_index": 0, "step_name": "00-a", "step_type": "work", "policy": policy});
    let path = format!("/protocols/{protocol}/steps");
    project.api.post(&path, &step).await.expect(200);
    let claimed = project.next(protocol.as_i64().unwrap(), "worker").await;
    report(project, &claimed, "failed").await;
    project
        .api
        .post("/specs/audit", &json!({"backfill": true}))
        .await
        .expect(200);
}

/// Begins a step's work as a worker does, and reports how it ended.
async fn report(project: &Project, step: &Claimed, outcome: &str) {
    begin(project, step).await;
    let report =
        json!({"report": "executed", "outcome": outcome, "summary": "so", "telemetry": {}});
    let path = format!("/steps/{}/actions/report", step.step);
    let body = json!({"claim": step.claim, "report": report});
    project.api.post(&path, &body).await.expect(200);
}

async fn begin(project: &Project, step: &Claimed) {
    let path = format!("/steps/{}/actions/begin", step.step);
    let body = json!({"claim": step.claim, "kind": "execute"});
    project.api.post(&path, &body).await.expect(200);
}

/// What people do, and what waits for them.
async fn by_people() -> BTreeSet<String> {
    let project = Project::new().await;
    project
        .script("work.sh", "echo worked")
        .script("fail.sh", "exit 1");
    let about = json!({"project_id": project.id, "applies_to": "planning"});
    let question = clarifications::asked(&project, about).await;
    let step = shell_step("01-work", "work.sh", checked_by("work.sh"));
    let protocol = project.protocol(json!([step])).await;
    project.start(protocol).await;
    clarifications::answer(&project, question).await;
    until("the protocol is planned", async || {
        (project.status(protocol).await == "planned").then_some(())
    })
    .await;
    let about = json!({"protocol_run_id": protocol, "applies_to": "execution", "key": "e"});
    let question = clarifications::asked(&project, about).await;
    project.select(protocol, "flow").await;
    clarifications::answer(&project, question).await;
    let about = json!({"protocol_run_id": protocol, "applies_to": "qa", "key": "q"});
    clarifications::asked(&project, about).await;
    let step = project.next(protocol, "flow").await;
    project.execute(&step).await;
    let path = format!("/steps/{}/actions/qa", step.step);
    let body = json!({"claim": step.claim});
    project.api.post(&path, &body).await.expect(409);
    for action in ["pause", "resume", "cancel"] {
        project.action(protocol, action).await.expect(200);
    }

    let steps = ["a", "b", "c"].map(|id| shell_step(id, "fail.sh", json!({})));
    let protocol = project.planned(json!(steps)).await;
    let all = json!({"holder": "flow", "all": true});
    let path = format!("/protocols/{protocol}/actions/run_next_step");
    let chosen = project.api.post(&path, &all).await.expect(200);
    for (step, action) in chosen["steps"]
        .as_array()
        .unwrap()
        .iter()
        .zip(["retry", "approve", "skip"])
    {
        let step = Claimed {
            step: step["step_run_id"].as_i64().unwrap(),
            claim: step["claim"].as_str().unwrap().to_owned(),
        };
        project.execute(&step).await;
        let path = format!("/steps/{}/actions/{action}", step.step);
        project.api.post(&path, &json!({})).await.expect(200);
    }
    for outcome in ["enqueued", "opened", "exists", "failed", "skipped"] {
        let path = format!("/protocols/{protocol}/pull_request");
        let mut body = json!({"outcome": outcome, "message": "so it is"});
        match outcome {
            "opened" => body["pushed"] = true.into(),
            "skipped" => body["pushed"] = false.into(),
            _ => {}
        }
        project.api.post(&path, &body).await.expect(200);
    }
    seen(&project).await
}

/// Work that nobody brings to its end.
async fn by_ends() -> BTreeSet<String> {
    let project = Project::new().await;
    project.script("work.sh", "echo worked");
    let steps = json!([shell_step("01-work", "work.sh", json!({}))]);
    let protocol = project.planned(steps).await;
    let step = project.next(protocol, "first").await;
    report(&project, &step, "cancelled").await;
    let step = project.next(protocol, "second").await;
    begin(&project, &step).await;
    project.later(Duration::from_secs(61));
    let Claimed { step, claim } = project.next(protocol, "third").await;
    let lost = project.api.app.work.protocols().write(move |tables| {
        let begun =
            tables.start_execution(step, Kind::Execute, Some(&claim), "one that is gone")?;
        tables.give_up(&begun.started.execution_id)
    });
    lost.await.unwrap();
    job_failures::late(&project).await;
    let run = json!({"job_type": "windmill", "run_id": "r", "protocol_run_id": protocol});
    let start = project.api.post("/codex/runs/start", &run);
    start.await.expect(200);
    let end = json!({"status": "failed"});
    let finish = project.api.post("/codex/runs/r/finish", &end);
    finish.await.expect(200);
    seen(&project).await
}

/// Plans that cannot be made.
async fn by_plans() -> BTreeSet<String> {
    let more = json!({"policy_overrides": {"default_engine_id": "shell"}});
    let project = Project::with(&more).await;
    let path = format!("/projects/{}/protocols", project.id);
    for body in [
        json!({"protocol_name": "no-spec", "description": "x"}),
        json!({"protocol_name": "no-step", "template_config": {"protocol_spec": {"steps": []}}}),
    ] {
        let made = project.api.post(&path, &body).await.expect(200);
        let id = made["id"].as_i64().unwrap();
        project.start(id).await;
        assert_eq!(project.status(id).await, "blocked");
    }
    seen(&project).await
}

/// A plan whose steps are told in detail.
async fn by_details() -> BTreeSet<String> {
    let wanted = json!({"decompose": true});
    let (project, protocol) = planning_decomposed::planned(wanted, None).await;
    assert_eq!(project.status(protocol).await, "planned");
    seen(&project).await
}

/// A plan that lacks what its project's policy wants, of which not all can be added.
async fn by_policies() -> BTreeSet<String> {
    let enforcement = json!({"mode": "block", "autofix": true});
    let (project, protocol) = policy::lacking(enforcement).await;
    assert_eq!(project.status(protocol).await, "blocked");
    seen(&project).await
}

/// Workspaces of CodeMachine, and their agents.
async fn by_workspaces() -> BTreeSet<String> {
    let project = codemachine::project().await;
    let imported = codemachine::import(&project, json!({})).await.expect(200);
    let protocol = imported["protocol_run"]["id"].as_i64().unwrap();
    let step = project.next(protocol, "flow").await;
    project.execute(&step).await;
    project.script(".codemachine/prompts/check.sh", "exit 1");
    let step = project.next(protocol, "flow").await;
    project.execute(&step).await;
    codemachine::write(&project, "config/modules.js", "require('fs')");
    let wrong = json!({"protocol_name": "0002-wrong", "enqueue": true});
    let enqueued = codemachine::import(&project, wrong).await.expect(200);
    let protocol = enqueued["protocol_run"]["id"].as_i64().unwrap();
    until("the import has failed", async || {
        (project.status(protocol).await == "blocked").then_some(())
    })
    .await;
    seen(&project).await
}

/// A check that fails and passes all the same, for what it is about.
async fn by_commits() -> BTreeSet<String> {
    let policy = json!({"policy_overrides": {"qa_pass_protocol_only": true}});
    let project = Project::with(&policy).await;
    project
        .script("work.sh", "echo noted")
        .script("check.sh", "echo VERDICT: FAIL");
    commit_all(&project.workspace);
    run(
        &project,
        json!([shell_step("01-work", "work.sh", checked_by("check.sh"))]),
    )
    .await;
    seen(&project).await
}

/// What forges deliver.
async fn by_forges() -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for project in webhooks::of_every_kind().await {
        all.extend(seen(&project).await);
    }
    all
}

/// What workers do to set a project up, and a setup that waits for an answer.
async fn by_setups() -> BTreeSet<String> {
    let wants = [("TASKSGODZILLA_REQUIRE_ONBOARDING_CLARIFICATIONS", "true")];
    let project = Project::told(&json!({}), &wants).await;
    let about = json!({"project_id": project.id, "applies_to": "onboarding"});
    let question = clarifications::asked(&project, about).await;
    let told = SetupFact::ALL.iter();
    let told = told.map(|fact| json!({"event_type": fact, "message": "so it is"}));
    let all = json!({"events": told.collect::<Value>()});
    let finished = json!({"events": [], "finished": true});
    let path = format!("/projects/{}/setup", project.id);
    for report in [all, finished] {
        project.api.post(&path, &report).await.expect(200);
    }
    clarifications::answer(&project, question).await;
    let later = json!({"event_type": SetupFact::CloneFailed, "message": "so it is"});
    let report = json!({"events": [later]});
    project.api.post(&path, &report).await.expect(200);
    seen(&project).await
}
