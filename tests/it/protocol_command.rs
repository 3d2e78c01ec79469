//! `millwright protocol`: what people do with protocols from a shell.
//!
//! Always so: the command speaks to a server that runs, and its exit code says how that went.

use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::protocol_fixture::{Project, shell_step};

async fn protocol(project: &Project, arguments: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millwright"));
    command.arg("protocol").args(arguments.split(' '));
    command.env("TASKSGODZILLA_API_URL", &project.api.address);
    command.env_remove("TASKSGODZILLA_API_TOKEN");
    let output = tokio::task::spawn_blocking(move || command.output());
    output.await.unwrap().unwrap()
}

pub(crate) async fn says(project: &Project, arguments: &str) -> String {
    let output = protocol(project, arguments).await;
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

async fn refuses(project: &Project, arguments: &str, exit: i32) -> String {
    let output = protocol(project, arguments).await;
    assert_eq!(output.status.code(), Some(exit), "{arguments}");
    String::from_utf8(output.stderr).unwrap()
}

async fn planned(project: &Project, script: &str) -> i64 {
    project.script("work.sh", script);
    project
        .planned(json!([shell_step("01-work", "work.sh", json!({}))]))
        .await
}

#[tokio::test]
async fn a_protocol_is_stopped_mended_answered_and_followed_to_its_end() {
    let project = Project::new().await;
    let id = planned(&project, "exit 1").await;
    assert!(
        says(&project, "list --status planned")
            .await
            .contains("0001-demo")
    );
    assert!(says(&project, "pause 2").await.contains("paused"));
    assert!(says(&project, "resume 2").await.contains("running"));
    let question =
        json!({"protocol_run_id": id, "key": "k", "question": "Why\u{1b}[2J?", "blocking": true});
    project
        .api
        .post("/clarifications", &question)
        .await
        .expect(200);
    let shown = says(&project, "show 2").await;
    assert!(
        shown.contains("01-work") && shown.contains("Why [2J? (blocks)"),
        "{shown}"
    );
    assert!(
        says(&project, "answer 1 because")
            .await
            .contains("answer: because")
    );
    let step = project.next(id, "flow").await;
    project.execute(&step).await;
    assert!(says(&project, "retry 2").await.contains("pending"));
    assert!(says(&project, "approve 1").await.contains("completed"));
    let events = says(&project, "events 2").await;
    assert_eq!(says(&project, "events 2 -f").await, events);
    assert_eq!(events.lines().count(), project.events(id).await.len());
    assert!(events.ends_with("Protocol completed.\n"), "{events}");
    let one = says(&project, "events --json --type manual_approval").await;
    let one: Value = serde_json::from_str(&one).unwrap();
    assert_eq!(one["step_run_id"], 1);
}

#[tokio::test]
async fn a_refusal_is_told_in_the_servers_words() {
    let project = Project::new().await;
    planned(&project, "true").await;
    let told = refuses(&project, "resume 2", 3).await;
    assert_eq!(
        told,
        "error: the protocol is planned: it cannot be resumed\n"
    );
    assert_eq!(
        refuses(&project, "show 99", 2).await,
        "error: Protocol not found\n"
    );
    let told = refuses(&project, "events --type nonsense", 2).await;
    assert!(
        told.starts_with("error: event_type: \"nonsense\" is no type of event"),
        "{told}"
    );
    let told = refuses(&project, "list --api ftp://x", 2).await;
    assert!(told.contains("http://127.0.0.1:8011"), "{told}");
    let told = refuses(&project, "list --api http://127.0.0.1:1", 3).await;
    assert!(told.contains("start one with `millwright serve`"), "{told}");
}

#[tokio::test]
async fn json_is_what_the_api_answers() {
    let project = Project::new().await;
    planned(&project, "true").await;
    let shown: Value = serde_json::from_str(&says(&project, "show 2 --json").await).unwrap();
    let api = project.api.get("/protocols/2").await.expect(200);
    assert_eq!(shown["protocol"], api);
    assert_eq!(shown["steps"][0]["step_name"], "01-work");
    let cancelled: Value = serde_json::from_str(&says(&project, "cancel 2 --json").await).unwrap();
    assert_eq!(cancelled["status"], "cancelled");
}
