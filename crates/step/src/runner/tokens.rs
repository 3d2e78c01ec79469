//! What work spends, put on record while it goes on.
//!
//! Always so: what several runs of one piece of work spend is added up.

use std::borrow::Cow;

use millwright_core::protocol::{Telemetry, Tokens};

use super::resolve::EngineRun;
use crate::engine::{Engine, EngineOutput, Task};

/// Tokens by the rule of four characters each, at least one.
pub(crate) fn estimated_tokens(text: &[u8]) -> u64 {
    let characters = String::from_utf8_lossy(text).chars().count() as u64;
    characters.div_ceil(4).max(1)
}

/// What an engine is about to read. One that executes its prompt reads its file, and nothing of what stands below it.
pub(super) fn tokens_read(engine: &dyn Engine, task: &Task, prompt: Option<&str>) -> u64 {
    if !engine.reads_text() {
        return prompt.map_or(0, |text| estimated_tokens(text.as_bytes()));
    }
    // One whose text cannot be made fails before it spends anything.
    let text = engine.text(task).unwrap_or(Cow::Borrowed(&task.input));
    estimated_tokens(text.as_bytes())
}

/// Puts on record what runs, and what it is about to read.
pub(super) fn note_engine(telemetry: &mut Telemetry, run: &EngineRun<'_>, purpose: &str) {
    telemetry.engine_id = Some(run.engine.id().to_owned());
    telemetry.model.clone_from(&run.task.model);
    telemetry.prompt_path = Some(run.task.prompt.display().to_string());
    let version = run.prompt_version.clone();
    telemetry
        .prompt_versions
        .insert(purpose.to_owned(), version);
    estimate(telemetry, run.tokens);
}

/// Puts on record what was spent.
pub(super) fn note_usage(telemetry: &mut Telemetry, yielded: &EngineOutput) {
    estimate(telemetry, estimated_tokens(&yielded.output));
    // Where nobody named one, the engine chose it.
    if telemetry.model.is_none() {
        telemetry.model.clone_from(&yielded.model);
    }
    let Some(usage) = &yielded.usage else { return };
    let (tokens, cents) = (telemetry.tokens, telemetry.cost_cents);
    usage.note_in(telemetry);
    if let (Some(before), Some(now)) = (tokens, &mut telemetry.tokens) {
        add(now, before);
    }
    if let Some(before) = cents {
        telemetry.cost_cents = Some(before + telemetry.cost_cents.unwrap_or_default());
    }
}

fn estimate(telemetry: &mut Telemetry, more: u64) {
    let before = telemetry.estimated_tokens.unwrap_or_default();
    telemetry.estimated_tokens = Some(before.saturating_add(more));
}

fn add(sum: &mut Tokens, more: Tokens) {
    let add = |a: &mut u64, b: u64| *a = a.saturating_add(b);
    add(&mut sum.input, more.input);
    add(&mut sum.cached_input, more.cached_input);
    add(&mut sum.output, more.output);
    add(&mut sum.reasoning, more.reasoning);
}
