//! What the executable does when the API does not do what it should.
//!
//! Always so: a fault is a real one, on a real socket.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use crate::api::{Api, Reply, taken};
use crate::step::{Ended, Step, TOKEN};

const EMIT: &str = "emit_tasksgodzilla_codex_refs";

fn emit(api: &Api) -> Ended {
    Step::new([EMIT]).in_a_job().with_api(api).run()
}

/// An API that does `fault` with the first request and works from then on.
fn at_first(fault: fn() -> Reply) -> Api {
    let asked = AtomicUsize::new(0);
    Api::answering(move |call| {
        if asked.fetch_add(1, Ordering::SeqCst) == 0 {
            fault()
        } else {
            taken(call)
        }
    })
}

#[test]
fn what_passes_is_tried_again() {
    for fault in [
        || Reply::Close,
        || Reply::HalfAndClose,
        || Reply::Json(503, json!({"detail": "starting"})),
    ] {
        let api = at_first(fault);
        emit(&api).exits(0);
        assert_eq!(api.calls().len(), 5);
    }
}

#[test]
fn what_does_not_pass_is_told_at_once() {
    let api = at_first(|| Reply::Json(500, json!({"detail": "the disk is on fire"})));
    let ended = emit(&api).exits(3);
    assert_eq!(
        ended.stderr,
        "error: POST /codex/runs/start: the API answered 500: the disk is on fire\n"
    );
    assert_eq!(
        ended.result(),
        json!({"name": "ApiError", "message": "POST /codex/runs/start: the API answered 500: the disk is on fire", "status_code": 500})
    );
    assert_eq!(api.calls().len(), 1);
}

#[test]
fn an_api_that_is_down_is_named() {
    let ended = Step::new([EMIT])
        .in_a_job()
        .env("TASKSGODZILLA_API_URL", "http://127.0.0.1:1")
        .run()
        .exits(3);
    assert_eq!(
        ended.stderr,
        "error: POST /codex/runs/start: no answer from http://127.0.0.1:1: connection refused\n"
    );
    assert!(ended.took.as_secs() < 2, "it took {:?}", ended.took);
}

#[test]
fn a_redirect_is_not_followed_and_the_token_not_carried_on() {
    let elsewhere = Api::taking_everything();
    let target = format!("{}/x?hush", elsewhere.url);
    let api = Api::answering(move |_| Reply::Redirect(target.clone()));
    let ended = emit(&api).exits(3);
    let message = format!(
        "answered 307: it redirects to {}/x; name the API by the address that it has",
        elsewhere.url
    );
    assert!(ended.stderr.contains(&message), "{}", ended.stderr);
    assert_eq!(elsewhere.connections(), 0);
}

#[test]
fn the_token_is_never_shown() {
    let api = Api::answering(|_| {
        Reply::Json(
            401,
            json!({"detail": format!("Bearer {TOKEN} is not good")}),
        )
    });
    let ended = emit(&api).exits(3);
    assert!(
        ended.stderr.contains("Bearer *** is not good"),
        "{}",
        ended.stderr
    );
    assert!(!ended.result().to_string().contains(TOKEN));
    for bad in ["two words", "line\nend", "grün"] {
        let ended = Step::new([EMIT])
            .in_a_job()
            .with_api(&api)
            .env("TASKSGODZILLA_API_TOKEN", bad)
            .run()
            .exits(2);
        assert!(!ended.stderr.contains(bad), "{}", ended.stderr);
    }
}

#[test]
fn an_answer_of_another_shape_is_named() {
    let api = Api::answering(|_| Reply::Json(200, json!({"run": 1})));
    let ended = emit(&api).exits(3);
    assert!(
        ended
            .stderr
            .contains("is not understood: missing field `run_id`"),
        "{}",
        ended.stderr
    );
}

#[test]
fn an_address_that_is_none_is_named() {
    let ended = Step::new([EMIT])
        .in_a_job()
        .env("TASKSGODZILLA_API_URL", "tasksgodzilla-api:8011")
        .run()
        .exits(2);
    assert!(
        ended
            .stderr
            .contains("TASKSGODZILLA_API_URL is no address of an API: it does not begin with http"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_failed_execution_fails_the_step() {
    let api = Api::answering(|call| {
        if call.starts_with("GET /executions/") {
            Reply::Json(
                200,
                json!({"execution_id": 9, "status": "failed", "result": null, "error": {"name": "EngineError", "message": "it broke"}}),
            )
        } else {
            Reply::Json(
                202,
                json!({"execution_id": 9, "step_run_id": 5, "kind": "execute", "status": "running"}),
            )
        }
    });
    let ended = Step::new(["step_execute_api", "5", "c"])
        .in_a_flow("a")
        .with_api(&api)
        .run()
        .exits(1);
    assert_eq!(ended.result()["message"], "the execution failed: it broke");
    assert_eq!(ended.result()["error"]["name"], "EngineError");
    assert_eq!(
        api.calls()[0],
        r#"POST /steps/5/actions/execute {"claim":"c"}"#
    );
}
