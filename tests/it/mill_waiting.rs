//! Flows that wait for people: yes, no, nobody, and who may say so.
//!
//! Always so: a flow is answered only once it waits, unless a test says otherwise.

use axum::http::{Method, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use millwright::mill::{Change, Event, Mill, Said, Started, Waits, say};
use millwright::store::jobs::{self, Cancellation};
use millwright_core::refs::JobId;
use serde_json::{Map, Value, json};
use tokio::sync::broadcast::Receiver;

use crate::mill_fixture::{Fixture, bash, flow, run, yields};
use crate::mill_routes::{call, get, get_json};

/// A step after which the flow waits, and one that says what was answered.
fn asks(suspend: &Value) -> Value {
    let mut first = bash("a", "echo first");
    first["suspend"] = suspend.clone();
    json!({"modules": [first, yields("b", "[resume, resumes, approvers, previous_result]")]})
}

/// A flow that waits, and the job of the step after which it does.
struct Waiting {
    mill: Mill,
    started: Started,
    events: Receiver<Event>,
}

impl Waiting {
    async fn begin(mill: &Mill, value: &Value) -> Self {
        let events = mill.watch();
        let started = mill.run_flow(None, flow(value), Map::new()).await.unwrap();
        Self {
            mill: mill.clone(),
            started,
            events,
        }
    }

    /// The flow, round or branch that waits next.
    async fn next(&mut self) -> (JobId, Waits) {
        loop {
            let event = self.events.recv().await.unwrap();
            if let Change::Waits(waits) = event.change {
                return (event.job, waits);
            }
        }
    }

    async fn step(&self, flow: JobId) -> JobId {
        let found = self
            .mill
            .store()
            .read(move |connection| jobs::waiting_at(connection, flow));
        found.await.unwrap()[0].job
    }

    async fn urls(&self, resume_id: u32, approver: &str) -> Value {
        let step = self.step(self.started.job).await;
        let path = format!("jobs/resume_urls/{step}/{resume_id}?approver={approver}");
        get_json(&self.mill.routes(), &path).await
    }

    async fn result(self) -> (bool, Value) {
        let end = self.started.wait().await.unwrap();
        (end.success, (*end.result).clone())
    }
}

/// The part of a route's address that tests call.
fn path_of(url: &Value) -> String {
    let url = url.as_str().unwrap();
    url.split_once("/api/w/").unwrap().1.to_owned()
}

fn yes(value: Value) -> Said {
    Said {
        approved: true,
        value,
        approver: None,
    }
}

#[tokio::test]
async fn a_flow_goes_on_when_enough_people_have_agreed() {
    let fixture = Fixture::new();
    let mill = fixture.mill().await;
    let routes = mill.routes();
    let form = json!({"schema": {"properties": {"n": {"type": "number"}}}});
    let suspend =
        json!({"required_events": 2, "timeout": 60, "resume_form": form, "hide_cancel": true});
    let mut waiting = Waiting::begin(&mill, &asks(&suspend)).await;
    let (job, waits) = waiting.next().await;
    assert_eq!(job, waiting.started.job);
    assert_eq!((waits.step_id.as_str(), waits.required), ("a", 2));
    assert_eq!((waits.limit.as_secs(), waits.hide_cancel), (60, true));
    assert_eq!(waits.form, Some(form["schema"].clone()));

    let shown = get_json(&routes, &format!("jobs_u/get/{job}")).await;
    let step = waiting.step(job).await;
    assert_eq!(
        shown["flow_status"]["modules"][1],
        json!({"id": "b", "type": "WaitingForEvents", "count": 2, "job": step})
    );
    assert_eq!(
        (&shown["suspend"], &shown["running"]),
        (&json!(2), &json!(true))
    );

    let urls = waiting.urls(1, "ada").await;
    let first = call(
        &routes,
        Method::POST,
        &path_of(&urls["resume"]),
        &json!({"n": 1}),
    )
    .await;
    assert_eq!(first.0, StatusCode::CREATED, "{}", first.1);
    let again = call(
        &routes,
        Method::POST,
        &path_of(&urls["resume"]),
        &json!({"n": 9}),
    )
    .await;
    assert_eq!(again.0, StatusCode::BAD_REQUEST);
    assert!(again.1.contains("already sent"), "{}", again.1);
    let shown = get_json(&routes, &format!("jobs_u/get/{job}")).await;
    assert_eq!(shown["suspend"], 1);

    let urls = waiting.urls(2, "grace%20h").await;
    let payload = URL_SAFE.encode(r#"{"n": 2}"#);
    let address = format!("{}&payload={payload}", path_of(&urls["resume"]));
    let second = call(&routes, Method::GET, &address, &Value::Null).await;
    assert_eq!(second.0, StatusCode::CREATED, "{}", second.1);

    let said = json!([{"n": 2}, [{"n": 1}, {"n": 2}], ["ada", "grace h"], "first"]);
    assert_eq!(waiting.result().await, (true, said));
    let shown = get_json(&routes, &format!("jobs_u/get/{job}")).await;
    assert_eq!(
        shown["flow_status"]["modules"][0]["approvers"],
        json!([{"resume_id": 1, "approver": "ada"}, {"resume_id": 2, "approver": "grace h"}])
    );
}

#[tokio::test]
async fn one_no_ends_the_flow_and_the_handler_hears_of_it() {
    let fixture = Fixture::new();
    let mill = fixture.mill().await;
    let mut value = asks(&json!({"required_events": 1}));
    value["failure_module"] = yields("failure", "[error.name, error.message]");
    let mut waiting = Waiting::begin(&mill, &value).await;
    let (job, waits) = waiting.next().await;
    assert_eq!(waits.limit.as_secs(), 1800);
    let urls = waiting.urls(1, "ada").await;
    let no = call(
        &mill.routes(),
        Method::POST,
        &path_of(&urls["cancel"]),
        &Value::Null,
    )
    .await;
    assert_eq!(no.0, StatusCode::CREATED, "{}", no.1);
    let error = json!(["SuspendedDisapproved", "Disapproved by ada"]);
    assert_eq!(waiting.result().await, (false, error));
    let shown = get_json(&mill.routes(), &format!("jobs_u/get/{job}")).await;
    assert_eq!(shown["flow_status"]["modules"][1]["type"], "Failure");
}

#[tokio::test]
async fn a_flow_may_go_on_after_no_and_after_nobody() {
    let fixture = Fixture::new();
    let mill = fixture.mill().await;
    let suspend = json!({"required_events": 1, "continue_on_disapprove_timeout": true});
    let mut waiting = Waiting::begin(&mill, &asks(&suspend)).await;
    let (flow, _) = waiting.next().await;
    let no = Said {
        approved: false,
        value: json!("why"),
        approver: Some("ada".to_owned()),
    };
    mill.answer(flow, no).await.unwrap();
    let error = json!({"error": {"name": "SuspendedDisapproved", "message": "Disapproved by ada"}});
    let said = json!([error, ["why", error], ["ada"], "first"]);
    assert_eq!(waiting.result().await, (true, said));

    let suspend =
        json!({"required_events": 1, "timeout": 0, "continue_on_disapprove_timeout": true});
    let end = run(&mill, &asks(&suspend), &json!({})).await;
    let error = json!({"error": {"name": "SuspendedTimedOut", "message": "Timed out waiting to be resumed"}});
    assert_eq!(*end.result, json!([error, [error], [], "first"]));
}

#[tokio::test]
async fn nobody_in_time_fails_the_flow() {
    let fixture = Fixture::new();
    let mill = fixture.mill().await;
    let suspend = json!({"required_events": 1, "timeout": 0});
    let end = run(&mill, &asks(&suspend), &json!({})).await;
    let error = json!({"name": "SuspendedTimedOut", "message": "Timed out waiting to be resumed"});
    assert_eq!(
        (end.success, &*end.result),
        (false, &json!({"error": error}))
    );
    let mut value = asks(&suspend);
    value["modules"][1]["continue_on_error"] = true.into();
    let end = run(&mill, &value, &json!({})).await;
    assert_eq!(
        (end.success, &*end.result),
        (true, &json!({"error": error}))
    );
}

#[tokio::test]
async fn nothing_waits_after_the_last_step_a_failed_one_or_without_a_number() {
    let fixture = Fixture::new();
    let mill = fixture.mill().await;
    let suspend = json!({"required_events": 1});
    let mut last = bash("a", "echo last");
    last["suspend"] = suspend.clone();
    assert_eq!(
        *run(&mill, &json!({"modules": [last]}), &json!({}))
            .await
            .result,
        "last"
    );
    let mut failed = bash("a", "exit 3");
    failed["suspend"] = suspend;
    failed["continue_on_error"] = true.into();
    let value = json!({"modules": [failed, yields("b", "[resume, resumes, approvers]")]});
    assert_eq!(
        *run(&mill, &value, &json!({})).await.result,
        json!([null, [], []])
    );
    let end = run(&mill, &asks(&json!({"required_events": 0})), &json!({})).await;
    assert_eq!(*end.result, json!([null, [], [], "first"]));
}

#[tokio::test]
async fn an_answer_may_come_before_the_flow_waits() {
    let fixture = Fixture::new();
    let mill = fixture.mill().await;
    let go = fixture.folder("go").join("on");
    let text = format!("while [ ! -e {} ]; do sleep 0.01; done", go.display());
    let mut value = asks(&json!({"required_events": 1}));
    value["modules"][0]["value"]["content"] = text.into();
    let mut waiting = Waiting::begin(&mill, &value).await;
    let step = loop {
        let event = waiting.events.recv().await.unwrap();
        if event.label == "a" {
            break event.job;
        }
    };
    let urls = get_json(&mill.routes(), &format!("jobs/resume_urls/{step}/7")).await;
    let early = call(
        &mill.routes(),
        Method::POST,
        &path_of(&urls["resume"]),
        &json!("early"),
    )
    .await;
    assert_eq!(early.0, StatusCode::CREATED, "{}", early.1);
    std::fs::write(go, "").unwrap();
    let said = json!(["early", ["early"], ["anonymous"], ""]);
    assert_eq!(waiting.result().await, (true, said));
}

#[tokio::test]
async fn after_a_flow_inside_it_an_answer_by_address_is_taken() {
    let fixture = Fixture::new();
    fixture.flow(
        "f/team/inner",
        &json!({"value": {"modules": [bash("x", "echo inner")]}}),
    );
    let mill = fixture.mill().await;
    let value = json!({"modules": [
        {"id": "a", "suspend": {"required_events": 1}, "value": {"type": "flow", "path": "f/team/inner", "input_transforms": {}}},
        bash("b", "echo on"),
    ]});
    let mut waiting = Waiting::begin(&mill, &value).await;
    waiting.next().await;
    let urls = waiting.urls(1, "ada").await;
    let answered = call(
        &mill.routes(),
        Method::POST,
        &path_of(&urls["resume"]),
        &json!(null),
    )
    .await;
    assert_eq!(answered.0, StatusCode::CREATED, "{}", answered.1);
    assert_eq!(waiting.result().await, (true, json!("on")));
}

#[tokio::test]
async fn a_signature_opens_one_answer_and_no_other() {
    let fixture = Fixture::new();
    let mill = fixture.mill().await;
    let routes = mill.routes();
    let mut waiting = Waiting::begin(&mill, &asks(&json!({"required_events": 1}))).await;
    let (flow, _) = waiting.next().await;
    let step = waiting.step(flow).await;
    let (_, signature) = get(
        &routes,
        &format!("jobs/job_signature/{step}/3?approver=ada"),
    )
    .await;
    let place =
        |id: &str, query: &str| format!("starter/jobs_u/resume/{step}/{id}/{signature}{query}");
    for wrong in [
        place("3", ""),
        place("4", "?approver=ada"),
        place("3", "?approver=eve"),
    ] {
        let (status, text) = call(&routes, Method::POST, &wrong, &Value::Null).await;
        assert_eq!(
            (status, text.as_str()),
            (StatusCode::BAD_REQUEST, "Bad request: Invalid signature")
        );
    }
    let other = place("3", "?approver=ada").replace("starter/", "other/");
    assert_eq!(
        call(&routes, Method::POST, &other, &Value::Null).await.0,
        StatusCode::BAD_REQUEST
    );
    let bad = call(
        &routes,
        Method::GET,
        &place("3", "?approver=ada&payload=%21"),
        &Value::Null,
    )
    .await;
    assert_eq!(bad.0, StatusCode::BAD_REQUEST, "{}", bad.1);
    let seen = get_json(
        &routes,
        &format!("jobs_u/get_flow/{step}/3/{signature}?approver=ada"),
    )
    .await;
    assert_eq!(
        (&seen["job"]["id"], &seen["approvers"]),
        (&json!(flow), &json!([]))
    );
    let right = call(
        &routes,
        Method::POST,
        &place("3", "?approver=ada"),
        &Value::Null,
    )
    .await;
    assert_eq!(right.0, StatusCode::CREATED, "{}", right.1);
    assert!(waiting.result().await.0);
    let late = call(
        &routes,
        Method::POST,
        &place("3", "?approver=ada"),
        &Value::Null,
    )
    .await;
    assert_eq!(late.0, StatusCode::NOT_FOUND, "{}", late.1);
}

#[tokio::test]
async fn the_flow_itself_can_be_resumed() {
    let fixture = Fixture::new();
    let mill = fixture.mill().await;
    let mut waiting = Waiting::begin(&mill, &asks(&json!({"required_events": 1}))).await;
    let (flow, _) = waiting.next().await;
    let path = format!("starter/jobs/flow/resume/{flow}");
    let (status, text) = call(&mill.routes(), Method::POST, &path, &json!({"ok": 1})).await;
    assert_eq!(status, StatusCode::CREATED, "{text}");
    let said = json!([{"ok": 1}, [{"ok": 1}], ["admin"], "first"]);
    assert_eq!(waiting.result().await, (true, said));
    let (status, text) = call(&mill.routes(), Method::POST, &path, &Value::Null).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(text.contains("not in a suspended state"), "{text}");
}

#[tokio::test]
async fn another_process_can_answer_through_the_database() {
    let fixture = Fixture::new();
    let mill = fixture.mill().await;
    let mut waiting = Waiting::begin(&mill, &asks(&json!({"required_events": 1}))).await;
    let (flow, _) = waiting.next().await;
    let elsewhere = fixture.store();
    let found = elsewhere.read(move |connection| jobs::waiting_at(connection, flow));
    let found = found.await.unwrap().remove(0);
    assert_eq!(found.step_id.as_deref(), Some("a"));
    let said = yes(json!("from elsewhere"));
    elsewhere
        .write(move |connection| say(connection, &found, &said))
        .await
        .unwrap();
    assert_eq!(waiting.result().await.1[0], "from elsewhere");
}

#[tokio::test]
async fn rounds_wait_each_for_its_own_answer() {
    let fixture = Fixture::new();
    let mill = fixture.mill().await;
    let mut ask = yields("x", "flow_input.iter.value");
    ask["suspend"] = json!({"required_events": 1});
    let value = json!({"modules": [{"id": "l", "value": {
        "type": "forloopflow", "parallel": true, "skip_failures": false,
        "iterator": {"type": "static", "value": ["p", "q"]},
        "modules": [ask, yields("y", "[results.x, resume]")],
    }}]});
    let mut waiting = Waiting::begin(&mill, &value).await;
    let rounds = [waiting.next().await.0, waiting.next().await.0];
    let root = waiting.started.job;
    let all = mill
        .store()
        .read(move |connection| jobs::waiting_at(connection, root))
        .await
        .unwrap();
    assert_eq!(all.len(), 2);
    for round in rounds {
        let shown = get_json(&mill.routes(), &format!("jobs_u/get/{round}")).await;
        let mine = shown["args"]["iter"]["value"].clone();
        mill.answer(round, yes(mine)).await.unwrap();
    }
    assert_eq!(
        waiting.result().await,
        (true, json!([["p", "p"], ["q", "q"]]))
    );
}

#[tokio::test]
async fn a_flow_that_waits_can_be_cancelled() {
    let fixture = Fixture::new();
    let mill = fixture.mill().await;
    let mut waiting = Waiting::begin(&mill, &asks(&json!({"required_events": 1}))).await;
    let (flow, _) = waiting.next().await;
    let wish = Cancellation {
        by: "ada".to_owned(),
        reason: "enough".to_owned(),
    };
    mill.cancel(flow, wish).await.unwrap();
    let (success, result) = waiting.result().await;
    assert_eq!(
        (success, &result["error"]["name"]),
        (false, &json!("Canceled"))
    );
    let none = mill.answer(flow, yes(Value::Null)).await;
    assert!(none.unwrap_err().to_string().contains("flow that waits"));
}
