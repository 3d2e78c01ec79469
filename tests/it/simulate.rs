//! `millwright flows simulate`: what ends badly, found and shown again.
//!
//! Always so: every finding has a case that shows it when it is replayed.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::mill_fixture::bash;
use crate::said::{Said, millwright};

fn simulate(folder: &Path, args: &[&str]) -> Said {
    millwright(folder, &["flows", "simulate"], args)
}

fn project(value: &Value) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let flow = json!({ "value": value }).to_string();
    fs::write(folder.path().join("a.flow.json"), flow).unwrap();
    folder
}

/// What was found in a flow: kind, step and case.
fn found(value: &Value) -> Vec<[String; 3]> {
    let folder = project(value);
    let said = simulate(folder.path(), &["a.flow.json", "--json"]);
    let reports: Value = serde_json::from_str(&said.out).expect(&said.err);
    let findings = reports[0]["findings"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    assert_eq!(said.code, Some(i32::from(!findings.is_empty())));
    let rows = findings.iter().map(|one| {
        let case = one["case"].as_str().unwrap();
        let shown = simulate(folder.path(), &["a.flow.json", "--replay", case]);
        assert_eq!(shown.code, Some(0), "{}", shown.err);
        [text(&one["kind"]), text(&one["step"]), text(&one["case"])]
    });
    rows.collect()
}

fn ours(id: &str, name: &str) -> Value {
    json!({"id": id, "value": {"type": "script", "path": format!("u/devgodzilla/{name}"), "input_transforms": {}}})
}

fn row(kind: &str, step: &str, case: &str) -> [String; 3] {
    [kind, step, case].map(str::to_owned)
}

#[test]
fn in_our_flows_nothing_ends_badly() {
    let folder = tempfile::tempdir().unwrap();
    let said = simulate(folder.path(), &["--max-cases", "250", "--json"]);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    let reports: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(reports.as_array().unwrap().len(), 7);
}

#[test]
fn a_failure_that_no_handler_sees() {
    let failing = json!({"modules": [bash("a", "x")]});
    assert_eq!(
        found(&failing),
        [row("unhandled-failure", "a", "inputs=0 a#1=fail")]
    );
    let handled = json!({"modules": [bash("a", "x")], "failure_module": bash("failure", "x")});
    assert_eq!(found(&handled), [[""; 3]; 0]);
    // A condition that throws runs no failure step.
    let mut second = bash("b", "x");
    second["skip_if"] = json!({"expr": "results.a.n > 1"});
    let throws =
        json!({"modules": [bash("a", "x"), second], "failure_module": bash("failure", "x")});
    assert_eq!(
        found(&throws),
        [row("unhandled-failure", "", "inputs=0 a#1=value1")]
    );
}

#[test]
fn a_run_that_is_left_open() {
    let emit = ours("tgz_emit_refs", "emit_tasksgodzilla_codex_refs");
    let open = json!({"modules": [emit, bash("a", "x")], "failure_module": bash("failure", "x")});
    assert_eq!(
        found(&open),
        [row("run-left-open", "a", "inputs=0 a#1=fail")]
    );
    let close = ours("failure", "finish_tasksgodzilla_codex_run");
    let closed = json!({"modules": [emit, bash("a", "x")], "failure_module": close});
    assert_eq!(found(&closed), [[""; 3]; 0]);
}

#[test]
fn a_step_that_runs_although_its_input_failed() {
    let mut first = bash("a", "x");
    first["continue_on_error"] = json!(true);
    let mut second = bash("b", "x");
    let uses = |expr: &str| json!({"x": {"type": "javascript", "expr": expr}});
    second["value"]["input_transforms"] = uses("results.a.n");
    let value = |second: &Value| json!({"modules": [first, second], "failure_module": bash("failure", "x")});
    assert_eq!(
        found(&value(&second)),
        [row("ran-on-failed-input", "b", "inputs=0 a#1=fail")]
    );
    second["value"]["input_transforms"] = uses("results.a?.n ?? 0");
    assert_eq!(found(&value(&second)), [[""; 3]; 0]);
}

#[test]
fn a_loop_without_an_end() {
    let looping = |stop: &str| {
        let mut step = ours("select", "protocol_select_next_step");
        step["stop_after_if"] = json!({"expr": stop});
        let body = json!({"id": "l", "value": {"type": "whileloopflow", "skip_failures": false, "modules": [step]}});
        json!({"modules": [body], "failure_module": bash("failure", "x")})
    };
    let endless = found(&looping("result.step_run_id == null"));
    assert_eq!(
        endless,
        [row("endless", "select", "inputs=0 select#*=value0")]
    );
    let bounded = looping("result.step_run_id == null || flow_input.iter.index >= 30");
    assert_eq!(found(&bounded), [[""; 3]; 0]);
}

#[test]
fn work_that_may_not_be_done_twice() {
    let retried = |name: &str| {
        let mut step = ours("a", name);
        step["retry"] = json!({"constant": {"attempts": 1, "seconds": 3600}});
        json!({"modules": [step], "failure_module": bash("failure", "x")})
    };
    assert_eq!(
        found(&retried("execute_step")),
        [row("repeated-work", "a", "inputs=0 a#1=fail")]
    );
    assert_eq!(found(&retried("clone_repo")), [[""; 3]; 0]);
}

#[test]
fn a_case_is_replayed_round_by_round() {
    let body = json!({"id": "l", "value": {
        "type": "forloopflow", "skip_failures": true,
        "iterator": {"type": "javascript", "expr": "[1, 2, 3]"},
        "modules": [bash("x", "x")],
    }});
    let folder = project(&json!({"modules": [body]}));
    let said = simulate(folder.path(), &["a.flow.json", "--replay", "x#2=fail"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    for line in [
        "x#1=value0 {}",
        "x#2=fail {}",
        "x#3=value0 {}",
        "the flow succeeds",
    ] {
        assert!(said.out.contains(line), "no {line:?} in\n{}", said.out);
    }
}

#[test]
fn what_is_no_case_or_no_flow_is_refused() {
    let folder = project(&json!({"modules": [bash("a", "x")]}));
    for (args, reason) in [
        (
            &["a.flow.json", "--replay", "b#1=fail"][..],
            "no step \"b\"",
        ),
        (
            &["a.flow.json", "--replay", "a=fail"][..],
            "\"a=fail\" is no part of a case",
        ),
        (
            &["a.flow.json", "--replay", "a#1=value9"][..],
            "value0 to value1",
        ),
        (&["a.flow.json", "--replay", "inputs=4"][..], "inputs=4"),
        (&["nope.json"][..], "nope.json"),
        (&["--replay", "inputs=0"][..], "name it"),
    ] {
        let said = simulate(folder.path(), args);
        assert_eq!(said.code, Some(2), "{args:?} {}", said.out);
        assert!(said.err.contains(reason), "no {reason:?} in\n{}", said.err);
    }
}

#[test]
fn the_same_is_found_each_time() {
    let seen = || {
        let folder = tempfile::tempdir().unwrap();
        let said = simulate(
            folder.path(),
            &["run_next_step", "--max-cases", "90", "--json"],
        );
        let mut reports: Value = serde_json::from_str(&said.out).unwrap();
        reports[0].as_object_mut().unwrap().remove("seconds");
        reports
    };
    let first = seen();
    assert_eq!(first[0]["cases"], 90);
    assert_eq!(first[0]["complete"], false);
    assert_eq!(first, seen());
}
