//! `millwright deploy`: a workspace compared, brought to what it should hold, and left alone where it is somebody else's.
//!
//! Always so: what came of it is read from the workspace, and requests are counted there.

use serde_json::{Value, json};

use crate::deploy_fixture::Deployment;

const SCRIPT: &str = "scripts u/devgodzilla/open_pr";
const FLOW: &str = "flows f/devgodzilla/run_next_step";
const SCHEDULE: &str = "schedules f/devgodzilla/spec_audit";

#[tokio::test]
async fn a_plan_changes_nothing() {
    let deployment = Deployment::new().await;
    let plan = deployment.says("").await;
    assert!(
        plan.stdout.contains("+ folder      devgodzilla\n"),
        "{}",
        plan.stdout
    );
    assert!(
        plan.stdout
            .contains("+ script      u/devgodzilla/open_pr\n")
    );
    assert!(
        plan.stderr
            .contains("28 to make, 0 to change, 0 to remove: --apply does it"),
        "{}",
        plan.stderr
    );
    assert!(
        plan.stderr
            .contains("jobs do not know where the refs API is")
    );
    assert!(deployment.workspace.take_writes().is_empty());
    let told = deployment.fails("--check", 1).await.stderr;
    assert!(told.contains("run `millwright deploy --apply`"), "{told}");
}

#[tokio::test]
async fn a_second_deployment_writes_nothing() {
    let deployment = Deployment::new().await;
    let first = deployment
        .says("--apply --api-url https://mill.example")
        .await;
    assert!(
        first
            .stderr
            .contains("29 written; the workspace is as it should be"),
        "{}",
        first.stderr
    );
    assert_eq!(deployment.workspace.held().items.len(), 19 + 7 + 1 + 1);
    assert_eq!(
        deployment.workspace.held().environment["TASKSGODZILLA_API_URL"],
        "https://mill.example"
    );
    assert_eq!(deployment.workspace.item(SCHEDULE)["enabled"], false);
    assert!(deployment.remembered().to_string().len() < 5_000);
    deployment.workspace.take_asked();
    let second = deployment
        .says("--apply --api-url https://mill.example")
        .await;
    assert!(
        second.stdout.contains("= 29 unchanged"),
        "{}",
        second.stdout
    );
    let asked = deployment.workspace.take_asked();
    assert!(
        asked.len() <= 7,
        "5 requests for every 20 objects: {asked:?}"
    );
    assert!(
        asked.iter().all(|(asked, _)| asked.starts_with("GET ")),
        "{asked:?}"
    );
    deployment.says("--check").await;
}

#[tokio::test]
async fn what_was_changed_by_hand_is_shown_and_mended() {
    let deployment = Deployment::done().await;
    let workspace = &deployment.workspace;
    let (script, flow) = (workspace.item(SCRIPT), workspace.item(FLOW));
    workspace.edit(SCRIPT, |script| {
        let content = script["content"]
            .as_str()
            .unwrap()
            .replace("exec ", "echo hacked; exec ");
        script["content"] = content.into();
        script["priority"] = 7.into();
    });
    workspace.edit(FLOW, |flow| {
        flow["value"]["modules"][0]["sleep"] = json!({"type": "static", "value": 60});
    });
    let plan = deployment.fails("--check", 1).await.stdout;
    for line in [
        "~ script      u/devgodzilla/open_pr",
        "    - echo hacked; exec \"$step\" open_pr",
        "    -     sleep:",
        "= 26 unchanged",
    ] {
        assert!(plan.contains(line), "{line} in\n{plan}");
    }
    deployment.says("--apply").await;
    assert_eq!(workspace.item(SCRIPT)["content"], script["content"]);
    assert_eq!(
        workspace.item(SCRIPT)["priority"],
        7,
        "what people set beside what we say stays"
    );
    assert_eq!(workspace.item(FLOW)["value"], flow["value"]);
    workspace.take_asked();
    deployment.says("--check").await;
}

#[tokio::test]
async fn what_is_somebody_elses_is_left_alone() {
    let deployment = Deployment::new().await;
    let workspace = &deployment.workspace;
    workspace.put(
        SCRIPT,
        json!({"path": "u/devgodzilla/open_pr", "content": "echo mine", "language": "bash"}),
    );
    let mine = workspace.item(SCRIPT);
    let said = deployment.fails("--apply --prune", 1).await;
    assert!(
        said.stdout
            .contains("! script      u/devgodzilla/open_pr\n    somebody else made it"),
        "{}",
        said.stdout
    );
    assert!(said.stderr.contains("at 1 of our paths"), "{}", said.stderr);
    assert_eq!(workspace.item(SCRIPT), mine);
    assert_ne!(workspace.item(FLOW), Value::Null, "the rest is deployed");
    assert!(!deployment.remembered().to_string().contains("open_pr"));
}

#[tokio::test]
async fn prune_removes_only_what_an_earlier_deployment_made() {
    let deployment = Deployment::done().await;
    let workspace = &deployment.workspace;
    workspace.put(
        "scripts u/devgodzilla/old",
        json!({"path": "u/devgodzilla/old", "content": "made by us"}),
    );
    workspace.put(
        "scripts u/devgodzilla/theirs",
        json!({"path": "u/devgodzilla/theirs", "content": "theirs"}),
    );
    let mut record = deployment.remembered();
    record["things"]["script u/devgodzilla/old"] = json!(["0", "0"]);
    record["things"]["flow f/devgodzilla/gone"] = json!(["0", "0"]);
    workspace.edit(
        "variables f/devgodzilla/millwright_deployment",
        |variable| {
            variable["value"] = record.to_string().into();
        },
    );
    let plan = deployment.says("").await.stdout;
    assert!(
        plan.contains("script u/devgodzilla/old is no longer wanted: --prune removes it"),
        "{plan}"
    );
    let said = deployment.says("--apply --prune").await;
    assert!(
        said.stdout.contains("- script      u/devgodzilla/old"),
        "{}",
        said.stdout
    );
    assert_eq!(workspace.item("scripts u/devgodzilla/old"), Value::Null);
    assert_ne!(workspace.item("scripts u/devgodzilla/theirs"), Value::Null);
    let record = deployment.remembered().to_string();
    assert!(
        !record.contains("/old") && !record.contains("/gone"),
        "{record}"
    );
}

#[tokio::test]
async fn a_lost_record_is_found_again_without_a_change() {
    let deployment = Deployment::done().await;
    let variable = "variables f/devgodzilla/millwright_deployment";
    let record = deployment.remembered();
    deployment.workspace.held().items.remove(variable);
    let said = deployment.says("--apply").await;
    assert!(said.stdout.contains("= 28 unchanged"), "{}", said.stdout);
    assert_eq!(
        deployment.workspace.take_writes(),
        ["POST variables/create"]
    );
    let found = deployment.remembered();
    for name in [
        "script u/devgodzilla/open_pr",
        "flow f/devgodzilla/run_next_step",
    ] {
        assert_eq!(found["things"][name], record["things"][name]);
    }
}

#[tokio::test]
async fn the_audit_is_scheduled_when_it_is_asked_for() {
    let deployment = Deployment::done().await;
    let workspace = &deployment.workspace;
    workspace.edit(SCHEDULE, |schedule| schedule["enabled"] = true.into());
    deployment.says("--check").await;
    let mut command = deployment.command("--apply");
    command.args(["--schedule-audit", "0 30 5 * * 1"]);
    assert_eq!(crate::deploy_fixture::run(command).await.exit, 0);
    let schedule = workspace.item(SCHEDULE);
    assert_eq!(
        (&schedule["schedule"], &schedule["enabled"]),
        (&json!("0 30 5 * * 1"), &json!(true))
    );
    deployment.says("--apply --schedule-audit off").await;
    let schedule = workspace.item(SCHEDULE);
    assert_eq!(
        (&schedule["schedule"], &schedule["enabled"]),
        (&json!("0 30 5 * * 1"), &json!(false))
    );
    let told = deployment.fails("--schedule-audit daily", 2).await.stderr;
    assert!(told.contains("six fields"), "{told}");
}

#[tokio::test]
async fn engines_get_their_workers_tag() {
    let deployment = Deployment::done().await;
    let said = deployment.says("--apply --tag-engines agents").await;
    assert!(said.stdout.contains("    + tag: agents"), "{}", said.stdout);
    assert_eq!(
        deployment
            .workspace
            .item("scripts u/devgodzilla/execute_step")["tag"],
        "agents"
    );
    assert_eq!(deployment.workspace.item(SCRIPT)["tag"], Value::Null);
}

#[tokio::test]
async fn programs_are_told_in_json() {
    let deployment = Deployment::new().await;
    let said = deployment.says("--apply --json").await;
    let told: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(
        told["objects"][0],
        json!({"kind": "folder", "path": "devgodzilla", "action": "create"})
    );
    assert_eq!(told["applied"]["done"].as_array().unwrap().len(), 28);
    assert_eq!(told["applied"]["error"], Value::Null);
}

#[tokio::test]
async fn a_script_is_packaged_as_it_is_wished() {
    let deployment = Deployment::done().await;
    let script = |name| {
        deployment
            .workspace
            .item(&format!("scripts u/devgodzilla/{name}"))
    };
    let content = script("open_pr")["content"].to_string();
    assert!(content.contains("find_step 'millwright-step "), "{content}");
    deployment.says("--apply --packaging path").await;
    for name in ["spec_audit", "open_pr"] {
        let script = script(name);
        assert_eq!(
            (&script["language"], &script["lock"]),
            (&json!("bash"), &json!("")),
            "{name}"
        );
    }
    let told = deployment.fails("--packaging open_pr=wasm", 2).await.stderr;
    assert!(
        told.contains("open_pr cannot be packaged as wasm"),
        "{told}"
    );
}
