//! The end before the end: SIGTERM, Ctrl-C, and the parent's death.
//!
//! Always so: a test goes on when something has happened, not after some time.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::sync::{Mutex, mpsc};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::api::{Api, Reply};
use crate::step::{PROGRAM, Step, names};

const EXECUTION: &str = "0e000000-0000-4000-8000-000000000009";

/// An API whose execution never ends.
fn executing() -> Api {
    Api::answering(|call| {
        if call.starts_with("GET /executions/") {
            Reply::Hang
        } else {
            Reply::Json(
                202,
                json!({"execution_id": EXECUTION, "step_run_id": 5, "kind": "execute", "status": "running"}),
            )
        }
    })
}

fn pid(id: u32) -> Pid {
    Pid::from_raw(i32::try_from(id).unwrap()).unwrap()
}

#[test]
fn a_step_that_is_terminated_cancels_its_execution() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let api = executing();
        let (mut child, folder) = Step::new(["step_execute_api", "5"])
            .in_a_flow("a")
            .with_api(&api)
            .start();
        api.wait_for("GET /executions/");
        kill_process(pid(child.id()), signal).unwrap();
        api.wait_for(&format!("POST /executions/{EXECUTION}/cancel"));
        assert_eq!(child.wait().unwrap().code(), Some(code));
        assert!(
            names(folder.path()).is_empty(),
            "an ended step leaves no result"
        );
    }
}

#[test]
fn an_execution_that_is_just_being_started_is_cancelled_too() {
    let (signalled, signal) = mpsc::channel();
    let signal = Mutex::new(signal);
    let api = Api::answering(move |call| {
        if call.ends_with("/actions/execute") {
            // The answer comes only after the step was terminated.
            signal.lock().unwrap().recv().unwrap();
        }
        if call.starts_with("GET") {
            return Reply::Hang;
        }
        Reply::Json(
            202,
            json!({"execution_id": EXECUTION, "step_run_id": 5, "kind": "execute", "status": "running"}),
        )
    });
    let (mut child, _folder) = Step::new(["step_execute_api", "5"])
        .in_a_flow("a")
        .with_api(&api)
        .start();
    api.wait_for("/actions/execute");
    kill_process(pid(child.id()), Signal::TERM).unwrap();
    signalled.send(()).unwrap();
    api.wait_for(&format!("POST /executions/{EXECUTION}/cancel"));
    assert_eq!(child.wait().unwrap().code(), Some(143));
}

#[test]
fn a_step_with_nothing_to_cancel_ends_at_once() {
    let api = Api::answering(|_| Reply::Hang);
    let (mut child, _folder) = Step::new(["emit_tasksgodzilla_codex_refs"])
        .in_a_job()
        .with_api(&api)
        .start();
    api.wait_for("POST /codex/runs/start");
    kill_process(pid(child.id()), Signal::TERM).unwrap();
    let status = child.wait().unwrap();
    assert_eq!((status.code(), status.signal()), (Some(143), None));
}

#[test]
fn a_step_ends_with_its_parent() {
    let api = executing();
    let script = format!("'{PROGRAM}' step_execute_api 5 & echo started; wait");
    let (mut shell, _folder) = Step::of("sh", ["-c", &script])
        .in_a_flow("a")
        .with_api(&api)
        .start();
    BufReader::new(shell.stdout.take().unwrap())
        .read_line(&mut String::new())
        .unwrap();
    api.wait_for("GET /executions/");
    shell.kill().unwrap();
    shell.wait().unwrap();
    api.wait_for(&format!("POST /executions/{EXECUTION}/cancel"));
    // Both connections end: that of the waiting call when the process does.
    api.wait_for_departure();
    api.wait_for_departure();
}

#[test]
fn a_program_that_a_step_has_started_ends_with_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/demo.git", listener.local_addr().unwrap());
    let (mut child, folder) = Step::new(["clone_repo", &url, "main", "checkout"])
        .in_a_flow("a")
        .start();
    let (stream, _) = listener.accept().unwrap();
    let mut lines = BufReader::new(stream).lines();
    assert!(
        lines
            .next()
            .unwrap()
            .unwrap()
            .starts_with("GET /demo.git/info/refs")
    );
    kill_process(pid(child.id()), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
    // Git holds the connection while it lives: reading on ends only because it is gone.
    lines.for_each(drop);
    assert!(
        names(folder.path()).is_empty(),
        "{:?}",
        names(folder.path())
    );
}
