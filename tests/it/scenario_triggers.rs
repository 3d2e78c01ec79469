//! Triggers that follow one another, to the depth at which they end.
//!
//! Always so: what was triggered is read from the protocol's events.

use millwright_core::protocol::MAX_INLINE_TRIGGER_DEPTH;
use serde_json::{Value, json};

use crate::journey::Journey;
use crate::protocol_fixture::shell_step;

/// A step that, once it has passed, makes the step of another agent ready.
fn step(agent: &str, then: &str) -> Value {
    let trigger = json!({
        "module_id": "next", "condition": "qa_passed",
        "behavior": {"type": "trigger", "action": "mainAgentCall", "triggerAgentId": then},
    });
    shell_step(agent, "work.sh", json!({"policies": [trigger]}))
}

/// What the events of a type say of one key.
async fn told(journey: &Journey, event_type: &str, key: &str) -> Vec<Value> {
    let events = journey.events_of(event_type).await;
    let told = events.iter().map(|event| event["metadata"][key].clone());
    told.collect()
}

#[tokio::test]
async fn a_chain_of_triggers_ends_at_its_depth_and_the_protocol_goes_on() {
    let steps = json!([
        step("00-a", "b"),
        step("01-b", "c"),
        step("02-c", "d"),
        step("03-d", "a"),
    ]);
    let journey = Journey::begin(
        &[(
            "work.sh",
            "echo \"$MILLWRIGHT_STEP_NAME\" >> ran; echo done",
        )],
        steps,
    )
    .await;
    let rounds = journey.to_the_end().await;
    assert!(rounds.iter().all(|round| round.succeeded), "{rounds:?}");

    assert_eq!(
        told(&journey, "trigger_decision", "inline_depth").await,
        [1, 2]
    );
    assert_eq!(
        told(&journey, "trigger_decision", "target_step_id").await,
        [2, 3]
    );
    assert_eq!(
        told(&journey, "trigger_pending", "source").await,
        ["00-a", "01-b"]
    );
    let too_deep = "trigger_inline_depth_exceeded";
    assert_eq!(
        told(&journey, too_deep, "inline_depth").await,
        [MAX_INLINE_TRIGGER_DEPTH]
    );
    assert_eq!(told(&journey, too_deep, "target_step_id").await, [4]);
    // The last step was chosen all the same, and its own target is done.
    assert_eq!(
        told(&journey, "trigger_skipped", "target_status").await,
        ["completed"]
    );
    let ran = journey.read("ran");
    assert_eq!(
        ran.lines().collect::<Vec<_>>(),
        ["00-a", "01-b", "02-c", "03-d"]
    );
    assert_eq!(journey.status().await, "completed");
    let runs = told(&journey, "trigger_decision", "run_id").await;
    assert!(runs.iter().all(Value::is_string), "{runs:?}");
}
