//! `millwright runs backfill`: flows that ran while the API was away.
//!
//! Always so: the jobs are a double's, and the command is a process of its own.

use std::process::{Command, Output};

use axum::http::StatusCode;
use millwright_core::refs::JobId;
use serde_json::{Value, json};

use crate::api_fixture::Api;
use crate::reconciliation_fixture::watched;
use crate::windmill_double::{Asked, Job, TOKEN, Windmill};

/// An API that was away while flows ran.
struct Missed {
    windmill: Windmill,
    api: Api,
}

impl Missed {
    async fn new() -> Self {
        let (windmill, api) = watched().await;
        Self { windmill, api }
    }

    /// A flow's job that ended, whose emit step failed.
    fn flow(&self, more: &Value) -> (JobId, JobId) {
        let emit = self.windmill.put(Job {
            ended: Some(json!({"error": {"message": "no answer"}})),
            failed: true,
            said: json!({"is_flow_step": true, "script_path": "u/devgodzilla/emit_tasksgodzilla_codex_refs"}),
            ..Job::default()
        });
        let mut said = json!({
            "job_kind": "flow", "script_path": "f/devgodzilla/run_next_step", "created_at": "2026-11-21T10:00:00Z",
            "args": {"protocol_run_id": 7, "project_id": 0, "tgz_run_id": "", "tgz_params": {"why": "test"}},
            "flow_status": {"step": 1, "modules": [{"id": "tgz_emit_refs", "type": "Failure", "job": emit}]},
        });
        for (key, value) in more.as_object().unwrap() {
            said[key] = value.clone();
        }
        let flow = self.windmill.put(Job {
            ended: Some(json!({"n": 1})),
            said,
            ..Job::default()
        });
        (flow, emit)
    }

    async fn backfill(&self, url: &str, arguments: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_millwright"));
        command
            .args(["runs", "backfill"])
            .args(arguments.split_whitespace());
        command
            .env("TASKSGODZILLA_API_URL", &self.api.address)
            .env("TASKSGODZILLA_WINDMILL_URL", url)
            .env("TASKSGODZILLA_WINDMILL_TOKEN", TOKEN)
            .env("TASKSGODZILLA_WINDMILL_WORKSPACE", "starter")
            .env("WMILL_CONFIG_DIR", self.api.folder.path())
            .env_remove("WMILL_TOKEN")
            .env_remove("TASKSGODZILLA_API_TOKEN");
        let output = tokio::task::spawn_blocking(move || command.output());
        output.await.unwrap().unwrap()
    }

    /// What the command says as JSON.
    async fn told(&self, arguments: &str) -> Value {
        let url = self.windmill.url();
        let arguments = format!("--from-windmill --since 2020-01-01 --json {arguments}");
        let output = self.backfill(&url, &arguments).await;
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{stderr}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    async fn counts(&self) -> [usize; 4] {
        let told = self.told("").await;
        let length = |key: &str| told[key].as_array().unwrap().len();
        let count = |key: &str| usize::try_from(told[key].as_u64().unwrap()).unwrap();
        [
            length("registered"),
            count("known"),
            count("waiting"),
            length("taken"),
        ]
    }

    async fn runs(&self) -> usize {
        let runs = self.api.get("/codex/runs?limit=500").await.expect(200);
        runs.as_array().unwrap().len()
    }
}

#[tokio::test]
async fn a_flow_that_could_not_register_is_registered_as_it_would_have_done() {
    let missed = Missed::new().await;
    let (flow, emit) = missed.flow(&json!({}));
    let told = missed.told("--dry-run").await;
    assert_eq!(told["registered"][0]["run_id"], json!(emit));
    assert_eq!(missed.runs().await, 0, "it was only said");
    let told = missed.told("").await;
    assert_eq!(told["registered"][0]["status"], "succeeded", "{told}");
    let run = missed.api.closed(&emit.to_string()).await;
    for (key, value) in [
        ("job_type", json!("windmill_run_next_step")),
        ("run_kind", json!("exec")),
        ("log_path", json!(format!("windmill://job/{emit}/logs"))),
        ("params", json!({"why": "test"})),
        ("result", json!({"n": 1})),
        ("finished_at", json!("2026-11-21T10:26:34.641475+00:00")),
    ] {
        assert_eq!(run[key], value, "{key}");
    }
    let artifacts = missed
        .api
        .get(&format!("/codex/runs/{emit}/artifacts"))
        .await
        .expect(200);
    let of = |job: JobId| {
        let paths = artifacts
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["path"].to_string());
        paths.filter(|path| path.contains(&job.to_string())).count()
    };
    assert_eq!((of(flow), of(emit)), (3, 3));
    assert_eq!(missed.counts().await, [0, 1, 0, 0], "it is left alone now");
    let filtered = missed
        .api
        .get(&format!("/codex/runs?job={flow}"))
        .await
        .expect(200);
    assert_eq!(filtered.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_registers_itself_or_is_not_ours_is_left_alone() {
    let missed = Missed::new().await;
    let other = json!({"script_path": "f/devgodzilla/mine"});
    let round =
        json!({"script_path": "f/devgodzilla/full_protocol/loop-1", "job_kind": "flowpreview"});
    missed.flow(&other);
    missed.flow(&round);
    let (queued, _) = missed.flow(&json!({"flow_status": {"modules": [{"id": "tgz_emit_refs", "type": "WaitingForPriorSteps"}]}}));
    let (emitting, _) = missed.flow(&json!({"flow_status": {"modules": [{"id": "tgz_emit_refs", "type": "InProgress", "job": queued}]}}));
    let (running, _) = missed.flow(&json!({}));
    for job in [queued, emitting, running] {
        missed.windmill.change(job, |job| job.ended = None);
        missed
            .windmill
            .change(job, |job| job.said["type"] = json!("QueuedJob"));
    }
    assert_eq!(
        missed.counts().await,
        [1, 0, 2, 0],
        "the one that came past its first step"
    );
    assert_eq!(missed.runs().await, 1);
}

#[tokio::test]
async fn a_flow_that_never_began_has_a_run_of_its_own() {
    let missed = Missed::new().await;
    let (flow, _) = missed.flow(
        &json!({"flow_status": null, "success": false, "canceled": true, "started_at": null}),
    );
    assert_eq!(missed.counts().await, [1, 0, 0, 0]);
    let run = missed.api.closed(&flow.to_string()).await;
    assert_eq!(run["status"], "cancelled");
}

#[tokio::test]
async fn an_id_that_a_caller_chose_is_kept_and_never_taken_from_another_run() {
    let missed = Missed::new().await;
    let chosen = json!({"args": {"protocol_run_id": 7, "tgz_run_id": "mine"}});
    missed.flow(&chosen);
    assert_eq!(missed.counts().await, [1, 0, 0, 0]);
    missed.api.closed("mine").await;
    missed.flow(&chosen);
    assert_eq!(missed.counts().await, [0, 1, 0, 1]);
    assert_eq!(missed.runs().await, 1);
}

#[tokio::test]
async fn a_run_that_waits_for_a_flow_to_name_itself_follows_it() {
    let missed = Missed::new().await;
    let start = json!({"run_id": "mine", "job_type": "windmill_run_next_step"});
    let started = missed.api.post("/codex/runs/start", &start).await;
    started.expect(200);
    missed.flow(&json!({"args": {"protocol_run_id": 7, "tgz_run_id": "mine"}}));
    assert_eq!(missed.counts().await, [1, 0, 0, 0]);
    assert_eq!(missed.api.closed("mine").await["status"], "succeeded");
    assert_eq!(missed.runs().await, 1);
}

#[tokio::test]
async fn a_job_that_is_refused_is_named_and_the_others_are_registered() {
    let missed = Missed::new().await;
    let (gone, _) = missed.flow(&json!({}));
    missed
        .windmill
        .change(gone, |job| job.broken = Some(StatusCode::NOT_FOUND));
    let (_, emit) = missed.flow(&json!({}));
    let url = missed.windmill.url();
    let output = missed
        .backfill(&url, "--from-windmill --since 2020-01-01")
        .await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let named = format!("job {gone} is not registered: ");
    assert!(said.contains(&named), "{said}");
    assert_eq!(
        missed.api.closed(&emit.to_string()).await["status"],
        "succeeded"
    );
}

#[tokio::test]
async fn many_are_found_page_by_page_since_a_time_and_by_several_commands_at_once() {
    let missed = Missed::new().await;
    missed.windmill.list_by(4);
    for minute in 0..10 {
        missed.flow(&json!({"created_at": format!("2026-11-21T10:{minute:02}:00Z")}));
    }
    missed.flow(&json!({"created_at": "2019-01-01T00:00:00Z"}));
    let suspended =
        json!({"created_at": "2021-01-01T00:00:00Z", "flow_status": null, "type": "QueuedJob"});
    let (suspended, _) = missed.flow(&suspended);
    missed.windmill.change(suspended, |job| job.ended = None);
    let (one, other) = tokio::join!(missed.told(""), missed.told(""));
    let count = |told: &Value| {
        assert_eq!(told["waiting"], 1, "the one that waits for long hides none");
        told["registered"].as_array().unwrap().len() as u64 + told["known"].as_u64().unwrap()
    };
    assert_eq!((count(&one), count(&other)), (10, 10));
    assert_eq!(missed.runs().await, 10);
    assert_eq!(missed.counts().await, [0, 10, 1, 0]);
    let lists = missed
        .windmill
        .take_asked()
        .into_iter()
        .filter(|asked| *asked == Asked::List);
    assert_eq!(lists.count(), 3 * 6);
}

#[tokio::test]
async fn what_is_wrong_is_said_with_what_to_do() {
    let missed = Missed::new().await;
    missed.flow(&json!({}));
    let url = missed.windmill.url();
    let says = async |url: &str, arguments: &str, code: i32| {
        let output = missed.backfill(url, arguments).await;
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments}: {stderr}");
        stderr
    };
    assert!(says(&url, "", 2).await.contains("--from-windmill"));
    let since = says(&url, "--from-windmill --since soon", 2).await;
    assert!(since.contains("use a duration such as 12h"), "{since}");
    let away = says("http://127.0.0.1:9", "--from-windmill", 3).await;
    assert!(away.contains("no answer from Windmill"), "{away}");
    let api = says(
        &url,
        "--from-windmill --since 2020-01-01 --api http://127.0.0.1:9",
        3,
    )
    .await;
    assert!(api.contains("no answer from http://127.0.0.1:9"), "{api}");
    missed.windmill.rename("other");
    let workspace = says(&url, "--from-windmill --since 1h", 2).await;
    assert!(
        workspace.contains("has no workspace \"starter\""),
        "{workspace}"
    );
    for (fault, told) in [
        ((StatusCode::UNAUTHORIZED, "no"), "refused the token"),
        ((StatusCode::OK, "<html>"), "a page of HTML"),
    ] {
        missed.windmill.fail_with(Some(fault));
        let said = says(&url, "--from-windmill", 3).await;
        assert!(said.contains(told), "{said}");
    }
    assert_eq!(missed.runs().await, 0);
}
