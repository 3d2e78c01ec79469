//! `/codex/runs` and artifacts: what is kept, what is refused, what is listed.
//!
//! Always so: what is kept is read back through the API.

use millwright::server::ApiError;
use millwright::store::runs::{JobEnd, finish_for_job};
use millwright::store::{StoreError, Timestamp};
use millwright_core::refs::{JobId, RunStatus};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api_fixture::Api;

impl Api {
    async fn start_run(&self, run: Value) -> Value {
        self.post("/codex/runs/start", &run).await.expect(200)
    }

    async fn finish_run(&self, run_id: &str, end: Value) -> crate::api_fixture::Answer {
        self.post(&format!("/codex/runs/{run_id}/finish"), &end)
            .await
    }
}

/// The places that a 422 names, with the kind of mistake.
fn places(answer: &Value) -> Vec<String> {
    let issues = answer["detail"].as_array().unwrap();
    let name = |issue: &Value| format!("{} {}", issue["loc"], issue["type"].as_str().unwrap());
    issues.iter().map(name).collect()
}

#[tokio::test]
async fn a_finished_run_stays_finished_until_a_higher_attempt() {
    let api = Api::start().await;
    let run = |attempt: Value| json!({"job_type": "t", "run_id": "r", "attempt": attempt});
    api.start_run(run(Value::Null)).await;
    let end = json!({"status": "failed", "error": {"message": "no"}, "cost_tokens": 7});
    let finished = api.finish_run("r", end).await.expect(200);
    assert_eq!(finished["status"], "failed");
    assert_eq!(finished["cost_tokens"], 7);

    let again = api.start_run(run(json!(1))).await;
    assert_eq!(again["status"], "failed");
    assert_eq!(again["started_at"], finished["started_at"]);
    assert_eq!(again["error"]["message"], "no");

    let reopened = api.start_run(run(json!(2))).await;
    assert_eq!(reopened["status"], "running");
    assert_eq!(reopened["finished_at"], Value::Null);
    assert_eq!(reopened["error"], Value::Null);
    let late = api.start_run(run(json!(1))).await;
    assert_eq!(late["attempt"], 2, "an attempt never goes back");
}

#[tokio::test]
async fn the_first_end_counts() {
    let api = Api::start().await;
    api.start_run(json!({"job_type": "t", "run_id": "r"})).await;
    let first = api
        .finish_run("r", json!({"status": "succeeded"}))
        .await
        .expect(200);
    let more = json!({"status": "succeeded", "result": {"n": 1}, "cost_cents": 3});
    let second = api.finish_run("r", more).await.expect(200);
    assert_eq!(second["finished_at"], first["finished_at"]);
    assert_eq!(
        (&second["result"], &second["cost_cents"]),
        (&json!({"n": 1}), &json!(3))
    );
    let other = api
        .finish_run("r", json!({"status": "failed"}))
        .await
        .expect(409);
    assert!(
        other["detail"]
            .as_str()
            .unwrap()
            .contains("succeeded already"),
        "{other}"
    );
    assert_eq!(
        api.finish_run("nope", json!({"status": "failed"}))
            .await
            .expect(404)["detail"],
        "Run not found"
    );
}

#[tokio::test]
async fn a_run_ends_in_one_of_three_ways() {
    let api = Api::start().await;
    api.start_run(json!({"job_type": "t", "run_id": "r"})).await;
    for status in ["running", "queued"] {
        let answer = api
            .finish_run("r", json!({ "status": status }))
            .await
            .expect(422);
        assert_eq!(places(&answer), [r#"["body","status"] value_error"#]);
    }
    let answer = api
        .finish_run("r", json!({"status": "done", "cost_tokens": -1}))
        .await
        .expect(422);
    assert_eq!(
        places(&answer),
        [
            r#"["body","status"] enum"#,
            r#"["body","cost_tokens"] greater_than_equal"#
        ]
    );
}

#[tokio::test]
async fn what_is_wrong_is_told_all_at_once() {
    let api = Api::start().await;
    let body =
        json!({"run_id": "a/b", "project_id": 1.5, "params": [], "attempt": 0, "unknown": true});
    let answer = api.post("/codex/runs/start", &body).await.expect(422);
    insta::assert_json_snapshot!(answer);
    let only_the_id = json!({"job_type": "t", "run_id": "a/b"});
    let answer = api
        .post("/codex/runs/start", &only_the_id)
        .await
        .expect(422);
    assert_eq!(places(&answer), [r#"["body","run_id"] value_error"#]);
    let empty = api
        .send(api.request(reqwest::Method::POST, "/codex/runs/start"))
        .await;
    assert_eq!(places(&empty.expect(422)), [r#"["body"] missing"#]);
    let form = api
        .request(reqwest::Method::POST, "/codex/runs/start")
        .body("{}");
    api.send(form).await.expect(415);
}

#[tokio::test]
async fn numbers_and_truth_values_may_come_as_text() {
    let api = Api::start().await;
    let run = api
        .start_run(json!({"job_type": "t", "run_id": "r", "attempt": "3"}))
        .await;
    assert_eq!(run["attempt"], 3);
}

#[tokio::test]
async fn a_body_has_a_limit() {
    let api = Api::start().await;
    let body = json!({"job_type": "t", "params": {"text": "x".repeat(9 * 1024 * 1024)}});
    api.post("/codex/runs/start", &body).await.expect(413);
}

#[tokio::test]
async fn artifacts_are_checked() {
    let api = Api::start().await;
    api.start_run(json!({"job_type": "t", "run_id": "r"})).await;
    let path = "/codex/runs/r/artifacts/upsert";
    let upsert = |fields: Value| {
        let mut body = json!({"name": "n", "kind": "log", "path": "p"});
        body.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        body
    };
    let good = api
        .post(
            path,
            &upsert(json!({"sha256": "AB".repeat(32), "bytes": 0})),
        )
        .await
        .expect(200);
    assert_eq!(good["sha256"], "ab".repeat(32));
    let moved = api
        .post(path, &upsert(json!({"path": "q"})))
        .await
        .expect(200);
    assert_eq!(
        (&moved["id"], &moved["sha256"]),
        (&good["id"], &Value::Null)
    );
    for (fields, place) in [
        (
            json!({"sha256": "xy".repeat(32)}),
            r#"["body","sha256"] value_error"#,
        ),
        (
            json!({"sha256": "ab"}),
            r#"["body","sha256"] string_too_short"#,
        ),
        (
            json!({"bytes": -1}),
            r#"["body","bytes"] greater_than_equal"#,
        ),
        (json!({"name": ""}), r#"["body","name"] string_too_short"#),
        (
            json!({"path": "p".repeat(5000)}),
            r#"["body","path"] string_too_long"#,
        ),
    ] {
        let answer = api.post(path, &upsert(fields)).await.expect(422);
        assert_eq!(places(&answer), [place]);
    }
}

#[tokio::test]
async fn pages_neither_skip_nor_repeat_while_runs_arrive() {
    let api = Api::start().await;
    for number in 0..7 {
        api.start_run(json!({"job_type": "t", "run_id": format!("r{number}")}))
            .await;
    }
    let mut seen = Vec::new();
    let mut page = "/codex/runs?job_type=t&limit=3".to_owned();
    loop {
        let runs = api.get(&page).await.expect(200);
        let ids: Vec<String> = runs
            .as_array()
            .unwrap()
            .iter()
            .map(|run| run["run_id"].as_str().unwrap().to_owned())
            .collect();
        let Some(last) = ids.last() else { break };
        page = format!("/codex/runs?job_type=t&limit=3&after={last}");
        seen.extend(ids);
        api.start_run(json!({"job_type": "t", "run_id": format!("new{}", seen.len())}))
            .await;
    }
    assert_eq!(seen, ["r6", "r5", "r4", "r3", "r2", "r1", "r0"]);
    api.get("/codex/runs?after=nope").await.expect(422);
    api.get("/codex/runs?limit=501").await.expect(422);
    api.get("/codex/runs?status=nope").await.expect(422);
    assert_eq!(
        api.get("/codex/runs?status=failed").await.expect(200),
        json!([])
    );
}

/// Ends a job as the mill does.
async fn end_job(api: &Api, job: JobId, status: RunStatus) -> Vec<String> {
    let end = JobEnd {
        status,
        result: Value::Null,
        started_at: None,
        ended_at: Timestamp::now(),
    };
    let finished = api
        .app
        .store
        .write(move |connection| finish_for_job(connection, job, &end));
    finished.await.unwrap()
}

#[tokio::test]
async fn a_jobs_end_finishes_the_runs_that_follow_it() {
    let api = Api::start().await;
    let (step, flow) = (JobId(Uuid::now_v7()), JobId(Uuid::now_v7()));
    let logs = |job: JobId| format!("windmill://job/{job}/logs");
    api.start_run(json!({"job_type": "t", "run_id": "script", "log_path": logs(step)}))
        .await;
    api.start_run(json!({"job_type": "t", "run_id": "flow", "log_path": logs(step)}))
        .await;
    let artifact = json!({"name": "windmill.flow.result", "kind": "result", "path": format!("windmill://job/{flow}/result")});
    api.post("/codex/runs/flow/artifacts/upsert", &artifact)
        .await
        .expect(200);

    assert_eq!(end_job(&api, step, RunStatus::Succeeded).await, ["script"]);
    assert_eq!(
        api.get("/codex/runs/flow").await.expect(200)["status"],
        "running"
    );
    assert_eq!(end_job(&api, flow, RunStatus::Cancelled).await, ["flow"]);
    assert_eq!(
        api.get("/codex/runs/flow").await.expect(200)["status"],
        "cancelled"
    );
    assert_eq!(
        end_job(&api, flow, RunStatus::Failed).await,
        [""; 0],
        "the first end counts"
    );
}

#[tokio::test]
async fn one_callers_panic_is_told_to_that_caller_alone() {
    let api = Api::start().await;
    let broken = api.app.store.write(|connection| -> Result<(), StoreError> {
        connection.execute_batch("CREATE TABLE half (done)")?;
        panic!("a mistake in a change")
    });
    let (broken, kept) = tokio::join!(
        broken,
        api.start_run(json!({"job_type": "t", "run_id": "r"}))
    );
    assert!(
        matches!(&broken, Err(StoreError::Panicked(reason)) if reason == "a mistake in a change"),
        "{broken:?}"
    );
    assert_eq!(kept["status"], "running");
    // More often than there are readers.
    for _ in 0..4 {
        let read = api
            .app
            .store
            .read(|_| -> Result<(), StoreError> { panic!("a mistake in a query") });
        let error = ApiError::from(read.await.unwrap_err());
        assert_eq!(error.status(), 500);
    }
    let half = api
        .app
        .store
        .read(|connection| Ok(connection.table_exists(None, "half")?));
    assert!(!half.await.unwrap(), "nothing of the change is kept");
    api.get("/codex/runs/r").await.expect(200);
}

#[tokio::test]
async fn a_full_disk_is_told_and_what_was_answered_stays() {
    let api = Api::start().await;
    let no_more_pages = api.app.store.write(|connection| {
        let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
        Ok(connection.pragma_update(None, "max_page_count", pages + 50)?)
    });
    no_more_pages.await.unwrap();
    let text = "x".repeat(20_000);
    let mut answered = 0;
    let refused = loop {
        let run =
            json!({"job_type": "t", "run_id": format!("r{answered}"), "params": {"text": text}});
        let answer = api.post("/codex/runs/start", &run).await;
        if answer.status != 200 {
            break answer.expect(507);
        }
        answered += 1;
        assert!(answered < 100, "the disk never fills");
    };
    assert!(refused["detail"].as_str().unwrap().contains("disk is full"));
    let known = api.get("/codex/runs?limit=500").await.expect(200);
    assert_eq!(known.as_array().unwrap().len(), answered);
    let folder = api.stop().await;
    let file = rusqlite::Connection::open(folder.path().join("test.db")).unwrap();
    let check: String = file
        .pragma_query_value(None, "integrity_check", |row| row.get(0))
        .unwrap();
    assert_eq!(check, "ok");
}
