//! The refs API on SQLite: upserts and reads over 16 connections.
//!
//! Always so: after the upserts the server is killed with -9, and every answered one is looked for.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::Programs;
use crate::load::{Load, get, load, post};
use crate::process::{Server, TOKEN, milliseconds, python};
use crate::table::Row;

const CONNECTIONS: usize = 16;
const TIME: Duration = Duration::from_secs(4);

pub(crate) fn measure(programs: &Programs) -> anyhow::Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let server = Server::millwright(&programs.millwright, "serve", folder.path())?;
    let upserts = upsert(&server)?;
    let answered = upserts.answered.clone();
    server.kill()?;
    let server = Server::millwright(&programs.millwright, "serve", folder.path())?;
    let lost = count_lost(&server, &answered)?;
    let reads = read(&server, &answered)?;
    drop(server);
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/reference/api.py");
    let database = folder.path().join("reference.db");
    let server = Server::start(Command::new(python()?).arg(reference).arg(database))?;
    let (their_upserts, their_reads) = (upsert(&server)?, read(&server, &answered)?);
    let total: usize = answered.iter().sum();
    Ok(vec![
        row(
            "runs/start, 16 connections",
            &upserts,
            &their_upserts,
            "≥ 20,000/s, p99 < 10 ms",
        ),
        Row::new(
            "answered upserts lost by kill -9",
            format!("{lost} of {total}"),
            "0",
        ),
        row(
            "GET a run, 16 connections",
            &reads,
            &their_reads,
            "≥ 30,000/s, p99 < 10 ms",
        ),
    ])
}

fn row(what: &str, ours: &Load, theirs: &Load, target: &'static str) -> Row {
    let text = |load: &Load| {
        format!(
            "{:.0}/s, p99 {}, {} errors",
            load.per_second,
            milliseconds(load.p99),
            load.errors
        )
    };
    let reference = format!("Python http.server with sqlite3: {}", text(theirs));
    Row::new(what, text(ours), target).against(reference, ours.per_second / theirs.per_second)
}

fn run_id(connection: usize, number: usize) -> String {
    format!("bench-{connection}-{number}")
}

fn upsert(server: &Server) -> std::io::Result<Load> {
    load(server.address(), CONNECTIONS, TIME, |connection, number| {
        let run_id = run_id(connection, number);
        let body = format!(
            r#"{{"job_type":"windmill","run_id":"{run_id}","run_kind":"exec","params":{{"k":[1,2]}},"log_path":"windmill://job/01a1fd8d-0c2a-5aa4-e27d-4a6fdf9e6e24/logs"}}"#
        );
        post("/codex/runs/start", TOKEN, &body)
    })
}

fn read(server: &Server, answered: &[usize]) -> std::io::Result<Load> {
    load(server.address(), CONNECTIONS, TIME, |connection, number| {
        let run_id = run_id(connection, number % answered[connection].max(1));
        get(&format!("/codex/runs/{run_id}"), TOKEN)
    })
}

/// How many of the answered upserts a restarted server does not know.
fn count_lost(server: &Server, answered: &[usize]) -> anyhow::Result<usize> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let mut lost = 0;
    for (connection, count) in answered.iter().enumerate() {
        for number in 0..*count {
            let url = format!("{}/codex/runs/{}", server.url(), run_id(connection, number));
            let answer = agent
                .get(url)
                .header("authorization", format!("Bearer {TOKEN}"))
                .call()?;
            lost += usize::from(answer.status() != 200);
        }
    }
    Ok(lost)
}
