//! A report of tests as JSON.
//!
//! Always so: it says of every test what was found, whether it passed or not.

use serde_json::{Value, json};

use crate::flowtest::{FlowCoverage, Found, Point, SuiteReport, TestReport};

/// The report as one line.
pub(super) fn of(report: &SuiteReport) -> String {
    let tests: Vec<Value> = report.tests.iter().map(test).collect();
    let unused: Vec<String> = report.unused.iter().map(ToString::to_string).collect();
    let flows: Vec<Value> = report.coverage.flows.iter().map(flow).collect();
    let document = json!({
        "passed": report.passed(),
        "tests": tests,
        "unused": unused,
        "coverage": {"percent": report.coverage.percent(), "flows": flows},
        "seconds": report.wall.as_secs_f64(),
    });
    document.to_string()
}

fn test(test: &TestReport) -> Value {
    let complaints = test.complaints.iter();
    let complaints: Vec<Value> = complaints
        .map(|complaint| json!({"line": complaint.line, "message": complaint.message}))
        .collect();
    json!({
        "flow": test.flow,
        "name": test.name,
        "file": test.file.display().to_string(),
        "line": test.line,
        "passed": test.passed(),
        "complaints": complaints,
        "found": test.found.as_ref().map(found),
        "seconds": test.wall.as_secs_f64(),
    })
}

fn found(found: &Found) -> Value {
    let steps = found.steps.iter();
    let steps: Vec<Value> = steps
        .map(|step| json!({"id": step.id, "args": step.args}))
        .collect();
    json!({
        "status": found.status.as_str(),
        "result": *found.result,
        "error": found.error,
        "steps": steps,
        "took_seconds": found.took.as_secs_f64(),
    })
}

fn flow(flow: &FlowCoverage) -> Value {
    let pair = |(reached, all)| json!({"reached": reached, "all": all});
    let missed = flow.missed();
    let missed: Vec<Value> = missed
        .map(|Point { step, about, .. }| json!({"step": step, "about": about}))
        .collect();
    json!({
        "flow": flow.flow,
        "steps": pair(flow.steps()),
        "branches": pair(flow.branches()),
        "percent": flow.percent(),
        "missed": missed,
    })
}
