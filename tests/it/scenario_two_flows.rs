//! Two flows that drive one protocol at the same time.
//!
//! Always so: the flows are processes, and know nothing of each other.

use std::collections::BTreeSet;

use serde_json::json;

use crate::journey::Journey;
use crate::protocol_fixture::shell_step;

/// More than either of the two does alone.
const STEPS: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn two_flows_that_drive_one_protocol_do_each_step_once() {
    let names: Vec<String> = (0..STEPS).map(|n| format!("{n:02}-step")).collect();
    let checked = json!({"qa": {"policy": "full", "prompt": "check.sh"}});
    let step = |name: &String| shell_step(name, "work.sh", checked.clone());
    let steps: Vec<_> = names.iter().map(step).collect();
    let files = [
        (
            "work.sh",
            "echo \"$MILLWRIGHT_STEP_NAME\" >> worked; echo done",
        ),
        (
            "check.sh",
            "echo \"$MILLWRIGHT_STEP_NAME\" >> checked; echo 'VERDICT: PASS'",
        ),
    ];
    let journey = Journey::begin(&files, json!(steps)).await;
    let (mine, yours) = tokio::join!(journey.to_the_end(), journey.to_the_end());
    let rounds = [mine, yours].concat();
    assert!(rounds.iter().all(|round| round.succeeded), "{rounds:?}");
    assert_eq!(rounds.len(), STEPS);
    assert_eq!(journey.status().await, "completed");
    for file in ["worked", "checked"] {
        let mut did: Vec<String> = journey.read(file).lines().map(str::to_owned).collect();
        did.sort();
        assert_eq!(did, names, "{file}");
    }
    for event_type in ["step_started", "step_completed", "qa_passed"] {
        let events = journey.events_of(event_type).await;
        let steps: BTreeSet<_> = events
            .iter()
            .map(|event| event["step_run_id"].as_i64())
            .collect();
        assert_eq!((events.len(), steps.len()), (STEPS, STEPS), "{event_type}");
    }
    let completed = journey.events_of("protocol_completed").await;
    assert_eq!(completed.len(), 1);
}
