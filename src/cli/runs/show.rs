//! Runs and artifacts for a person's eyes.
//!
//! Always so: a text from outside is printed without control characters, so that it cannot move the cursor.

use serde_json::Value;

use crate::cli::output::{self, items, plain};

pub(super) fn list(runs: &Value) {
    items(runs).for_each(line);
}

pub(super) fn run(run: &Value) {
    line(run);
    for key in [
        "project_id",
        "protocol_run_id",
        "step_run_id",
        "attempt",
        "worker_id",
        "started_at",
        "finished_at",
        "log_path",
    ] {
        if !run[key].is_null() {
            output::line(format_args!("  {key}: {}", plain(&run[key])));
        }
    }
    for key in ["params", "result", "error"] {
        if !run[key].is_null() {
            // JSON escapes control characters.
            let text = serde_json::to_string_pretty(&run[key]).unwrap_or_default();
            output::line(format_args!("{key}:\n{text}"));
        }
    }
}

pub(super) fn artifacts(artifacts: &Value) {
    for artifact in items(artifacts) {
        let row = format!(
            "{:<6} {:<28} {:<8} {}",
            plain(&artifact["id"]),
            plain(&artifact["name"]),
            plain(&artifact["kind"]),
            plain(&artifact["path"]),
        );
        output::line(row.trim_end());
    }
}

fn line(run: &Value) {
    let row = format!(
        "{}  {:<9}  {}  {} {}",
        plain(&run["run_id"]),
        plain(&run["status"]),
        plain(&run["created_at"]),
        plain(&run["job_type"]),
        plain(&run["run_kind"]),
    );
    output::line(row.trim_end());
}
