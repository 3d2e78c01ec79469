//! `millwright deploy` where something goes wrong: the server, the token, the connection, the person who stops it.
//!
//! Always so: what is said names what is wrong and what to do next, and running it again ends well.

use std::fs;
use std::ops::ControlFlow;
use std::process::Stdio;
use std::time::Duration;

use axum::http::StatusCode;
use millwright::deploy::{End, Plan, Wishes};
use millwright::windmill::{Client, Connection};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::deploy_double::Workspace;
use crate::deploy_fixture::{Deployment, Said, run};
use crate::windmill_double::TOKEN;

fn client(workspace: &Workspace) -> Client {
    let patience = Duration::from_secs(10);
    let token = Some(TOKEN.to_owned());
    Client::new(Connection::new(&workspace.url, token, "starter", patience).unwrap()).unwrap()
}

fn wishes() -> Wishes {
    Wishes {
        // The others are large, which takes time and proves no more.
        packaging: vec!["path".parse().unwrap()],
        api_url: Some("http://mill".to_owned()),
        token: Some("the-api-token".to_owned()),
        ..Wishes::default()
    }
}

/// Deploys, unless the workspace stops to answer.
async fn deploy(workspace: &Workspace) -> Option<End> {
    let client = client(workspace);
    let work = async {
        let plan = Plan::make(&client, &wishes(), true).await.unwrap();
        plan.apply(&client, |_| ControlFlow::Continue(())).await.end
    };
    tokio::select! {
        end = work => Some(end),
        () = workspace.silent() => None,
    }
}

#[tokio::test]
async fn broken_off_after_any_write_the_next_deployment_ends_well() {
    let whole = Workspace::start().await;
    assert!(matches!(deploy(&whole).await, Some(End::Whole)));
    let expected = whole.held().items.keys().cloned().collect::<Vec<_>>();
    // A request that only reads leaves the workspace as the write before it did.
    let asked = whole.take_asked().into_iter().enumerate();
    let writes = asked.filter(|(_, (asked, _))| !asked.starts_with("GET "));
    let writes: Vec<usize> = writes.map(|(at, _)| at + 1).collect();
    assert!(writes.len() > 30, "{writes:?}");
    for nth in writes {
        let workspace = Workspace::start().await;
        workspace.held().faults.silent_at = Some(nth);
        assert!(deploy(&workspace).await.is_none(), "request {nth}");
        workspace.held().faults.silent_at = None;
        let again = deploy(&workspace).await;
        assert!(
            matches!(again, Some(End::Whole)),
            "after request {nth}: {again:?}"
        );
        let there = workspace.held().items.keys().cloned().collect::<Vec<_>>();
        assert_eq!(there, expected);
        workspace.take_asked();
        assert!(matches!(deploy(&workspace).await, Some(End::Whole)));
        assert_eq!(workspace.take_writes(), [""; 0], "after request {nth}");
    }
}

#[tokio::test]
async fn a_field_that_the_server_drops_is_named() {
    let deployment = Deployment::new().await;
    deployment.workspace.held().faults.drops = Some("/value/modules/0/continue_on_error");
    let told = deployment.fails("--apply", 1).await.stderr;
    let named = "flow f/devgodzilla/run_next_step: it was written, and Windmill did not keep /value/modules/0/continue_on_error";
    assert!(told.contains(named), "{told}");
    assert!(!deployment.remembered().to_string().contains("flow "));
    deployment.workspace.held().faults.drops = None;
    deployment.says("--apply").await;
    deployment.says("--check").await;
}

#[tokio::test]
async fn dependency_jobs_are_waited_for_and_their_failure_is_told() {
    let deployment = Deployment::new().await;
    {
        let faults = &mut deployment.workspace.held().faults;
        faults.slow = 2;
        faults.fails = Some("f/devgodzilla/run_next_step");
    }
    let told = deployment.fails("--apply", 1).await.stderr;
    assert!(told.contains("flow f/devgodzilla/run_next_step: its dependency job failed:\nno such package: left-pad"), "{told}");
    assert!(
        deployment
            .remembered()
            .to_string()
            .contains("flow f/devgodzilla/full_protocol")
    );
    assert!(
        !deployment
            .remembered()
            .to_string()
            .contains("flow f/devgodzilla/run_next_step")
    );
}

#[tokio::test]
async fn a_workspace_that_cannot_be_spoken_to_is_told_with_the_next_step() {
    let deployment = Deployment::new().await;
    let mut command = deployment.command("");
    command.env("WMILL_TOKEN", "wrong-token");
    let said = run(command).await;
    assert_eq!(said.exit, 3);
    assert!(
        said.stderr
            .contains("refused the token (401 Unauthorized): make one in its user settings"),
        "{}",
        said.stderr
    );
    assert!(!said.stderr.contains("wrong-token"));
    deployment.workspace.held().faults.missing = true;
    let told = deployment.fails("--apply", 2).await.stderr;
    assert!(told.contains("has no workspace \"starter\""), "{told}");
    deployment.workspace.held().faults.html = true;
    let told = deployment.fails("--apply", 3).await.stderr;
    assert!(told.contains("a page of HTML; is it a Windmill"), "{told}");
    assert!(deployment.workspace.take_writes().is_empty());
}

#[tokio::test]
async fn a_server_that_restarts_is_asked_again_by_the_next_run() {
    let deployment = Deployment::new().await;
    let refuses =
        |route| deployment.workspace.held().faults.refuses = Some((route, StatusCode::BAD_GATEWAY));
    refuses("POST scripts/create");
    let told = deployment.fails("--apply", 3).await.stderr;
    assert!(told.contains("(502 Bad Gateway): upstream is restarting\n1 written, 27 left: once that is mended, run it again"), "{told}");
    refuses("GET flows/get");
    deployment.says("--apply").await;
    deployment.says("--check").await;
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up() {
    let deployment = Deployment::new().await;
    deployment.workspace.held().faults.holds = Some("POST scripts/create");
    let mut command = deployment.command("--apply");
    command.env("TASKSGODZILLA_WINDMILL_TIMEOUT_SECONDS", "1");
    let said = run(command).await;
    assert_eq!(said.exit, 3);
    assert!(
        said.stderr.contains("no answer in time") && said.stderr.contains("run it again"),
        "{}",
        said.stderr
    );
    deployment.says("--apply").await;
    deployment.says("--check").await;
    let mut nowhere = deployment.bare("--base-url http://127.0.0.1:1 --workspace starter");
    nowhere.env("WMILL_TOKEN", TOKEN);
    let said = run(nowhere).await;
    assert_eq!(said.exit, 3);
    assert!(
        said.stderr
            .contains("no answer from Windmill at http://127.0.0.1:1: "),
        "{}",
        said.stderr
    );
}

#[tokio::test]
async fn told_to_end_it_ends_between_two_writes() {
    let deployment = Deployment::new().await;
    deployment.workspace.held().faults.holds = Some("POST scripts/create");
    let mut command = deployment.command("--apply");
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    deployment.workspace.silent().await;
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    // Once it says that it heard, it may go on.
    let mut child = child;
    let mut heard = std::io::BufReader::new(child.stderr.take().unwrap());
    let said = tokio::task::spawn_blocking(move || {
        use std::io::BufRead;
        let mut line = String::new();
        while !line.contains("ending after what is under way") {
            line.clear();
            assert!(
                heard.read_line(&mut line).unwrap() > 0,
                "it never said that it heard"
            );
        }
        heard
    });
    let heard = said.await.unwrap();
    deployment.workspace.resume();
    let output = tokio::task::spawn_blocking(move || {
        use std::io::Read;
        let mut rest = String::new();
        let mut heard = heard;
        heard.read_to_string(&mut rest).unwrap();
        (child.wait().unwrap(), rest)
    });
    let (status, rest) = output.await.unwrap();
    assert_eq!(status.code(), Some(130), "{rest}");
    assert!(rest.contains("2 written, 26 left: run it again"), "{rest}");
    assert_eq!(
        deployment.remembered()["things"].as_object().unwrap().len(),
        1
    );
    deployment.says("--apply").await;
    deployment.says("--check").await;
}

#[tokio::test]
async fn what_is_missing_is_asked_for_by_name() {
    let deployment = Deployment::new().await;
    let says = async |arguments: &str| -> Said { run(deployment.bare(arguments)).await };
    let said = says("").await;
    assert_eq!(said.exit, 2);
    assert!(
        said.stderr
            .contains("no Windmill is named: use --base-url and --workspace with WMILL_TOKEN set"),
        "{}",
        said.stderr
    );
    let said = says("--base-url http://127.0.0.1:1 --workspace starter").await;
    assert!(
        said.stderr.contains("--base-url also needs a token"),
        "{}",
        said.stderr
    );
    let said = says("--base-url http://127.0.0.1:1 --token x").await;
    assert!(
        said.stderr.contains("--base-url also needs --workspace"),
        "{}",
        said.stderr
    );
    let said = says("--base-url http://127.0.0.1:1 --token x --workspace a/b").await;
    assert!(
        said.stderr
            .contains("--workspace: \"a/b\" is no workspace's id"),
        "{}",
        said.stderr
    );
    let said = says("--workspace prod").await;
    assert!(
        said.stderr.contains("no profile \"prod\" is saved"),
        "{}",
        said.stderr
    );
}

#[tokio::test]
async fn saved_profiles_are_used_as_the_official_command_line_does() {
    let deployment = Deployment::new().await;
    let folder = deployment.folder().join("windmill");
    fs::create_dir(&folder).unwrap();
    let profile = json!({"name": "prod", "workspaceId": "starter", "remote": deployment.workspace.url, "token": TOKEN});
    fs::write(folder.join("remotes.ndjson"), format!("{profile}\n")).unwrap();
    let named = run(deployment.bare("--workspace prod")).await;
    assert_eq!(named.exit, 0, "{}", named.stderr);
    let none = run(deployment.bare("")).await;
    assert!(
        none.stderr
            .contains("none of the saved profiles is active: prod"),
        "{}",
        none.stderr
    );
    fs::write(folder.join("activeWorkspace"), "prod").unwrap();
    assert_eq!(run(deployment.bare("")).await.exit, 0);
    let mut command = deployment.bare("--workspace starter");
    command.env("TASKSGODZILLA_WINDMILL_URL", &deployment.workspace.url);
    command.env("TASKSGODZILLA_WINDMILL_TOKEN", TOKEN);
    assert_eq!(run(command).await.exit, 0);
}
