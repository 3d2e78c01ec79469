//! Logs whose source is away, or breaks off.
//!
//! Always so: no text is lost, and no secret is told.

use axum::http::StatusCode;
use millwright::server::ServerOptions;
use millwright_core::refs::JobId;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api_fixture::Api;
use crate::log_fixture::text_of;
use crate::windmill_double::{self, Job, Windmill};

#[tokio::test]
async fn a_story_goes_on_where_an_error_broke_it_off() {
    let (windmill, url) = Windmill::start().await;
    let api = Api::with(Some(&url)).await;
    let step = |log: &str| Job {
        log: log.into(),
        ended: Some(Value::Null),
        ..Job::default()
    };
    let [a, b] = ["first\n", "second\n"].map(|log| windmill.put(step(log)));
    let modules =
        json!([{"id": "a", "job": a, "type": "Success"}, {"id": "b", "job": b, "type": "Success"}]);
    let flow = windmill.put(Job {
        flow_status: Some(json!({"step": 0, "modules": modules})),
        ..step("flow\n")
    });
    windmill.change(b, |job| {
        job.broken = Some(StatusCode::INTERNAL_SERVER_ERROR);
    });
    api.run_of_job("r", flow).await;
    let begin = api.stream("r", "", None).await;
    assert_eq!(begin.last().unwrap().event, "error");
    let begin = text_of(&begin);
    windmill.change(b, |job| job.broken = None);
    let rest = api.tail("r", begin.len() as u64, "").await;
    let whole = api.get("/codex/runs/r/logs").await.text;
    assert!(whole.contains("second"), "{whole}");
    assert_eq!(begin + rest["chunk"].as_str().unwrap(), whole);
}

#[tokio::test]
async fn an_answer_that_broke_off_is_asked_for_again() {
    let (windmill, url) = Windmill::start().await;
    let api = Api::with(Some(&url)).await;
    let job = windmill.put(Job {
        log: "again\n".into(),
        times: 40_000,
        ended: Some(Value::Null),
        cut: true,
        ..Job::default()
    });
    api.run_of_job("r", job).await;
    let events = api.stream("r", "", None).await;
    assert_eq!(events.last().unwrap().event, "error");
    windmill.change(job, |job| job.cut = false);
    let begin = text_of(&events);
    assert!(!begin.is_empty());
    let rest = api
        .tail("r", begin.len() as u64, "&max_bytes=1048576")
        .await;
    let whole = begin + rest["chunk"].as_str().unwrap();
    assert!(whole == "again\n".repeat(40_000), "{}", whole.len());
}

#[tokio::test]
async fn a_windmill_that_cannot_be_asked_is_told_apart() {
    let unknown = JobId(Uuid::now_v7());
    let without = Api::with(None).await;
    without.run_of_job("r", unknown).await;
    let said = without.get("/codex/runs/r/logs").await.expect(503);
    assert!(
        said["detail"]
            .as_str()
            .unwrap()
            .contains("TASKSGODZILLA_WINDMILL_URL"),
        "{said}"
    );

    let (_windmill, url) = Windmill::start().await;
    let with = Api::with(Some(&url)).await;
    with.run_of_job("r", unknown).await;
    with.get("/codex/runs/r/logs").await.expect(404);
    with.get("/codex/runs/r/logs/stream").await.expect(404);

    let secret = "a-secret-token";
    let refused = Api::start_with(|_| ServerOptions {
        windmill: Some(windmill_double::options(&url, secret)),
        ..ServerOptions::default()
    })
    .await;
    refused.run_of_job("r", unknown).await;
    let said = refused.get("/codex/runs/r/logs").await;
    assert!(said.text.contains("TASKSGODZILLA_WINDMILL_TOKEN") && !said.text.contains(secret));
    said.expect(502);

    let gone = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let unreachable = Api::with(Some(&format!("http://{gone}"))).await;
    unreachable.run_of_job("r", unknown).await;
    let said = unreachable.get("/codex/runs/r/logs/tail").await;
    assert!(
        said.text.contains("refused") && !said.text.contains(windmill_double::TOKEN),
        "{}",
        said.text
    );
    said.expect(502);
}
