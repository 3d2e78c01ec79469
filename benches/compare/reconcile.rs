//! Closing a thousand runs whose jobs have ended in Windmill.
//!
//! Always so: the reference asks the same double for the same jobs, one after another, and finishes the runs over the API.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::ensure;
use axum::extract::Path as Segment;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use ureq::Agent;

use crate::Programs;
use crate::process::{Server, TOKEN, milliseconds};
use crate::table::Row;

const RUNS: u32 = 1000;

pub(crate) fn measure(programs: &Programs) -> anyhow::Result<Vec<Row>> {
    let runtime = Runtime::new()?;
    let windmill = runtime.block_on(double())?;
    let (ours, theirs) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let agent = Agent::new_with_defaults();
    for folder in [&ours, &theirs] {
        register(&agent, &start(programs, folder.path(), None)?)?;
    }
    let begin = Instant::now();
    let server = start(programs, ours.path(), Some(&windmill))?;
    while is_open(&agent, &server)? {
        ensure!(begin.elapsed() < Duration::from_mins(2), "runs stay open");
        thread::sleep(Duration::from_millis(5));
    }
    let closed = begin.elapsed();
    let server = start(programs, theirs.path(), None)?;
    let begin = Instant::now();
    one_by_one(&agent, &server, &windmill)?;
    let reference = begin.elapsed();
    Ok(vec![
        Row::new(
            "closing 1,000 runs whose jobs have ended in Windmill, from the server's start",
            milliseconds(closed),
            "< 3 s",
        )
        .against(
            format!(
                "asking and finishing one by one: {}",
                milliseconds(reference)
            ),
            reference.as_secs_f64() / closed.as_secs_f64(),
        ),
    ])
}

/// A Windmill in which every job has ended.
async fn double() -> anyhow::Result<String> {
    let job = async |Segment(id): Segment<String>| {
        Json(json!({
            "type": "CompletedJob", "id": id, "success": true, "canceled": false, "is_skipped": false,
            "started_at": "2026-11-21T10:26:28.599931Z", "completed_at": "2026-11-21T10:26:34.641475Z",
        }))
    };
    let result = async || {
        Json(json!({"started": true, "success": true, "completed": true, "result": {"n": 1}}))
    };
    let routes = Router::new()
        .route("/jobs/queue/list", get(async || Json(json!([]))))
        .route("/jobs_u/get/{id}", get(job))
        .route("/jobs_u/completed/get_result_maybe/{id}", get(result));
    let service = Router::new().nest("/api/w/starter", routes);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, service).await });
    Ok(url)
}

fn start(programs: &Programs, folder: &Path, windmill: Option<&str>) -> anyhow::Result<Server> {
    let database = format!("sqlite://{}", folder.join("bench.db").display());
    let mut command = Command::new(&programs.millwright);
    command.args(["serve", "--listen", "127.0.0.1:0", "--database", &database]);
    command
        .current_dir(folder)
        .env("TASKSGODZILLA_API_TOKEN", TOKEN);
    match windmill {
        Some(url) => command.env("TASKSGODZILLA_WINDMILL_URL", url),
        None => command.env_remove("TASKSGODZILLA_WINDMILL_URL"),
    };
    Server::start(&mut command)
}

fn job(number: u32) -> String {
    format!("01a1fda4-be93-0685-2bbb-{number:012x}")
}

fn register(agent: &Agent, server: &Server) -> anyhow::Result<()> {
    for number in 0..RUNS {
        let log_path = format!("windmill://job/{}/logs", job(number));
        let run = json!({"job_type": "windmill", "run_id": job(number), "log_path": log_path});
        post(agent, server, "start", &run)?;
    }
    Ok(())
}

fn is_open(agent: &Agent, server: &Server) -> anyhow::Result<bool> {
    let url = format!("{}/codex/runs?status=running&limit=1", server.url());
    let request = agent
        .get(url)
        .header("authorization", format!("Bearer {TOKEN}"));
    let runs: Value = request.call()?.body_mut().read_json()?;
    Ok(runs != json!([]))
}

fn one_by_one(agent: &Agent, server: &Server, windmill: &str) -> anyhow::Result<()> {
    for number in 0..RUNS {
        let ask = |route: &str| -> anyhow::Result<Value> {
            let url = format!("{windmill}/api/w/starter/jobs_u/{route}/{}", job(number));
            Ok(agent.get(url).call()?.body_mut().read_json()?)
        };
        ensure!(ask("get")?["success"] == true, "a job that has not ended");
        let result = ask("completed/get_result_maybe")?;
        let end = json!({"status": "succeeded", "result": result["result"]});
        post(agent, server, &format!("{}/finish", job(number)), &end)?;
    }
    Ok(())
}

fn post(agent: &Agent, server: &Server, route: &str, body: &Value) -> anyhow::Result<()> {
    let url = format!("{}/codex/runs/{route}", server.url());
    let request = agent
        .post(url)
        .header("authorization", format!("Bearer {TOKEN}"));
    request.send_json(body)?;
    Ok(())
}
