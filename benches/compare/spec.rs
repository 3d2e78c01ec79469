//! Validation of a spec of 10,000 steps, each of which needs the one before it.
//!
//! Always so: the schema's validator is made before, as in a server that has seen a spec.

use std::time::Instant;

use millwright::spec;
use millwright_core::protocol::SpecContext;
use serde_json::{Value, json};

use super::Programs;
use super::table::Row;

const STEPS: usize = 10_000;
const ROUNDS: u32 = 9;

/// Measures it.
pub(crate) fn measure(_: &Programs) -> anyhow::Result<Vec<Row>> {
    let steps: Vec<Value> = (0..STEPS).map(step).collect();
    let spec = json!({"steps": steps});
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let planned = spec::validate(&spec, &SpecContext::default());
        best = best.min(begun.elapsed().as_secs_f64() * 1000.0);
        anyhow::ensure!(planned.is_ok_and(|planned| planned.len() == STEPS));
    }
    let what = "validate a spec of 10,000 steps";
    Ok(vec![Row::new(what, format!("{best:.0} ms"), "≤ 100 ms")])
}

fn step(n: usize) -> Value {
    let needs: Vec<String> = n
        .checked_sub(1)
        .map(|before| format!("s{before}"))
        .into_iter()
        .collect();
    json!({
        "id": format!("s{n}"), "name": format!("{n:05}-step.md"), "engine_id": "codex", "prompt_ref": format!("{n:05}-step.md"),
        "qa": {"policy": "full", "prompt": "prompts/qa.md"}, "depends_on": needs, "timeout_seconds": 3600,
        "outputs": {"protocol": format!("outputs/{n}.md"), "aux": {"codemachine": format!("aux/{n}.md")}},
    })
}
