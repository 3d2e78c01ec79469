//! What concerns callers over HTTP: the preprocessor of what they send, and the answer that they wait for.
//!
//! Always so: the routes are called in process, without a server.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::mill_fixture::{Fixture, bash, run, yields};
use crate::mill_routes::{call, get_json};

/// A preprocessor in bash that yields what a program makes of `event`.
fn preprocessor(text: &str) -> Value {
    let mut step = bash("preprocessor", &format!("event=\"$1\"\n{text}"));
    step["value"]["input_transforms"] = json!({});
    step
}

async fn post(fixture: &Fixture, path: &str, body: &Value) -> (StatusCode, Value) {
    let mill = fixture.mill().await;
    let (status, text) = call(
        &mill.routes(),
        Method::POST,
        &format!("starter/{path}"),
        body,
    )
    .await;
    let answer = serde_json::from_str(&text).unwrap_or(Value::String(text));
    (status, answer)
}

fn seen() -> Value {
    yields("a", "[flow_input, previous_result]")
}

#[tokio::test]
async fn a_preprocessor_makes_the_inputs_of_what_was_sent() {
    let fixture = Fixture::new();
    let cat = preprocessor("printf '%s' \"$event\" > result.json");
    fixture.flow(
        "f/x/pre",
        &json!({"value": {"modules": [seen()], "preprocessor_module": cat}}),
    );
    let (status, answer) = post(
        &fixture,
        "jobs/run_wait_result/f/f/x/pre?q=1",
        &json!({"n": 1}),
    )
    .await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let event = &answer[0];
    assert_eq!(
        (&event["kind"], &event["body"], &event["query"]),
        (&json!("webhook"), &json!({"n": 1}), &json!({"q": "1"}))
    );
    assert_eq!(answer[0], answer[1]);
    let skipped = "jobs/run_wait_result/f/f/x/pre?skip_preprocessor=true";
    let (_, answer) = post(&fixture, skipped, &json!({"n": 1})).await;
    assert_eq!(answer, json!([{"n": 1}, {"n": 1}]));
}

#[tokio::test]
async fn the_job_says_that_it_was_preprocessed() {
    let fixture = Fixture::new();
    let value = |text: &str| json!({"value": {"modules": [seen()], "preprocessor_module": preprocessor(text)}});
    for (name, text, inputs) in [
        ("object", "echo '{\"m\": 2}' > result.json", json!({"m": 2})),
        ("nothing", "echo null > result.json", json!({})),
        ("text", "echo plain", json!({"value": "plain"})),
    ] {
        fixture.flow(&format!("f/x/{name}"), &value(text));
        let mill = fixture.mill().await;
        let routes = mill.routes();
        let (status, job) = call(
            &routes,
            Method::POST,
            &format!("starter/jobs/run/f/f/x/{name}"),
            &json!({}),
        )
        .await;
        assert_eq!(status, StatusCode::CREATED, "{job}");
        let result = crate::wait::until("the flow's end", async || {
            let maybe =
                get_json(&routes, &format!("jobs_u/completed/get_result_maybe/{job}")).await;
            (maybe["completed"] == true).then(|| maybe["result"].clone())
        });
        assert_eq!(result.await, json!([inputs, inputs]));
        let shown = get_json(&routes, &format!("jobs_u/get/{job}")).await;
        assert_eq!(
            (&shown["args"], &shown["preprocessed"]),
            (&inputs, &json!(true))
        );
        assert_eq!(
            shown["flow_status"]["preprocessor_module"]["type"],
            "Success"
        );
    }
}

#[tokio::test]
async fn a_preprocessor_that_fails_fails_the_flow_and_the_handler_runs() {
    let fixture = Fixture::new();
    let value = json!({"value": {
        "modules": [seen()],
        "preprocessor_module": preprocessor("exit 3"),
        "failure_module": yields("failure", "[error.exit_code, error.step_id]"),
    }});
    fixture.flow("f/x/pre", &value);
    let (status, answer) = post(&fixture, "jobs/run_wait_result/f/f/x/pre", &json!({})).await;
    assert_eq!(
        (status, answer),
        (StatusCode::UNPROCESSABLE_ENTITY, json!([3, "preprocessor"]))
    );
}

#[tokio::test]
async fn a_run_from_here_has_no_preprocessor_and_says_so() {
    let fixture = Fixture::new();
    let mill = fixture.mill().await;
    let value = json!({"modules": [seen()], "preprocessor_module": preprocessor("exit 3")});
    let started = mill
        .run_flow(
            None,
            crate::mill_fixture::flow(&value),
            serde_json::Map::new(),
        )
        .await
        .unwrap();
    assert!(
        started.notes[0].starts_with("/value/preprocessor_module: left out"),
        "{:?}",
        started.notes
    );
    assert!(started.wait().await.unwrap().success);
    let foreign = json!({"value": {"modules": [seen()], "preprocessor_module": {"id": "preprocessor", "value": {
        "type": "rawscript", "language": "bun", "content": "export function preprocessor(event: any) { return event }",
        "input_transforms": {},
    }}}});
    fixture.flow("f/x/foreign", &foreign);
    let end = run(&mill, &foreign["value"], &json!({})).await;
    assert!(end.success, "{}", end.result);
    let (status, answer) = post(&fixture, "jobs/run/f/f/x/foreign", &json!({})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(
        answer
            .as_str()
            .unwrap()
            .contains("no `preprocessor` in `bun`"),
        "{answer}"
    );
    let wrong =
        json!({"modules": [], "preprocessor_module": {"id": "pre", "value": {"type": "identity"}}});
    let reasons = crate::mill_fixture::refused(&mill, &wrong).await;
    assert_eq!(reasons.len(), 2, "{reasons:?}");
}

#[tokio::test]
async fn a_caller_gets_the_step_that_answers_early_and_the_flow_goes_on() {
    let fixture = Fixture::new();
    let go = fixture.folder("work").join("go");
    let wait = format!(
        "while [ ! -e {} ]; do sleep 0.01; done; echo late",
        go.display()
    );
    let value = json!({"value": {"early_return": "a", "modules": [bash("a", "echo early"), bash("b", &wait)]}});
    fixture.flow("f/x/early", &value);
    let mill = fixture.mill().await;
    let routes = mill.routes();
    let path = "starter/jobs/run_wait_result/f/f/x/early";
    let (status, text) = call(&routes, Method::POST, path, &json!({})).await;
    assert_eq!((status, text.as_str()), (StatusCode::OK, "\"early\""));
    let listed = get_json(&routes, "jobs/list?script_path_exact=f/x/early").await;
    assert_eq!(listed[0]["type"], "QueuedJob");
    std::fs::write(go, "").unwrap();
    let job = listed[0]["id"].as_str().unwrap();
    let result = crate::wait::until("the flow's end", async || {
        let maybe = get_json(&routes, &format!("jobs_u/completed/get_result_maybe/{job}")).await;
        (maybe["completed"] == true).then(|| maybe["result"].clone())
    });
    assert_eq!(result.await, "late");
    // It does not concern the run.
    let end = run(&mill, &value["value"], &json!({})).await;
    assert_eq!(*end.result, "late");
}

#[tokio::test]
async fn an_early_answer_that_never_comes_is_the_flows_own() {
    let fixture = Fixture::new();
    let mut step = bash("a", "exit 3");
    fixture.flow(
        "f/x/early",
        &json!({"value": {"early_return": "b", "modules": [step.clone(), bash("b", "echo b")]}}),
    );
    let (status, answer) = post(&fixture, "jobs/run_wait_result/f/f/x/early", &json!({})).await;
    assert_eq!(
        (status, &answer["error"]["step_id"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("a"))
    );
    step["continue_on_error"] = true.into();
    fixture.flow(
        "f/x/early",
        &json!({"value": {"early_return": "a", "modules": [step, bash("b", "echo b")]}}),
    );
    let (status, _) = post(&fixture, "jobs/run_wait_result/f/f/x/early", &json!({})).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_result_may_say_how_it_is_answered() {
    let fixture = Fixture::new();
    fixture.script("u/x/teapot", "echo '{\"windmill_status_code\": 418, \"windmill_headers\": {\"x-tea\": \"yes\"}, \"result\": {\"t\": 1}}' > result.json");
    let (status, answer) = post(&fixture, "jobs/run_wait_result/p/u/x/teapot", &Value::Null).await;
    assert_eq!((status, answer), (StatusCode::IM_A_TEAPOT, json!({"t": 1})));
    fixture.script(
        "u/x/text",
        "echo '{\"windmill_content_type\": \"text/csv\", \"result\": \"a,b\"}' > result.json",
    );
    let (status, answer) = post(&fixture, "jobs/run_wait_result/p/u/x/text", &Value::Null).await;
    assert_eq!((status, answer), (StatusCode::OK, json!("a,b")));
    let (status, _) = post(&fixture, "jobs/run_wait_result/p/u/x/none", &Value::Null).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}
