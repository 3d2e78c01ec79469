//! Runs that end because their job has ended.
//!
//! Always so: it is the same rule for a job of the mill and one of Windmill.

use serde_json::{Value, json};

use crate::api_fixture::Api;
use crate::log_fixture::MillJob;
use crate::windmill_double::{Job, Windmill};

#[tokio::test]
async fn a_failure_is_the_same_wherever_its_job_ran() {
    let (windmill, url) = Windmill::start().await;
    let api = Api::with(Some(&url)).await;
    for (result, error) in [
        (
            json!({"error": {"message": "no"}}),
            json!({"message": "no"}),
        ),
        (json!({"exit": 3}), json!({"exit": 3})),
        (Value::Null, Value::Null),
    ] {
        let here = MillJob::new();
        here.begin(&api).await;
        api.run_of_job("mill", here.id).await;
        here.end(&api, false, result.clone()).await;
        let there = windmill.put(Job {
            ended: Some(result),
            failed: true,
            ..Job::default()
        });
        api.run_of_job("windmill", there).await;
        api.stream("windmill", "", None).await;
        for run_id in ["mill", "windmill"] {
            let run = api.get(&format!("/codex/runs/{run_id}")).await.expect(200);
            assert_eq!(
                (&run["status"], &run["result"], &run["error"]),
                (&json!("failed"), &Value::Null, &error),
                "{run_id}"
            );
            let attempt = run["attempt"].as_i64().unwrap_or(1) + 1;
            let again = json!({"job_type": "t", "run_id": run_id, "attempt": attempt});
            api.post("/codex/runs/start", &again).await.expect(200);
        }
    }
}
