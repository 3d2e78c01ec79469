//! The API's token in a workspace: one secret variable, and references to it.
//!
//! Always so: the token is sent once, and is in nothing that is printed, remembered or stored beside its variable.

use std::process::Command;

use millwright::server::ServerOptions;
use serde_json::{Value, json};

use crate::api_fixture::Api;
use crate::deploy_fixture::{Deployment, Said, run};
use crate::script_fixture::under_bun;

const SECRET: &str = "s3cret-of-the-api";
const REFERENCE: &str = "$var:f/devgodzilla/tasksgodzilla_api_token";
const VARIABLE: &str = "variables f/devgodzilla/tasksgodzilla_api_token";

async fn with_token(deployment: &Deployment, arguments: &str) -> Said {
    let mut command = deployment.command(arguments);
    command.env("TASKSGODZILLA_API_TOKEN", SECRET);
    let said = run(command).await;
    let told = format!("{}{}", said.stdout, said.stderr);
    assert!(!told.contains(SECRET), "{told}");
    said
}

#[tokio::test]
async fn the_token_is_sent_once_and_handed_on_by_reference() {
    let deployment = Deployment::new().await;
    let workspace = &deployment.workspace;
    assert_eq!(with_token(&deployment, "--apply --json").await.exit, 0);
    let asked = workspace.take_asked();
    let sent = asked
        .iter()
        .filter(|(_, body)| body.to_string().contains(SECRET));
    let sent: Vec<_> = sent
        .map(|(asked, body)| (asked.as_str(), &body["path"]))
        .collect();
    assert_eq!(
        sent,
        [(
            "POST variables/create",
            &json!("f/devgodzilla/tasksgodzilla_api_token")
        )]
    );
    assert_eq!(workspace.item(VARIABLE)["is_secret"], true);
    let script = workspace.item("scripts u/devgodzilla/spec_audit");
    assert_eq!(
        script["schema"]["properties"]["tasksgodzilla_api_token"]["default"],
        REFERENCE
    );
    let flow = workspace.item("flows f/devgodzilla/run_next_step");
    let given =
        &flow["value"]["modules"][0]["value"]["input_transforms"]["tasksgodzilla_api_token"];
    assert_eq!(given, &json!({"type": "static", "value": REFERENCE}));
    assert_eq!(
        workspace.item("schedules f/devgodzilla/spec_audit")["args"]["tasksgodzilla_api_token"],
        REFERENCE
    );
    // Another machine, which does not know the token, finds nothing to do.
    deployment.says("--check").await;
    with_token(&deployment, "--check").await;
    assert!(workspace.take_writes().is_empty());
}

#[tokio::test]
async fn it_is_written_again_only_when_that_is_asked_for() {
    let deployment = Deployment::new().await;
    with_token(&deployment, "--apply").await;
    deployment.workspace.take_asked();
    assert_eq!(
        with_token(&deployment, "--apply --rotate-token").await.exit,
        0
    );
    assert_eq!(
        deployment.workspace.take_writes(),
        ["POST variables/update/f/devgodzilla/tasksgodzilla_api_token"]
    );
    let told = deployment.fails("--rotate-token", 2).await.stderr;
    assert!(
        told.contains("TASKSGODZILLA_API_TOKEN, which is not set"),
        "{told}"
    );
    let told = deployment
        .fails("--api-token-from NO_SUCH_NAME", 2)
        .await
        .stderr;
    assert!(told.contains("NO_SUCH_NAME, which is not set"), "{told}");
}

#[tokio::test]
async fn a_secret_that_somebody_keeps_there_is_used_and_not_touched() {
    let deployment = Deployment::new().await;
    let workspace = &deployment.workspace;
    let theirs = json!({"path": "f/devgodzilla/tasksgodzilla_api_token", "value": "theirs", "is_secret": true, "description": "mine"});
    workspace.put(VARIABLE, theirs);
    let theirs = workspace.item(VARIABLE);
    deployment.says("--apply").await;
    assert_eq!(workspace.item(VARIABLE), theirs);
    let script = workspace.item("scripts u/devgodzilla/spec_audit");
    assert!(
        script["content"]
            .as_str()
            .unwrap()
            .contains("TASKSGODZILLA_API_TOKEN")
    );
    assert_eq!(
        with_token(&deployment, "--apply --rotate-token").await.exit,
        1,
        "it is somebody else's"
    );
    deployment.says("--apply --prune --env-from-workers").await;
    assert_eq!(workspace.item(VARIABLE), theirs);
    workspace.edit(VARIABLE, |variable| variable["is_secret"] = false.into());
    let plan = deployment.fails("", 1).await.stdout;
    assert!(
        plan.contains("! variable    f/devgodzilla/tasksgodzilla_api_token"),
        "{plan}"
    );
}

#[tokio::test]
async fn workers_may_bring_it_instead() {
    let deployment = Deployment::new().await;
    with_token(&deployment, "--apply").await;
    let said = with_token(&deployment, "--apply --prune --env-from-workers").await;
    assert_eq!(said.exit, 0, "{}", said.stderr);
    assert_eq!(deployment.workspace.item(VARIABLE), Value::Null);
    let flow = deployment
        .workspace
        .item("flows f/devgodzilla/run_next_step");
    assert!(!flow.to_string().contains("tasksgodzilla_api_token"));
    let said = with_token(&deployment, "--env-from-workers").await;
    assert!(
        said.stderr
            .contains("WHITELIST_ENVS=TASKSGODZILLA_API_URL,TASKSGODZILLA_API_TOKEN"),
        "{}",
        said.stderr
    );
}

#[tokio::test]
async fn an_address_with_a_password_is_refused() {
    let deployment = Deployment::new().await;
    let told = deployment
        .fails("--api-url http://me:hunter2@mill", 2)
        .await
        .stderr;
    assert!(
        told.contains("a password in it") && !told.contains("hunter2"),
        "{told}"
    );
}

#[tokio::test]
async fn a_deployed_script_that_carries_its_step_calls_with_the_token_that_it_is_given() {
    let deployment = Deployment::new().await;
    with_token(&deployment, "--apply").await;
    let script = deployment
        .workspace
        .item("scripts u/devgodzilla/spec_audit");
    assert_eq!(
        script["language"], "bun",
        "`make wasm` has built the modules"
    );
    let api = Api::start_with(|_| ServerOptions {
        token: Some(SECRET.to_owned()),
        ..ServerOptions::default()
    });
    let api = api.await;
    let file = deployment.folder().join("spec_audit.ts");
    std::fs::write(&file, script["content"].as_str().unwrap()).unwrap();
    let order: Vec<&str> = script["schema"]["order"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    for (token, is_let_in) in [(SECRET, true), ("another", false)] {
        // What Windmill makes of the reference.
        let given = json!({"tasksgodzilla_api_token": token});
        let mut command = under_bun(&file, &order, &given, deployment.folder());
        command.env("TASKSGODZILLA_API_URL", &api.address);
        command
            .env_remove("TASKSGODZILLA_API_TOKEN")
            .env_remove("DEVGODZILLA_API_URL");
        let output = command.output().await.unwrap();
        let log = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.success(), is_let_in, "{log}");
    }
}

#[test]
fn the_deployed_script_brings_the_token_by_the_environment() {
    use millwright_core::catalog::{GENERATED, ScriptInfo, scripts::spec_audit};
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("millwright-step");
    std::fs::write(
        &program,
        "#!/bin/sh\necho \"$# $TASKSGODZILLA_API_TOKEN\"\n",
    )
    .unwrap();
    let mut permissions = std::fs::metadata(&program).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
    std::fs::set_permissions(&program, permissions).unwrap();
    let script = ScriptInfo::of::<spec_audit::Args>().with_token(REFERENCE);
    let path = format!(
        "{}:{}",
        folder.path().display(),
        std::env::var("PATH").unwrap()
    );
    for (token, expected) in [
        (SECRET, format!("4 {SECRET}\n")),
        ("", "4 worker's\n".to_owned()),
        ("null", "4 worker's\n".to_owned()),
    ] {
        let mut command = Command::new("bash");
        command.args([
            "-ec",
            &script.bash(GENERATED),
            "main.sh",
            "1",
            "",
            "false",
            token,
        ]);
        command
            .env("PATH", &path)
            .env("TASKSGODZILLA_API_TOKEN", "worker's");
        let output = command.output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    }
}
