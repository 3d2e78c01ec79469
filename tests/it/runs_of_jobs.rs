//! Runs that end because their job has ended.
//!
//! Always so: it is the same rule for a job of the mill and one of Windmill.

use millwright_core::refs::JobId;
use serde_json::{Value, json};
use uuid::Uuid;

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
            said: json!({"completed_at": "2099-01-01T00:00:00Z"}),
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

#[tokio::test]
async fn a_run_is_asked_of_windmill_when_it_is_asked_for() {
    let (windmill, url) = Windmill::start().await;
    let api = Api::with(Some(&url)).await;
    let [emit, flow, alone] = [(); 3].map(|()| windmill.put(Job::default()));
    api.run_of_job("flow", emit).await;
    api.artifact(
        "flow",
        "windmill.flow.result",
        &format!("windmill://job/{flow}/result"),
    )
    .await;
    api.run_of_job("script", alone).await;
    let status = async |run_id: &str| {
        let run = api.get(&format!("/codex/runs/{run_id}")).await.expect(200);
        (run["status"].clone(), run["result"].clone())
    };
    windmill.change(emit, |job| job.ended = Some(json!("emitted")));
    for run_id in ["flow", "script"] {
        assert_eq!(status(run_id).await.0, "running");
    }
    for job in [flow, alone] {
        windmill.change(job, |job| job.ended = Some(json!({"n": 1})));
    }
    for run_id in ["flow", "script"] {
        assert_eq!(status(run_id).await, (json!("succeeded"), json!({"n": 1})));
    }
    let again = json!({"job_type": "t", "run_id": "flow", "attempt": 2});
    api.post("/codex/runs/start", &again).await.expect(200);
    assert_eq!(
        status("flow").await.0,
        "running",
        "the job is that of the attempt before"
    );
}

#[tokio::test]
async fn a_run_is_told_as_it_is_known_where_windmill_is_away() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let api = Api::with(Some(&url)).await;
    api.run_of_job("r", JobId(Uuid::now_v7())).await;
    let known = async || {
        let run = api.get("/codex/runs/r").await.expect(200);
        assert_eq!(run["status"], "running");
    };
    known().await;
    drop(silent);
    known().await;
}

#[tokio::test]
async fn a_job_is_known_however_its_id_was_written() {
    let api = Api::with(None).await;
    let job = MillJob::new();
    job.begin(&api).await;
    let (id, upper) = (job.id, job.id.to_string().to_uppercase());
    for (run_id, path) in [("short", id.to_string()), ("upper", upper.clone())] {
        api.run_with_log(run_id, &format!("windmill://job/{path}"))
            .await;
        let run = api.get(&format!("/codex/runs/{run_id}")).await.expect(200);
        assert_eq!(run["log_path"], format!("windmill://job/{id}/logs"));
    }
    api.run_with_log("flow", "a.log").await;
    api.artifact(
        "flow",
        "windmill.flow.result",
        &format!("windmill://job/{upper}/result"),
    )
    .await;
    job.end(&api, true, json!(1)).await;
    let ended = api.get("/codex/runs?status=succeeded").await.expect(200);
    assert_eq!(ended.as_array().unwrap().len(), 3, "{ended}");
    let late = json!({"job_type": "t", "run_id": "late", "project_id": 9, "log_path": format!("windmill://job/{id}")});
    let late = api.post("/codex/runs/start", &late).await.expect(200);
    assert_eq!(late["status"], "succeeded", "its job had ended before");
    assert_eq!(late["warnings"].as_array().unwrap().len(), 1, "{late}");
}

#[tokio::test]
async fn a_reference_that_is_none_is_refused_by_its_field() {
    let api = Api::with(None).await;
    api.run_with_log("r", "a.log").await;
    for path in [
        "windmill://job/../../etc/passwd/logs",
        "windmill://job/1/logs",
        "windmill://job/01a1fd8d-0c2a-5aa4-e27d-4a6fdf9e6e24/x",
        "windmill:job",
    ] {
        let run = json!({"job_type": "t", "run_id": "r", "log_path": path});
        let refused = api.post("/codex/runs/start", &run).await.expect(422);
        assert_eq!(refused["detail"][0]["loc"], json!(["body", "log_path"]));
        let artifact = json!({"name": "n", "kind": "log", "path": path});
        let refused = api
            .post("/codex/runs/r/artifacts/upsert", &artifact)
            .await
            .expect(422);
        assert_eq!(refused["detail"][0]["loc"], json!(["body", "path"]));
    }
}
