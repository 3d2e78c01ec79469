//! Following a log of 50 MiB through the API.
//!
//! Always so: the reference is the same server's own plain answer of the same file, read whole.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use ureq::Agent;

use crate::Programs;
use crate::process::{Server, TOKEN, mebibytes};
use crate::table::Row;

const SIZE: usize = 50 << 20;

pub(crate) fn measure(programs: &Programs) -> anyhow::Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let log = folder.path().join("long.log");
    write_log(&log)?;
    let mut command = Command::new(&programs.millwright);
    let database = format!("sqlite://{}", folder.path().join("bench.db").display());
    command.args([
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--database",
        &database,
        "--log-root",
    ]);
    let server = Server::start(
        command
            .arg(folder.path())
            .env("TASKSGODZILLA_API_TOKEN", TOKEN),
    )?;
    let client = Client {
        agent: Agent::new_with_defaults(),
        server: &server,
    };
    client.register(&log)?;
    let before = server.peak()?;
    let followed = client.follow()?;
    let grown = server.peak()?.saturating_sub(before);
    let whole = client.read_whole()?;
    let speed = |time: Duration| format!("{:.0} MiB/s", 50.0 / time.as_secs_f64());
    Ok(vec![
        Row::new("following a log of 50 MiB", speed(followed), "").against(
            format!("one plain GET: {}", speed(whole)),
            whole.as_secs_f64() / followed.as_secs_f64(),
        ),
        Row::new(
            "the server's memory while it is followed",
            format!("+ {}", mebibytes(grown)),
            "constant",
        ),
    ])
}

fn write_log(path: &Path) -> anyhow::Result<()> {
    let line = format!("{}\n", "ö".repeat(63));
    let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
    for _ in 0..SIZE / line.len() {
        file.write_all(line.as_bytes())?;
    }
    Ok(file.flush()?)
}

struct Client<'a> {
    agent: Agent,
    server: &'a Server,
}

impl Client<'_> {
    fn register(&self, log: &Path) -> anyhow::Result<()> {
        let body = json!({ "job_type": "local", "run_id": "long", "log_path": log });
        let request = self
            .agent
            .post(format!("{}/codex/runs/start", self.server.url()));
        request
            .header("authorization", format!("Bearer {TOKEN}"))
            .send_json(body)?;
        let request = self
            .agent
            .post(format!("{}/codex/runs/long/finish", self.server.url()));
        request
            .header("authorization", format!("Bearer {TOKEN}"))
            .send_json(json!({ "status": "succeeded" }))?;
        Ok(())
    }

    /// Reads the stream to its end and gives the time that it took.
    fn follow(&self) -> anyhow::Result<Duration> {
        let begin = Instant::now();
        let (mut bytes, mut event) = (0, String::new());
        for line in BufReader::new(self.open("/codex/runs/long/logs/stream")?).lines() {
            let line = line?;
            if let Some(name) = line.strip_prefix("event:") {
                name.trim().clone_into(&mut event);
            } else if let Some(data) = line.strip_prefix("data:").filter(|_| event == "log") {
                let data: Value = serde_json::from_str(data)?;
                bytes += data["chunk"]
                    .as_str()
                    .context("a log event without a chunk")?
                    .len();
            }
        }
        ensure!(
            bytes.abs_diff(SIZE) < 1024,
            "followed {bytes} bytes of {SIZE}"
        );
        Ok(begin.elapsed())
    }

    fn read_whole(&self) -> anyhow::Result<Duration> {
        let begin = Instant::now();
        let bytes = std::io::copy(
            &mut self.open("/codex/runs/long/logs")?,
            &mut std::io::sink(),
        )?;
        ensure!(bytes > 0, "the log is empty");
        Ok(begin.elapsed())
    }

    fn open(&self, path: &str) -> anyhow::Result<impl Read + 'static> {
        let request = self.agent.get(format!("{}{path}", self.server.url()));
        let answer = request
            .header("authorization", format!("Bearer {TOKEN}"))
            .call()?;
        Ok(answer.into_body().into_reader())
    }
}
