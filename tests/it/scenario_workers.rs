//! Workers that are killed in the middle of a step.
//!
//! Always so: a worker is killed only once its engine has begun.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::protocol_fixture::{Project, shell_step};
use crate::worker;

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_killed_loses_its_step_to_the_next_and_its_report_is_refused() {
    let project = Project::new().await;
    let work = "if [ -f child ]; then echo done; else echo $$ > child; exec sleep 600; fi";
    project.script("work.sh", work);
    let protocol = project
        .planned(json!([shell_step("01-work", "work.sh", json!({}))]))
        .await;
    let step = project.next(protocol, "first").await;
    let wanted = json!({"step_run_id": step.step, "claim": step.claim});
    let mut first = worker::spawn(&project, "execute_step", &wanted);
    project.appears("child").await;
    let id = i32::try_from(first.id().unwrap()).unwrap();
    kill_process(Pid::from_raw(id).unwrap(), Signal::KILL).unwrap();
    first.wait().await.unwrap();
    project.process_ends("child").await;

    // Until its claim lapses, the step is the killed one's.
    let nothing = project.select(protocol, "second").await;
    assert_eq!(nothing["step_run_id"], Value::Null);
    assert_eq!(project.steps(protocol).await, ["running"]);
    project.later(Duration::from_secs(61));
    let again = project.next(protocol, "second").await;
    assert_eq!(again.step, step.step);
    let lapsed = project.event(protocol, "step_stuck_watchdog").await;
    assert_eq!(lapsed["step_run_id"], step.step);
    assert_eq!(lapsed["metadata"]["threshold_seconds"], 60);

    let late = json!({"claim": step.claim, "report": {
        "report": "executed", "outcome": "succeeded", "summary": "late", "telemetry": {},
    }});
    let path = format!("/steps/{}/actions/report", step.step);
    let refused = project.api.post(&path, &late).await.expect(409);
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("does not hold step"), "{detail}");
    assert_eq!(project.steps(protocol).await, ["pending"]);

    let wanted = json!({"step_run_id": again.step, "claim": again.claim});
    let done = worker::run(&project, "execute_step", &wanted)
        .await
        .unwrap();
    assert_eq!(done["step_status"], "completed");
    assert_eq!(project.status(protocol).await, "completed");
    let story = project.story(protocol).await;
    assert_eq!(
        story[..5],
        [
            "planned",
            "step_started",
            "step_stuck_watchdog",
            "unknown_job",
            "step_started"
        ]
    );
}
