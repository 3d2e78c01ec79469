//! Work that is checked and sent back: until it passes, or until the loop's limit.
//!
//! Always so: how often work was done is counted by the work itself, in a file.

use serde_json::{Value, json};

use crate::journey::Journey;
use crate::protocol_fixture::shell_step;

/// Work and its test, which passes from the third time on, and a loop that goes so often back to the work.
async fn sent_back(times: u32) -> Journey {
    let policy = json!({
        "module_id": "again", "condition": "qa_failed",
        "behavior": {"type": "loop", "action": "stepBack", "stepBack": 1, "maxIterations": times},
    });
    let checked = json!({"policies": [policy], "qa": {"policy": "full", "prompt": "check.sh"}});
    let steps = json!([
        shell_step("01-work", "work.sh", json!({})),
        shell_step("02-test", "test.sh", checked),
        shell_step("03-notes", "notes.sh", json!({})),
    ]);
    let files = [
        ("work.sh", "echo round >> rounds; echo worked"),
        ("test.sh", "wc -l < rounds"),
        (
            "check.sh",
            "if [ \"$(wc -l < rounds)\" -ge 3 ]; then echo 'VERDICT: PASS'; else echo 'VERDICT: FAIL'; fi",
        ),
        ("notes.sh", "echo noted"),
    ];
    Journey::begin(&files, steps).await
}

fn verdicts(rounds: &[crate::journey::Ran]) -> Vec<&Value> {
    let verdicts = rounds.iter().map(|round| &round.result["verdict"]);
    verdicts.filter(|verdict| !verdict.is_null()).collect()
}

#[tokio::test]
async fn a_loop_goes_back_until_the_check_passes() {
    let journey = sent_back(5).await;
    let rounds = journey.to_the_end().await;
    assert!(rounds.iter().all(|round| round.succeeded), "{rounds:?}");
    assert_eq!(verdicts(&rounds), ["failed", "failed", "passed"]);
    assert_eq!(journey.steps().await, ["completed"; 3]);
    assert_eq!(journey.status().await, "completed");
    assert_eq!(journey.read("rounds").lines().count(), 3);
    let decisions = journey.events_of("loop_decision").await;
    let iterations: Vec<&Value> = decisions
        .iter()
        .map(|event| &event["metadata"]["iterations"])
        .collect();
    assert_eq!(iterations, [1, 2]);
    let metadata = &decisions[0]["metadata"];
    assert_eq!(metadata["steps_reset"], json!([0, 1, 2]));
    assert_eq!(metadata["engine_id"], "shell");
    assert!(metadata["run_id"].is_string() && metadata["job_id"].is_string());
}

#[tokio::test]
async fn a_loop_that_is_exhausted_blocks_the_protocol_until_a_person_decides() {
    let journey = sent_back(1).await;
    let rounds = journey.to_the_end().await;
    // A verdict is a result: the flows have done what they are for.
    assert!(rounds.iter().all(|round| round.succeeded), "{rounds:?}");
    assert_eq!(verdicts(&rounds), ["failed", "failed"]);
    assert_eq!(journey.steps().await, ["completed", "failed", "pending"]);
    assert_eq!(journey.status().await, "blocked");
    let limit = &journey.events_of("loop_limit_reached").await[0]["metadata"];
    assert_eq!(
        (&limit["iterations"], &limit["max_iterations"]),
        (&json!(1), &json!(1))
    );
    let nothing = journey.flow("run_next_step").await;
    let why = nothing.result["message"].as_str().unwrap();
    assert!(why.contains("step 02-test is failed"), "{why}");

    journey.protocol(&["approve", "2"]).await;
    journey.to_the_end().await;
    assert_eq!(journey.status().await, "completed");
}
