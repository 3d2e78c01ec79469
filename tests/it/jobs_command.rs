//! `millwright jobs`: what ran on this machine, looked at and ended from another process.
//!
//! Always so: the commands are run as processes on the database of the runs.

use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::mill_fixture::{Fixture, bash};

const PROGRAM: &str = env!("CARGO_BIN_EXE_millwright");

fn command(fixture: &Fixture, words: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .args(words)
        .current_dir(fixture.folder("."))
        .env_remove("TASKSGODZILLA_API_URL")
        .env_remove("TASKSGODZILLA_API_TOKEN")
        .stdin(Stdio::null());
    command
}

fn told(fixture: &Fixture, words: &[&str]) -> Output {
    command(fixture, words).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn printed(fixture: &Fixture, words: &[&str]) -> String {
    let output = told(fixture, words);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout)
}

fn parsed(fixture: &Fixture, words: &[&str]) -> Value {
    serde_json::from_str(&printed(fixture, words)).unwrap()
}

/// A run of a flow whose loop fails in its second round; its job.
fn failed_run(fixture: &Fixture) -> String {
    let flow = json!({"summary": "Tries", "value": {"modules": [
        bash("first", "echo begun"),
        {"id": "each", "value": {"type": "forloopflow", "skip_failures": false,
            "iterator": {"type": "static", "value": [1, 2]},
            "modules": [bash("work", "echo \"round $WM_JOB_ID\"\n[ ! -e once ] || exit 3\n")]}},
    ]}});
    // Each job has a folder of its own: the second round is told apart by a file beside them.
    let mark = fixture.folder(".").join("once");
    let flow: Value = serde_json::from_str(&flow.to_string().replace(
        "[ ! -e once ] || exit 3",
        &format!("if [ -e {0} ]; then exit 3; fi; touch {0}", mark.display()),
    ))
    .unwrap();
    fixture.flow("f/team/tries", &flow);
    let output = told(fixture, &["run", "f/team/tries"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let listed = parsed(fixture, &["jobs", "list", "--json"]);
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
    listed[0]["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_run_that_is_over_is_listed_and_shown_with_its_steps() {
    let fixture = Fixture::new();
    let job = failed_run(&fixture);
    let row = printed(&fixture, &["jobs", "list", "--status", "failed"]);
    assert!(
        row.starts_with(&job) && row.contains("f/team/tries"),
        "{row}"
    );
    assert_eq!(
        printed(&fixture, &["jobs", "list", "--status", "succeeded"]),
        ""
    );
    let steps = parsed(
        &fixture,
        &["jobs", "list", "--steps", "--json", "--limit", "3"],
    );
    assert_eq!(steps.as_array().unwrap().len(), 3);

    let shown = printed(&fixture, &["jobs", "show", &job]);
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r" *\+?\d+\.\d{3} s", " [time]");
    settings.add_filter(r"[0-9a-f]{8}-[0-9a-f-]{27}", "[job]");
    settings.add_filter(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "[moment]");
    settings.bind(|| insta::assert_snapshot!(shown));

    let whole = parsed(&fixture, &["jobs", "show", &job, "--json"]);
    assert_eq!(whole["status"], "failed");
    assert_eq!(whole["steps"].as_array().unwrap().len(), 5);
    assert_eq!(whole["flow_status"]["modules"][1]["type"], "Failure");
    let flow = parsed(&fixture, &["jobs", "show", &job, "--flow"]);
    assert_eq!(flow["value"]["modules"][1]["id"], "each");
}

#[test]
fn the_log_of_a_flow_is_that_of_its_steps() {
    let fixture = Fixture::new();
    let job = failed_run(&fixture);
    let log = printed(&fixture, &["jobs", "logs", &job]);
    let order = [
        "begun\n",
        "round ",
        "round ",
        "Flow job completed with error",
    ];
    let mut rest = log.as_str();
    for part in order {
        let (_, after) = rest
            .split_once(part)
            .unwrap_or_else(|| panic!("{part}: {log}"));
        rest = after;
    }
    let followed = told(&fixture, &["jobs", "logs", &job, "--follow"]);
    assert_eq!(text(&followed.stdout), log);
    assert_eq!(followed.status.code(), Some(1));
    assert_eq!(text(&followed.stderr), "the job has failed\n");
}

#[test]
fn a_job_is_cancelled_from_another_process() {
    let fixture = Fixture::new();
    fixture.flow(
        "f/team/long",
        &json!({"value": {"modules": [bash("x", "sleep 600")]}}),
    );
    let run = command(&fixture, &["run", "f/team/long", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let job = loop {
        let running = told(&fixture, &["jobs", "list", "--status", "running", "--json"]);
        let running: Value = serde_json::from_slice(&running.stdout).unwrap_or_default();
        if let Some(job) = running[0]["id"].as_str() {
            break job.to_owned();
        }
    };
    let output = told(&fixture, &["jobs", "cancel", &job, "--reason", "enough"]);
    assert_eq!(text(&output.stderr), "the job has cancelled\n");
    assert_eq!(output.status.code(), Some(0));
    let ended = run.wait_with_output().unwrap();
    assert!(
        text(&ended.stdout).contains("enough"),
        "{}",
        text(&ended.stdout)
    );
    let output = told(&fixture, &["jobs", "cancel", &job]);
    assert_eq!(
        text(&output.stderr),
        "the job had ended: it has cancelled\n"
    );
}

#[test]
fn a_job_whose_process_is_gone_is_ended_when_it_is_cancelled() {
    let fixture = Fixture::new();
    let flow = json!({"value": {"modules": [bash("x", "exec sleep 600")]}});
    fixture.flow("f/team/long", &flow);
    let mut run = command(&fixture, &["run", "f/team/long", "--json"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let running = || {
        let listed = told(
            &fixture,
            &["jobs", "list", "--status", "running", "--steps", "--json"],
        );
        serde_json::from_slice::<Value>(&listed.stdout).unwrap_or_default()
    };
    let jobs = loop {
        let jobs = running();
        if jobs.as_array().is_some_and(|jobs| jobs.len() == 2) {
            break jobs;
        }
    };
    run.kill().unwrap();
    run.wait().unwrap();
    let job = jobs[1]["id"].as_str().unwrap();
    let output = told(&fixture, &["jobs", "cancel", job]);
    assert_eq!(text(&output.stderr), "the job had ended: it has failed\n");
}

#[test]
fn a_job_that_is_not_there_is_said_with_what_to_do() {
    let fixture = Fixture::new();
    let job = "0199d7a5-1111-4222-8333-444455556666";
    for words in [
        &["jobs", "show", job][..],
        &["jobs", "logs", job],
        &["jobs", "cancel", job],
    ] {
        let output = told(&fixture, words);
        assert_eq!(output.status.code(), Some(2));
        let said = text(&output.stderr);
        assert!(said.contains("`millwright jobs list` lists them"), "{said}");
    }
    let output = told(&fixture, &["jobs", "show", "x/../y"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
}
