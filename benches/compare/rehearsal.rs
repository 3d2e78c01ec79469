//! Flows without their scripts: 50,000 mocked steps of a test, and the fault simulation of all our flows.
//!
//! Always so: the whole program is measured, its start included.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use anyhow::ensure;
use serde_json::{Value, json};

use crate::Programs;
use crate::process::{median, run};
use crate::table::Row;

const ROUNDS: u32 = 2_500;
const STEPS: u32 = 20;
const TRIES: usize = 5;
/// What a recorded Windmill worker needs for a step that does nothing.
const WINDMILL: f64 = 0.051;

pub(crate) fn measure(programs: &Programs) -> anyhow::Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    write_project(folder.path())?;
    let tested = time(programs, folder.path(), &["test", "flows"])?;
    let a_second = f64::from(ROUNDS * STEPS) / tested;
    let simulated = time(programs, folder.path(), &["flows", "simulate"])?;
    Ok(vec![
        Row::new(
            "mocked steps in a flow's test",
            format!("{a_second:.0}/s"),
            "≥ 20,000/s",
        )
        .against(
            "a recorded Windmill worker: 51 ms a step",
            a_second * WINDMILL,
        ),
        Row::new(
            "fault simulation of the seven flows",
            format!("{simulated:.2} s"),
            "≤ 2 s",
        ),
    ])
}

fn time(programs: &Programs, folder: &Path, args: &[&str]) -> anyhow::Result<f64> {
    let mut times = Vec::new();
    for _ in 0..TRIES {
        let mut command = Command::new(&programs.millwright);
        times.push(run(command.args(args).current_dir(folder))?.wall);
    }
    Ok(median(times).as_secs_f64())
}

/// A flow whose loop runs mocked steps, each with the result of the one before as its argument.
fn write_project(folder: &Path) -> anyhow::Result<()> {
    let steps: Vec<Value> = (0..STEPS).map(step).collect();
    let iterator = format!("Array.from({{length: {ROUNDS}}}, (_, i) => i)");
    let body = json!({"id": "l", "value": {
        "type": "forloopflow",
        "skip_failures": false,
        "iterator": {"type": "javascript", "expr": iterator},
        "modules": steps,
    }});
    let flows = folder.join("flows/bench");
    std::fs::create_dir_all(&flows)?;
    let flow = json!({"value": {"modules": [body]}});
    std::fs::write(flows.join("steps.flow.json"), flow.to_string())?;
    let mut test = "tests:\n  - name: all\n    expect: {status: success}\n    mocks:\n".to_owned();
    for number in 0..STEPS {
        writeln!(test, "      s{number}: {{value: {{n: {number}}}}}")?;
    }
    ensure!(
        ROUNDS * STEPS < 200_000,
        "a test's flow may begin so many jobs"
    );
    std::fs::write(flows.join("steps.flow.test.yaml"), test)?;
    Ok(())
}

fn step(number: u32) -> Value {
    let before = number
        .checked_sub(1)
        .map(|before| json!({"n": {"type": "javascript", "expr": format!("results.s{before}.n")}}));
    let value = json!({
        "type": "rawscript",
        "language": "bash",
        "content": "n=\"$1\"\nexit 1\n",
        "input_transforms": before.unwrap_or_else(|| json!({})),
    });
    json!({"id": format!("s{number}"), "value": value})
}
