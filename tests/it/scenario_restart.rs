//! Protocols that go on in another process than the one that began them.
//!
//! Always so: the next process has nothing of the first but the database and the project's folder.

use rustix::process::Signal;
use serde_json::json;

use crate::journey::Journey;
use crate::protocol_fixture::{appears, process_ends, shell_step};
use crate::wait::until;

#[tokio::test]
async fn a_protocol_is_paused_in_the_middle_and_resumed_in_a_new_process() {
    let steps = ["01-a", "02-b", "03-c"].map(|id| shell_step(id, "work.sh", json!({})));
    let work = "echo \"$MILLWRIGHT_STEP_NAME\" >> ran; [ -f go ] || { echo began > began; until [ -f go ]; do sleep 0.02; done; }; echo done";
    let journey = Journey::begin(&[("work.sh", work)], json!(steps)).await;
    let first = journey.spawn("run_next_step");
    appears(&journey.workspace().join("began")).await;
    journey.protocol(&["pause", "2"]).await;
    // What is under way is finished; nothing more is chosen.
    std::fs::write(journey.workspace().join("go"), "").unwrap();
    let first = Journey::ended(first).await;
    assert!(first.succeeded, "{first:?}");
    assert_eq!(journey.to_the_end().await.len(), 0);
    assert_eq!(journey.status().await, "paused");

    let journey = journey.restarted_by(Signal::KILL).await;
    assert_eq!(journey.status().await, "paused");
    assert_eq!(journey.to_the_end().await.len(), 0);
    assert_eq!(journey.steps().await, ["completed", "pending", "pending"]);
    journey.protocol(&["resume", "2"]).await;
    assert_eq!(journey.to_the_end().await.len(), 2);
    assert_eq!(journey.status().await, "completed");
    assert_eq!(journey.read("ran"), "01-a\n02-b\n03-c\n");
    let story: Vec<String> = journey.story().await;
    let paused = story.iter().position(|event| event == "paused").unwrap();
    assert_eq!(
        story[paused + 1..paused + 4],
        ["step_completed", "qa_skipped_policy", "resumed"],
        "{story:?}"
    );
}

#[tokio::test]
async fn what_a_killed_server_was_doing_is_done_again_by_the_next() {
    let work = "echo try >> tries; if [ -f child ]; then echo done; else echo $$ > child; exec sleep 600; fi";
    let step = shell_step("01-work", "work.sh", json!({}));
    let journey = Journey::begin(&[("work.sh", work)], json!([step])).await;
    let broken_off = journey.spawn("run_next_step");
    let engine = appears(&journey.workspace().join("child")).await;
    let journey = journey.restarted_by(Signal::KILL).await;
    process_ends(&engine).await;
    // It waits for a server whose address is gone.
    drop(broken_off);
    until("the step may be chosen again", async || {
        (journey.steps().await == ["pending"]).then_some(())
    })
    .await;
    let lost = &journey.events_of("step_execution_lost").await[0];
    assert!(lost["metadata"]["run_id"].is_string(), "{lost}");
    journey.to_the_end().await;
    assert_eq!(journey.status().await, "completed");
    assert_eq!(journey.read("tries"), "try\ntry\n");
}

#[tokio::test]
async fn what_is_executed_and_what_is_checked_stops_when_its_protocol_is_cancelled() {
    for (policy, work) in [("skip", "busy"), ("full", "quick")] {
        let busy = "sleep 600 & echo $! > child; wait";
        let files = [("busy.sh", busy), ("quick.sh", "echo done")];
        let step = shell_step(
            "01-work",
            &format!("{work}.sh"),
            json!({"qa": {"policy": policy, "prompt": "busy.sh"}}),
        );
        let journey = Journey::begin(&files, json!([step])).await;
        let flow = journey.spawn("run_next_step");
        let engine = appears(&journey.workspace().join("child")).await;
        journey.protocol(&["cancel", "2"]).await;
        process_ends(&engine).await;
        let ended = Journey::ended(flow).await;
        assert!(!ended.succeeded, "{ended:?}");
        assert_eq!(journey.steps().await, ["cancelled"]);
        assert_eq!(journey.status().await, "cancelled");
        // After that nothing is told of the step: only that the flow's job has failed of it.
        let story = journey.story().await;
        assert_eq!(story[story.len() - 2..], ["cancelled", "job_failed"]);
        let failed = &journey.events_of("job_failed").await[0];
        assert_eq!(
            failed["metadata"]["error_category"], "cancelled",
            "{failed}"
        );
    }
}
