//! The mill: 40 bash steps that do nothing, one after the other.
//!
//! Always so: the start of the program is taken off by a flow with a single identity step, and the reference is
//! the system's own price: the same bash started as often.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Programs;
use crate::process::{median, milliseconds, run};
use crate::table::Row;

const STEPS: u32 = 40;
const ROUNDS: usize = 5;

pub(crate) fn measure(programs: &Programs) -> anyhow::Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let steps: Vec<Value> = (0..STEPS).map(bash_step).collect();
    let idle = [json!({ "id": "a", "value": { "type": "identity" } })];
    let whole = time_flow(programs, folder.path(), "steps", &steps)?;
    let start = time_flow(programs, folder.path(), "idle", &idle)?;
    let ours = whole.saturating_sub(start) / STEPS;
    let bash = bash_alone()?;
    let windmill = Duration::from_millis(51);
    Ok(vec![
        Row::new(
            "mill, a bash step that does nothing",
            milliseconds(ours),
            "≤ 10 ms",
        )
        .against(
            format!("bash alone: {}", milliseconds(bash)),
            bash.as_secs_f64() / ours.as_secs_f64(),
        ),
        Row::new(
            "the same, against a recorded Windmill worker",
            milliseconds(ours),
            "",
        )
        .against("51 ms", windmill.as_secs_f64() / ours.as_secs_f64()),
    ])
}

fn bash_step(number: u32) -> Value {
    let value = json!({ "type": "rawscript", "language": "bash", "content": "true\n", "input_transforms": {} });
    json!({ "id": format!("s{number}"), "value": value })
}

fn time_flow(
    programs: &Programs,
    folder: &Path,
    name: &str,
    modules: &[Value],
) -> anyhow::Result<Duration> {
    let path = folder.join(format!("{name}.flow.json"));
    std::fs::write(
        &path,
        json!({ "summary": name, "value": { "modules": modules } }).to_string(),
    )?;
    let database = format!("sqlite://{}", folder.join("bench.db").display());
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let mut command = Command::new(&programs.millwright);
        command
            .arg("run")
            .arg(&path)
            .args(["--json", "--database", &database])
            .current_dir(folder);
        times.push(run(&mut command)?.wall);
    }
    Ok(median(times))
}

fn bash_alone() -> anyhow::Result<Duration> {
    let mut times = Vec::new();
    for _ in 0..STEPS {
        times.push(run(Command::new("bash").args(["-c", "set -e\ntrue"]))?.wall);
    }
    Ok(median(times))
}
