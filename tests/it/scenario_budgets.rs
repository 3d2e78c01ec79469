//! Budgets of tokens, of each step and of a whole protocol: strict, warning, or off.
//!
//! Always so: whether an engine ran is told by what it left in the workspace, and not by events alone.

use serde_json::{Value, json};

use crate::journey::Journey;
use crate::protocol_fixture::shell_step;

const PER_STEP: &str = "TASKSGODZILLA_MAX_TOKENS_PER_STEP";
const PER_PROTOCOL: &str = "TASKSGODZILLA_MAX_TOKENS_PER_PROTOCOL";

/// Two steps, each of which spends a hundred tokens and a little, after all that may be done within a budget.
async fn worked(limit: (&str, &str), mode: &str) -> Journey {
    let steps = ["01-a", "02-b"].map(|id| shell_step(id, "work.sh", json!({})));
    let files = [("work.sh", "echo ran >> ran; printf '%0400d' 0")];
    let variables = [limit, ("TASKSGODZILLA_TOKEN_BUDGET_MODE", mode)];
    let journey = Journey::told(&files, json!(steps), &variables).await;
    journey.to_the_end().await;
    journey
}

/// The budgets' failures on record, and how often work was begun.
async fn refused(journey: &Journey) -> (Vec<Value>, usize) {
    let mut failed = journey.events_of("step_execution_failed").await;
    failed.retain(|event| event["metadata"]["error_type"] == "TokenBudgetExceeded");
    let begun = std::fs::read_to_string(journey.workspace().join("ran"));
    (failed, begun.unwrap_or_default().lines().count())
}

#[tokio::test]
async fn a_strict_budget_of_a_step_refuses_what_goes_beyond_before_it_begins() {
    let journey = worked((PER_STEP, "1"), "strict").await;
    let (failed, begun) = refused(&journey).await;
    assert_eq!((failed.len(), begun), (1, 0));
    let error = failed[0]["metadata"]["error"].as_str().unwrap();
    assert!(
        error.starts_with("the step's budget is 1 tokens: 0 are spent"),
        "{error}"
    );
    assert_eq!(journey.status().await, "blocked");
    assert_eq!(journey.steps().await, ["failed", "pending"]);
}

#[tokio::test]
async fn a_strict_budget_of_a_protocol_counts_what_all_steps_spend() {
    let journey = worked((PER_PROTOCOL, "110"), "strict").await;
    let (failed, begun) = refused(&journey).await;
    assert_eq!((failed.len(), begun), (1, 1));
    assert_eq!(failed[0]["step_run_id"], 2);
    let error = failed[0]["metadata"]["error"].as_str().unwrap();
    assert!(
        error.starts_with("the protocol's budget is 110 tokens: 1"),
        "{error}"
    );
    assert_eq!(journey.status().await, "blocked");
    // The step's own budget is another.
    let journey = worked((PER_STEP, "110"), "strict").await;
    assert_eq!(refused(&journey).await, (Vec::new(), 2));
    assert_eq!(journey.status().await, "completed");
}

#[tokio::test]
async fn a_budget_that_warns_is_told_of_and_holds_nothing_back() {
    for (limit, told) in [
        ((PER_STEP, "1"), vec![1, 2]),
        ((PER_PROTOCOL, "110"), vec![2]),
    ] {
        let journey = worked(limit, "warn").await;
        assert_eq!(journey.status().await, "completed");
        let warnings = journey.events_of("budget_warning").await;
        let steps: Vec<_> = warnings
            .iter()
            .map(|event| event["step_run_id"].clone())
            .collect();
        assert_eq!(steps, told, "{warnings:?}");
        let warning = &warnings[0];
        let message = warning["message"].as_str().unwrap();
        assert!(
            message.contains("budget is") && message.contains(limit.0),
            "{message}"
        );
        assert_eq!(warning["metadata"]["engine_id"], "shell");
    }
}

#[tokio::test]
async fn a_budget_that_is_off_is_not_told_of() {
    let journey = worked((PER_STEP, "1"), "off").await;
    assert_eq!(journey.status().await, "completed");
    assert!(journey.events_of("budget_warning").await.is_empty());
}

#[tokio::test]
async fn all_that_an_agent_of_a_workspace_reads_counts() {
    let more = "word ".repeat(1_000);
    let files = [("prompt.md", "Do it."), ("more.md", more.as_str())];
    let inputs = json!({"agent_id": "coder", "engine_id": "codex", "more_prompts": ["more.md"]});
    let step = json!({"engine_id": "codemachine", "inputs": inputs});
    let steps = json!([shell_step("01-a", "prompt.md", step)]);
    let journey = Journey::told(&files, steps, &[(PER_STEP, "1000")]).await;
    journey.to_the_end().await;
    let (failed, _) = refused(&journey).await;
    assert_eq!(failed.len(), 1);
    let error = failed[0]["metadata"]["error"].as_str().unwrap();
    let expected =
        "the step's budget is 1000 tokens: 0 are spent, and this prompt has about 1252; ";
    assert!(error.starts_with(expected), "{error}");
}
