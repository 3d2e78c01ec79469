//! `emit_tasksgodzilla_codex_refs` as its job sees it, and the scripts that register for themselves.
//!
//! Always so: what is checked is what arrived at the API, not what the step says of it.

use serde_json::{Value, json};

use crate::api::{Api, Reply, taken};
use crate::step::{FLOW, JOB, ROOT_FLOW, Step, TOKEN};

const EMIT: &str = "emit_tasksgodzilla_codex_refs";

fn upsert(name: &str, kind: &str, job: &str, resource: &str) -> String {
    let body =
        format!(r#"{{"name":"{name}","kind":"{kind}","path":"windmill://job/{job}/{resource}"}}"#);
    format!("POST /codex/runs/{JOB}/artifacts/upsert {body}")
}

#[test]
fn a_job_registers_itself_over_one_connection() {
    let api = Api::taking_everything();
    let ended = Step::named(EMIT, &json!({"run_kind": "exec", "params": {"k": 1}}))
        .in_a_job()
        .with_api(&api)
        .run()
        .exits(0);
    let start = format!(
        r#"POST /codex/runs/start {{"job_type":"windmill","run_id":"{JOB}","run_kind":"exec","params":{{"k":1}},"log_path":"windmill://job/{JOB}/logs"}}"#
    );
    let artifacts = [("logs", "log"), ("result", "result"), ("error", "error")];
    let artifacts = artifacts
        .map(|(resource, kind)| upsert(&format!("windmill.{resource}"), kind, JOB, resource));
    assert_eq!(api.calls(), [vec![start], artifacts.to_vec()].concat());
    assert_eq!(api.connections(), 1);
    assert!(
        api.authorizations()
            .iter()
            .all(|one| *one == Some(format!("Bearer {TOKEN}")))
    );
    assert_eq!(ended.stdout, "");
    assert!(
        ended.stderr.ends_with("is registered with 3 artifacts\n"),
        "{}",
        ended.stderr
    );
    assert_eq!(ended.files(), ["result.json"]);
    insta::assert_json_snapshot!("emitted", ended.result());
}

#[test]
fn as_a_flows_first_step_it_registers_the_flow_too() {
    let api = Api::taking_everything();
    let words = [
        EMIT,
        "run-a",
        "windmill_run_next_step",
        "exec",
        "3",
        "4",
        "",
        "null",
        "true",
    ];
    let ended = Step::new(words)
        .in_a_flow("tgz_emit_refs")
        .with_api(&api)
        .run()
        .exits(0);
    assert_eq!(ended.result()["run_id"], "run-a");
    let calls = api.calls();
    assert_eq!(calls.len(), 7);
    assert!(
        calls[0].contains(r#""project_id":3,"protocol_run_id":4,"log_path""#),
        "{}",
        calls[0]
    );
    for (call, resource) in calls[4..].iter().zip(["logs", "result", "error"]) {
        assert!(
            call.starts_with("POST /codex/runs/run-a/artifacts/upsert"),
            "{call}"
        );
        assert!(
            call.contains(&format!("windmill.flow.{resource}")),
            "{call}"
        );
        assert!(
            call.contains(&format!("windmill://job/{ROOT_FLOW}/{resource}")),
            "{call}"
        );
    }
}

#[test]
fn as_another_step_of_a_flow_it_registers_its_own_job_alone() {
    let api = Api::taking_everything();
    Step::new([EMIT])
        .in_a_flow("a")
        .with_api(&api)
        .run()
        .exits(0);
    assert_eq!(api.calls().len(), 4);
    assert!(!api.calls().concat().contains(FLOW));
}

#[test]
fn artifacts_are_left_out_on_request_and_listed_when_refused() {
    let api = Api::taking_everything();
    Step::named(EMIT, &json!({"attach_default_artifacts": false}))
        .in_a_job()
        .with_api(&api)
        .run()
        .exits(0);
    assert_eq!(api.calls().len(), 1);

    let api = Api::answering(|call| {
        if call.ends_with("/upsert") {
            Reply::Json(422, json!({"detail": "no such kind"}))
        } else {
            taken(call)
        }
    });
    let ended = Step::new([EMIT]).in_a_job().with_api(&api).run().exits(0);
    let error = ended.result()["artifacts"][0]["error"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        error.ends_with("the API answered 422: no such kind"),
        "{error}"
    );
    assert!(
        ended
            .stderr
            .contains("warning: windmill.logs is not registered")
    );
}

#[test]
fn outside_of_a_job_it_fails() {
    let ended = Step::new([EMIT]).run().exits(2);
    assert!(
        ended.stderr.starts_with("error: WM_JOB_ID is not set"),
        "{}",
        ended.stderr
    );
    let ended = Step::new([EMIT])
        .env("WM_JOB_ID", "../../etc")
        .run()
        .exits(2);
    assert!(
        ended
            .stderr
            .contains("WM_JOB_ID: \"../../etc\" is not a job id"),
        "{}",
        ended.stderr
    );
}

fn selection() -> Value {
    json!({"step_run_id": 5, "claim": "c", "steps": [{"step_run_id": 5, "claim": "c"}], "status": "running", "message": "m"})
}

fn selecting() -> Api {
    Api::answering(|call| {
        if call.contains("/protocols/") {
            Reply::Json(200, selection())
        } else {
            taken(call)
        }
    })
}

#[test]
fn a_script_that_is_run_by_itself_registers_and_closes_its_run() {
    let api = selecting();
    let ended = Step::new(["protocol_select_next_step", "7"])
        .in_a_job()
        .with_api(&api)
        .run()
        .exits(0);
    assert_eq!(ended.result(), selection());
    let calls = api.calls();
    assert_eq!(calls.len(), 6);
    assert!(
        calls[0].contains(r#""run_kind":"devgodzilla.protocol_select_next_step""#),
        "{}",
        calls[0]
    );
    assert_eq!(
        calls[4],
        format!(r#"POST /protocols/7/actions/run_next_step {{"holder":"{JOB}","all":false}}"#)
    );
    assert!(
        calls[5].starts_with(&format!(
            r#"POST /codex/runs/{JOB}/finish {{"status":"succeeded""#
        )),
        "{}",
        calls[5]
    );
}

#[test]
fn in_a_flow_the_same_script_registers_nothing() {
    let api = selecting();
    Step::new(["protocol_select_next_step", "7", "true"])
        .in_a_flow("select")
        .with_api(&api)
        .run()
        .exits(0);
    assert_eq!(
        api.calls(),
        [format!(
            r#"POST /protocols/7/actions/run_next_step {{"holder":"{ROOT_FLOW}/{FLOW}","all":true}}"#
        )]
    );
}

#[test]
fn a_refs_api_that_is_down_or_hangs_costs_two_seconds_at_most() {
    let protocols = selecting();
    let hanging = Api::answering(|_| Reply::Hang);
    for refs in ["http://127.0.0.1:1", &hanging.url] {
        let step = Step::new(["protocol_select_next_step", "7"]).in_a_job();
        let ended = step
            .env("TASKSGODZILLA_API_URL", refs)
            .env("DEVGODZILLA_API_URL", &protocols.url)
            .run()
            .exits(0);
        assert_eq!(ended.result()["step_run_id"], 5);
        assert!(
            ended.stderr.contains("warning: the run is not registered"),
            "{}",
            ended.stderr
        );
        assert!(ended.took.as_millis() < 2000, "it took {:?}", ended.took);
    }
}
