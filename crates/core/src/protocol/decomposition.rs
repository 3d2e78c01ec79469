//! Decomposition: what whoever plans tells of it.
//!
//! Always so: a step that stays as it was planned is named with the reason.

use serde_json::{Value, json};

use super::{Decision, EventType, NewEvent, Snapshot};

/// What becomes of the files of a plan's steps, each of which is to be told in detail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DecompositionReport {
    /// It begins.
    Started {
        /// The files that are to be told in detail.
        steps: Vec<String>,
        /// The model that is asked; `None` where the engine chooses it.
        model: Option<String>,
    },
    /// It is over.
    Completed(Decomposition),
}

/// What became of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decomposition {
    /// The model that was asked; `None` where the engine chose it.
    pub model: Option<String>,
    /// The files that are told in detail now.
    pub decomposed: Vec<String>,
    /// Those that stay as they were planned.
    pub skipped: Vec<SkippedStep>,
    /// What it spent.
    pub estimated_tokens: u64,
}

/// A file that stays as it was planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedStep {
    /// Its name.
    pub step: String,
    /// Why, in a sentence, or `simple`.
    pub reason: String,
}

/// The event that tells of it.
pub fn decomposition_reported(snapshot: &Snapshot, report: &DecompositionReport) -> Decision {
    let mut decision = Decision::from(snapshot);
    decision.emit(match report {
        DecompositionReport::Started { steps, model } => {
            let message = format!("{} steps are being decomposed.", steps.len());
            NewEvent::new(EventType::DecomposeStarted, message)
                .with("steps", steps.clone())
                .with("model", model.clone())
        }
        DecompositionReport::Completed(done) => completed(done),
    });
    decision
}

fn completed(done: &Decomposition) -> NewEvent {
    let skipped = done.skipped.iter();
    let skipped = skipped.map(|left| json!({"step": left.step, "reason": left.reason}));
    let message = format!(
        "{} steps were decomposed, {} stay as they were planned.",
        done.decomposed.len(),
        done.skipped.len()
    );
    NewEvent::new(EventType::DecomposeCompleted, message)
        .with("model", done.model.clone())
        .with("steps_decomposed", done.decomposed.clone())
        .with("steps_skipped", skipped.collect::<Value>())
        .with("estimated_tokens", done.estimated_tokens)
}
