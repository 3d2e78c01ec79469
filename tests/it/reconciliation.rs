//! Open runs end when Windmill says that their job has ended, without anybody asking for them.
//!
//! Always so: what a run then says is what Windmill says of the job.

use std::time::{Duration, Instant};

use millwright::store::Timestamp;
use millwright_core::refs::JobId;
use serde_json::{Value, json};

use crate::reconciliation_fixture::{TICK, ended, watched};
use crate::wait::until;
use crate::windmill_double::{Asked, Job};

#[tokio::test]
async fn every_end_of_a_job_is_its_runs_end() {
    let (windmill, api) = watched().await;
    let error = json!({"name": "ExecutionErr", "message": "no", "exit_code": 3});
    let of_error = json!({"error": error});
    let rounds = json!([{"error": {"message": "x"}}, 2]);
    let cases = [
        (
            "object",
            json!({"n": 1}),
            json!({}),
            "succeeded",
            json!({"n": 1}),
        ),
        (
            "array",
            json!([1, 2]),
            json!({}),
            "succeeded",
            json!([1, 2]),
        ),
        ("text", json!("done"), json!({}), "succeeded", json!("done")),
        ("nothing", Value::Null, json!({}), "succeeded", Value::Null),
        (
            "skipped",
            json!(1),
            json!({"is_skipped": true}),
            "succeeded",
            json!(1),
        ),
        (
            "failed",
            of_error.clone(),
            json!({"success": false}),
            "failed",
            error.clone(),
        ),
        (
            "loop",
            rounds.clone(),
            json!({"success": false}),
            "failed",
            rounds,
        ),
        (
            "handled",
            json!({"step": "b"}),
            json!({"success": false}),
            "failed",
            json!({"step": "b"}),
        ),
        (
            "cancelled",
            of_error.clone(),
            json!({"success": false, "canceled": true}),
            "cancelled",
            error.clone(),
        ),
        (
            "never-began",
            of_error,
            json!({"success": false, "canceled": true, "started_at": null}),
            "cancelled",
            error,
        ),
    ];
    for (run_id, result, said, ..) in &cases {
        let job = windmill.put(Job {
            said: said.clone(),
            ..ended(result.clone())
        });
        api.run_of_job(run_id, job).await;
    }
    for (run_id, _, said, status, told) in &cases {
        let run = api.closed(run_id).await;
        let (kept, other) = match *status {
            "succeeded" => ("result", "error"),
            _ => ("error", "result"),
        };
        assert_eq!(
            (&run["status"], &run[kept], &run[other]),
            (&json!(status), told, &Value::Null),
            "{run_id}"
        );
        assert_eq!(
            run["finished_at"], "2026-11-21T10:26:34.641475+00:00",
            "{run_id}"
        );
        let began = match said["started_at"] {
            Value::Null if said.get("started_at").is_some() => &run["finished_at"],
            _ => &json!("2026-11-21T10:26:28.599931+00:00"),
        };
        assert_eq!(&run["started_at"], began, "{run_id}");
    }
}

#[tokio::test]
async fn a_run_ends_soon_after_its_job_and_a_copy_is_bounded() {
    let (windmill, api) = watched().await;
    let job = windmill.put(Job::default());
    api.run_of_job("r", job).await;
    until("it was asked for", async || {
        (!windmill.take_asked().is_empty()).then_some(())
    })
    .await;
    assert_eq!(api.listed("r").await["status"], "running");
    windmill.change(job, |job| {
        job.ended = Some(json!({"text": "x".repeat(1 << 20)}));
    });
    let run = api.closed("r").await;
    assert_eq!(run["result"]["truncated"], true);
    assert!(run["result"]["bytes"].as_u64().unwrap() > 1 << 20);
    assert!(run.to_string().len() < 100_000);
}

#[tokio::test]
async fn a_flows_run_follows_the_flow_also_where_its_step_did_not_come_to_say_so() {
    let (windmill, api) = watched().await;
    let flow = windmill.put(Job::default());
    let emit = |parent: JobId| Job {
        said: json!({
            "is_flow_step": true, "parent_job": parent,
            "script_path": "u/devgodzilla/emit_tasksgodzilla_codex_refs",
        }),
        ..ended(json!("emitted"))
    };
    let [told, silent] = [(); 2].map(|()| windmill.put(emit(flow)));
    api.run_of_job("told", told).await;
    let path = format!("windmill://job/{flow}/result");
    api.artifact("told", "windmill.flow.result", &path).await;
    api.run_of_job("silent", silent).await;
    let artifacts = until("the flow is registered", async || {
        let artifacts = api.get("/codex/runs/silent/artifacts").await.expect(200);
        (artifacts.as_array().unwrap().len() == 3).then_some(artifacts)
    })
    .await;
    assert_eq!(artifacts[1]["path"], path.as_str());
    for run_id in ["told", "silent"] {
        assert_eq!(api.listed(run_id).await["status"], "running");
    }
    windmill.change(flow, |job| job.ended = Some(json!({"of": "flow"})));
    for run_id in ["told", "silent"] {
        assert_eq!(api.closed(run_id).await["result"], json!({"of": "flow"}));
    }
}

#[tokio::test]
async fn an_artifact_tells_the_job_where_the_log_is_a_file() {
    let (windmill, api) = watched().await;
    let job = windmill.put(ended(json!(7)));
    api.run_with_log("r", "runs/r/logs.txt").await;
    let path = format!("windmill://job/{job}/result");
    api.artifact("r", "windmill.result", &path).await;
    assert_eq!(api.closed("r").await["result"], 7);
}

#[tokio::test]
async fn a_run_that_was_opened_again_does_not_end_by_the_attempt_before() {
    let (windmill, api) = watched().await;
    let said =
        json!({"completed_at": "2020-01-01T00:00:00Z", "started_at": "2020-01-01T00:00:00Z"});
    let before = windmill.put(Job {
        said,
        ..ended(json!(1))
    });
    api.run_of_job("r", before).await;
    api.closed("r").await;
    let again = json!({"job_type": "t", "run_id": "r", "attempt": 2});
    api.post("/codex/runs/start", &again).await.expect(200);
    windmill.take_asked();
    until("its old job was asked for again", async || {
        (!windmill.take_asked().is_empty()).then_some(())
    })
    .await;
    tokio::time::sleep(TICK).await;
    assert_eq!(api.listed("r").await["status"], "running");
    let now = windmill.put(ended(json!(2)));
    windmill.change(now, |job| {
        job.said = json!({"completed_at": "2099-01-01T00:00:00Z"});
    });
    api.run_of_job("r", now).await;
    assert_eq!(api.closed("r").await["result"], 2);
}

#[tokio::test]
async fn ten_thousand_open_runs_cost_few_requests() {
    let (windmill, api) = watched().await;
    let jobs: Vec<_> = (0..10_000).map(|_| windmill.put(Job::default())).collect();
    api.runs_of(&jobs, Timestamp::now()).await;
    until("a whole list was read", async || {
        let asked = windmill.asked();
        asked.contains(&Asked::Queue(10)).then_some(())
    })
    .await;
    windmill.take_asked();
    let begin = Instant::now();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let asked = windmill.take_asked();
    let most = 20 * begin.elapsed().as_millis() / 1000;
    assert!(asked.len() as u128 <= most, "{} requests", asked.len());
    let lists = asked.iter().all(|asked| matches!(asked, Asked::Queue(_)));
    assert!(lists, "no job was asked for by itself");
    assert_eq!(api.count("running"), 10_000);
}

#[tokio::test]
async fn a_thousand_runs_that_ended_are_asked_for_once_each_and_soon() {
    let (windmill, api) = watched().await;
    windmill.list_by(100);
    let jobs: Vec<_> = (0..1_300)
        .map(|n| {
            windmill.put(if n < 300 {
                Job::default()
            } else {
                ended(json!(n))
            })
        })
        .collect();
    api.runs_of(&jobs, Timestamp::now()).await;
    until("they are closed", async || {
        (api.count("succeeded") == 1000).then_some(())
    })
    .await;
    let asked = windmill.take_asked();
    let single = asked.iter().filter(|asked| matches!(asked, Asked::Job(_)));
    assert_eq!(single.count(), 1000);
    assert_eq!(api.count("running"), 300);
}
