//! `millwright jobs resume`.
//!
//! Always so: the commands are processes beside the one that runs the flow, on one database.

use std::process::{Child, Command, Output, Stdio};

use millwright::store::jobs::{self, Waiting};
use serde_json::{Value, json};

use crate::mill_fixture::{Fixture, bash, yields};
use crate::process::millwright;
use crate::wait::until;

const DATABASE: &str = "sqlite://mill.db";

/// A flow that waits, run as a process.
fn running(fixture: &Fixture, value: &Value) -> Child {
    fixture.flow("f/x/asks", &json!({"value": value}));
    let mut command = in_project(fixture, &["run", "f/x/asks", "--database", DATABASE]);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn in_project(fixture: &Fixture, args: &[&str]) -> Command {
    millwright(&fixture.folder("."), args)
}

fn resume(fixture: &Fixture, args: &[&str]) -> (Option<i32>, String) {
    let mut all = vec!["jobs", "resume", "--database", DATABASE];
    all.extend(args);
    let output = in_project(fixture, &all).output().unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

/// The flows that wait, all of them in the newest run.
async fn waiting(fixture: &Fixture, count: usize) -> Vec<Waiting> {
    let store = fixture.store();
    until("flows that wait", async || {
        let found = store.read(|connection| {
            let mut statement = connection.prepare("SELECT id FROM jobs WHERE parent IS NULL")?;
            let root: String = statement.query_row([], |row| row.get(0))?;
            jobs::waiting_at(connection, root.parse().unwrap())
        });
        found.await.ok().filter(|found| found.len() == count)
    })
    .await
}

fn end(child: Child) -> (Output, String) {
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    (output, said)
}

fn asks() -> Value {
    let mut first = bash("a", "echo first");
    first["suspend"] = json!({"required_events": 1});
    json!({"modules": [first, yields("b", "[resume, approvers]")]})
}

#[tokio::test]
async fn a_flow_is_answered_with_yes_and_something_more() {
    let fixture = Fixture::new();
    let child = running(&fixture, &asks());
    let flow = waiting(&fixture, 1).await[0].flow.to_string();
    let (code, said) = resume(&fixture, &[&flow, "--payload", "nonsense"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("--payload is no JSON"), "{said}");
    let (code, said) = resume(
        &fixture,
        &[&flow, "--payload", "{\"n\": 3}", "--approver", "ada"],
    );
    assert_eq!(
        (code, said),
        (Some(0), format!("said yes to flow {flow} after step a\n"))
    );
    let (output, said) = end(child);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(result, json!([{"n": 3}, ["ada"]]));
    let how = format!(
        "to approve: millwright jobs resume {flow} --database {DATABASE}, or no with --cancel"
    );
    assert!(said.contains(&how), "{said}");
    assert!(
        said.contains("⏸ a: waits for an approval, at most 1800 s"),
        "{said}"
    );
    let (code, said) = resume(&fixture, &[&flow]);
    assert_eq!(code, Some(2));
    assert!(said.contains("no flow waits for people"), "{said}");
}

#[tokio::test]
async fn a_flow_is_answered_with_no() {
    let fixture = Fixture::new();
    let child = running(&fixture, &asks());
    let waiting = waiting(&fixture, 1).await.remove(0);
    let (code, _) = resume(&fixture, &[&waiting.job.to_string(), "--cancel"]);
    assert_eq!(code, Some(0));
    let (output, said) = end(child);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("Disapproved by admin"), "{said}");
}

#[tokio::test]
async fn of_several_that_wait_one_has_to_be_named() {
    let fixture = Fixture::new();
    let value = json!({"modules": [{"id": "l", "value": {
        "type": "forloopflow", "parallel": true, "skip_failures": false,
        "iterator": {"type": "static", "value": [1, 2]}, "modules": asks()["modules"],
    }}]});
    let child = running(&fixture, &value);
    let rounds = waiting(&fixture, 2).await;
    let store = fixture.store();
    let flow = rounds[0].flow;
    let root = store
        .read(move |connection| Ok(jobs::get(connection, flow)?.root))
        .await
        .unwrap();
    let (code, said) = resume(&fixture, &[&root.to_string()]);
    assert_eq!(code, Some(2), "{said}");
    for round in &rounds {
        assert!(said.contains(&round.flow.to_string()), "{said}");
        let (code, said) = resume(&fixture, &[&round.flow.to_string()]);
        assert_eq!(code, Some(0), "{said}");
    }
    assert_eq!(end(child).0.status.code(), Some(0));
}
