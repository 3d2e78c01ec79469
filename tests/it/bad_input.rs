//! What nobody should send: each is refused in bounded time with a message, and everything else is as it was.
//!
//! Always so: a second protocol of the same server goes on as if nothing had been sent.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::api_fixture::Answer;
use crate::protocol_fixture::{Project, shell_step};

/// A project with a protocol that is well.
async fn project() -> (Project, i64) {
    let project = Project::with(
        &json!({"policy_overrides": {"allow_outside_paths": true, "allow_missing_prompts": true}}),
    )
    .await;
    project.script("work.sh", "echo done");
    let well = project
        .planned(json!([shell_step("a", "work.sh", json!({}))]))
        .await;
    (project, well)
}

async fn send(project: &Project, path: &str, body: Vec<u8>) -> Answer {
    let request = project.api.request(Method::POST, path);
    let request = request
        .header("content-type", "application/json")
        .body(body);
    project.api.send(request).await
}

/// The protocol's step can still be executed.
async fn goes_on(project: &Project, protocol: i64) {
    let step = project.next(protocol, "flow").await;
    assert_eq!(project.execute(&step).await["status"], "succeeded");
    assert_eq!(project.status(protocol).await, "completed");
}

#[tokio::test]
async fn specs_that_are_too_much_are_refused_and_change_nothing() {
    let (project, well) = project().await;
    let path = format!("/protocols/{well}/spec");
    let before = project.api.get(&path).await.expect(200);
    let deep = format!(
        "{{\"spec\": {}1{}}}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let long = format!("{{\"spec\": \"{}\"}}", "x".repeat(9 << 20));
    let step = json!({
        "id": "a", "engine_id": "shell", "prompt_ref": "work.sh", "qa": {"policy": "skip", "inputs": {"b": "y".repeat(70_000)}},
        "inputs": {"a": "x".repeat(200_000)},
    });
    let many: Vec<Value> = (0..20_001)
        .map(|n| shell_step(&format!("s{n}"), "work.sh", json!({})))
        .collect();
    let many = json!({"spec": {"steps": many}});
    for (body, status, expected) in [
        (deep.into_bytes(), 422, "recursion limit"),
        (long.into_bytes(), 413, ""),
        (
            json!({"spec": {"steps": [step]}}).to_string().into_bytes(),
            422,
            "/steps/0/inputs: these are 200008 bytes of JSON, and an engine is handed 65536: put more into a file",
        ),
        (many.to_string().into_bytes(), 422, "there are 20001 steps"),
        (b"{\"spec\": \xff}".to_vec(), 422, ""),
    ] {
        let begun = Instant::now();
        let answer = send(&project, &path, body).await;
        assert_eq!(answer.status.as_u16(), status, "{expected}");
        assert!(
            answer.text.contains(expected),
            "{expected}: {:.500}",
            answer.text
        );
        assert!(answer.text.len() < 100_000, "the answer is bounded");
        assert!(begun.elapsed() < Duration::from_secs(20), "{expected}");
    }
    assert_eq!(project.api.get(&path).await.expect(200), before);
    goes_on(&project, well).await;
}

#[tokio::test]
async fn a_workspace_whose_program_never_ends_blocks_its_protocol_alone() {
    let (project, well) = project().await;
    let config = project.workspace.join("config");
    fs::create_dir(&config).unwrap();
    fs::write(config.join("main.agents.js"), "for (;;) {}").unwrap();
    let path = format!("/projects/{}/codemachine/import", project.id);
    let body = json!({"protocol_name": "0002-endless", "workspace_path": "."});
    let importing = project.api.post(&path, &body);
    let (refused, ()) = tokio::join!(importing, goes_on(&project, well));
    let refused = refused.expect(422);
    let detail = refused["detail"].as_str().unwrap();
    assert_eq!(detail, "config/main.agents.js: it runs for more than 2 s");
    assert_eq!(refused["protocol_run"]["status"], "blocked");
}

/// Executes a step whose prompt is something else than a prompt, and gives what became of it.
async fn executed(project: &Project, engine: &str, prompt: &str) -> (String, Value) {
    let spec = json!([shell_step("a", prompt, json!({"engine_id": engine}))]);
    let protocol = project.planned(spec).await;
    let step = project.next(protocol, "flow").await;
    let ended = project.execute(&step).await;
    assert_eq!(ended["status"], "failed", "{prompt}");
    assert_eq!(project.status(protocol).await, "blocked", "{prompt}");
    assert_eq!(project.steps(protocol).await, ["failed"], "{prompt}");
    let message = ended["error"]["message"].as_str().unwrap().to_owned();
    (message, project.events(protocol).await.into())
}

#[tokio::test]
async fn prompts_that_are_none_fail_their_step_at_once_with_the_reason() {
    let (project, well) = project().await;
    let at = |name: &str| project.workspace.join(name);
    fs::create_dir(at("folder")).unwrap();
    fs::write(at("binary"), b"\x7fELF\x02\x01\0\0").unwrap();
    fs::write(at("latin"), b"gr\xfc\xdfe").unwrap();
    fs::write(at("empty"), "").unwrap();
    let long = fs::File::create(at("long")).unwrap();
    long.set_len(1 << 40).unwrap();
    let made = Command::new("mkfifo").arg(at("pipe")).status().unwrap();
    assert!(made.success());
    std::os::unix::fs::symlink("nowhere", at("link")).unwrap();
    for (engine, prompt, expected) in [
        ("codex", "folder", "is a folder"),
        ("codex", "pipe", "is no regular file"),
        ("codex", "/dev/zero", "is no regular file"),
        ("codex", "binary", "is no text in UTF-8"),
        ("codex", "latin", "is no text in UTF-8"),
        ("codex", "empty", "is empty"),
        ("codex", "long", "is longer than 1048576 bytes"),
        ("codex", "none.md", "there is no none.md"),
        ("codex", "link", "there is no link"),
        ("shell", "folder", "is a folder"),
        ("shell", "pipe", "is no regular file"),
        ("shell", "/dev/zero", "is no regular file"),
        ("shell", "long", "is longer than"),
        ("shell", "latin", "is not executable"),
    ] {
        let (message, events) = executed(&project, engine, prompt).await;
        assert!(message.contains(expected), "{prompt}: {message}");
        assert!(events.to_string().contains(expected), "{prompt}: {events}");
    }
    goes_on(&project, well).await;
}

#[tokio::test]
async fn inputs_that_no_variable_holds_are_refused_also_where_nobody_validated() {
    let (project, well) = project().await;
    let steps = json!([shell_step(
        "a",
        "work.sh",
        json!({"inputs": {"a": "x".repeat(300_000)}})
    )]);
    let protocol = project.protocol(steps).await;
    project.start(protocol).await;
    assert_eq!(project.status(protocol).await, "blocked");
    let event = project.event(protocol, "spec_validation_error").await;
    let told = event["metadata"]["errors"][0].as_str().unwrap();
    assert!(told.starts_with("/steps/0/inputs: these are"), "{told}");
    goes_on(&project, well).await;
}

#[tokio::test]
async fn a_pull_request_is_a_page_of_the_web_with_a_number() {
    let (project, well) = project().await;
    let path = format!("/protocols/{well}/pull_request");
    let report = |url: &str, number: i64| json!({"outcome": "opened", "message": "so it is", "url": url, "number": number});
    let page = "https://github.com/acme/demo/pull/7";
    for (bad, field) in [
        (report("javascript:alert(1)", 7), "url"),
        (report("/acme/demo/pull/7", 7), "url"),
        (report("", 7), "url"),
        (report(page, 0), "number"),
        (report(page, -5), "number"),
    ] {
        let refused = project.api.post(&path, &bad).await.expect(422);
        assert_eq!(refused["detail"][0]["loc"][1], field, "{refused}");
    }
    let early = json!({"outcome": "enqueued", "message": "so it is", "pushed": true});
    let refused = project.api.post(&path, &early).await.expect(422);
    assert_eq!(refused["detail"][0]["loc"][1], "pushed", "{refused}");
    let kept = project.api.post(&path, &report(page, 7)).await.expect(200);
    assert_eq!(
        (&kept["pr_url"], &kept["pr_number"]),
        (&json!(page), &json!(7))
    );
    goes_on(&project, well).await;
}
