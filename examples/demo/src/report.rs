//! What the demo prints.
//!
//! Always so: nothing else in this program prints.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is where the demo prints"
)]

use std::path::Path;

use console::style;
use serde_json::Value;

use crate::server::Server;

/// The title of what follows.
pub(crate) fn heading(text: &str) {
    println!("\n{}", style(text).bold());
}

/// A line.
pub(crate) fn line(text: &str) {
    println!("  {text}");
}

/// Text that brings its own line ends.
pub(crate) fn text(text: &str) {
    print!("{text}");
}

/// What went wrong.
pub(crate) fn problem(text: &str) {
    eprintln!("{text}");
}

/// A table of steps.
pub(crate) fn steps(steps: &Value) {
    let widths = [20, 12, 12, 6, 0];
    row(&["step", "engine", "status", "loops", "tokens"], &widths);
    for step in steps.as_array().into_iter().flatten() {
        let state = &step["runtime_state"];
        let loops: u64 = state["loop_counts"]
            .as_object()
            .map_or(0, |counts| counts.values().filter_map(Value::as_u64).sum());
        let cells = [
            word(&step["step_name"]),
            word(&step["engine_id"]),
            word(&step["status"]),
            &loops.to_string(),
            &state["tokens_used"]
                .as_u64()
                .unwrap_or_default()
                .to_string(),
        ];
        row(&cells, &widths);
    }
}

/// A protocol's events, oldest first.
pub(crate) fn events(events: &Value) {
    let mut events: Vec<&Value> = events.as_array().into_iter().flatten().collect();
    events.sort_by_key(|event| event["id"].as_i64());
    for event in events {
        let message = format!("{}{}", word(&event["message"]), counted(&event["metadata"]));
        row(&[word(&event["event_type"]), &message], &[24, 0]);
    }
}

/// Whose work it was, where its tokens were counted.
fn counted(metadata: &Value) -> String {
    let count = |name: &str| metadata["tokens"][name].as_u64();
    match (count("input"), count("output")) {
        (Some(input), Some(output)) => format!(
            " [{}, {}: {input} tokens in, {output} out]",
            word(&metadata["engine_id"]),
            word(&metadata["model"])
        ),
        _ => String::new(),
    }
}

/// A table of runs with their references.
pub(crate) fn runs(runs: &Value) {
    row(&["run", "kind", "status", "log"], &[28, 10, 11, 0]);
    for run in runs.as_array().into_iter().flatten().rev() {
        let cells = ["job_type", "run_kind", "status", "log_path"].map(|name| word(&run[name]));
        row(&cells, &[28, 10, 11, 0]);
    }
}

/// How to look around, and how to stop.
pub(crate) fn keep_note(server: &Server, folder: &Path) {
    heading("The server is up until Ctrl-C");
    line(&format!(
        "export TASKSGODZILLA_API_URL={} TASKSGODZILLA_API_TOKEN={}",
        server.url(),
        server.token()
    ));
    line(
        "curl -H \"authorization: Bearer $TASKSGODZILLA_API_TOKEN\" $TASKSGODZILLA_API_URL/codex/runs",
    );
    line(&format!("everything is in {}", folder.display()));
}

fn row(cells: &[&str], widths: &[usize]) {
    let cells: Vec<String> = cells
        .iter()
        .zip(widths)
        .map(|(cell, width)| format!("{cell:<width$}"))
        .collect();
    println!("  {}", cells.join("  ").trim_end());
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or("–")
}
