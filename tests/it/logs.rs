//! Logs: whole, in parts, and as they come, of files, of the mill's jobs and of Windmill's.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use futures_util::StreamExt;
use millwright::server::ServerOptions;
use millwright::store::jobs;
use millwright_core::refs::JobId;
use proptest::prelude::*;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api_fixture::{Answer, Api};
use crate::windmill_double::{self, Job, Windmill};

impl Api {
    /// An API that reads files below its folder, and asks a Windmill.
    async fn with(windmill: Option<&str>) -> Self {
        let windmill = windmill.map(|url| windmill_double::options(url, windmill_double::TOKEN));
        Self::start_with(|folder| ServerOptions {
            log_roots: vec![folder.to_owned()],
            windmill,
            ..ServerOptions::default()
        })
        .await
    }

    async fn run_with_log(&self, run_id: &str, log_path: &str) {
        let run = json!({"job_type": "t", "run_id": run_id, "log_path": log_path});
        self.post("/codex/runs/start", &run).await.expect(200);
    }

    async fn run_of_job(&self, run_id: &str, job: JobId) {
        self.run_with_log(run_id, &format!("windmill://job/{job}/logs"))
            .await;
    }

    async fn artifact(&self, run_id: &str, name: &str, path: &str) -> String {
        let body = json!({"name": name, "kind": "x", "path": path});
        let artifact = self
            .post(&format!("/codex/runs/{run_id}/artifacts/upsert"), &body)
            .await
            .expect(200);
        format!("/codex/runs/{run_id}/artifacts/{}/content", artifact["id"])
    }

    async fn tail(&self, run_id: &str, offset: u64, more: &str) -> Value {
        self.get(&format!(
            "/codex/runs/{run_id}/logs/tail?offset={offset}{more}"
        ))
        .await
        .expect(200)
    }

    /// A log put together from its parts.
    async fn tail_through(&self, run_id: &str, most: u32) -> String {
        let (mut log, mut offset) = (String::new(), 0);
        loop {
            let tail = self
                .tail(run_id, offset, &format!("&max_bytes={most}"))
                .await;
            assert_eq!(tail["offset"], offset);
            log.push_str(tail["chunk"].as_str().unwrap());
            offset = tail["next_offset"].as_u64().unwrap();
            assert_eq!(offset, log.len() as u64);
            if tail["eof"] == true {
                return log;
            }
        }
    }

    /// The events of a stream, up to its end.
    async fn stream(&self, run_id: &str, more: &str, last_event_id: Option<u64>) -> Vec<Sent> {
        let mut request = self.request(
            Method::GET,
            &format!("/codex/runs/{run_id}/logs/stream{more}"),
        );
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let Answer {
            status,
            headers,
            text,
        } = self.send(request).await;
        assert_eq!(status, 200, "{text}");
        assert_eq!(headers["content-type"], "text/event-stream");
        text.split_terminator("\n\n")
            .filter(|frame| !frame.starts_with(':'))
            .map(Sent::parse)
            .collect()
    }
}

/// An event that was sent.
#[derive(Debug)]
struct Sent {
    event: String,
    id: Option<u64>,
    data: Value,
}

impl Sent {
    fn parse(frame: &str) -> Self {
        let field = |name: &str| {
            frame
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .map(str::trim)
        };
        Self {
            event: field("event:").unwrap_or_default().to_owned(),
            id: field("id:").map(|id| id.parse().unwrap()),
            data: serde_json::from_str(field("data:").unwrap()).unwrap(),
        }
    }
}

fn text_of(events: &[Sent]) -> String {
    let logs = events.iter().filter(|sent| sent.event == "log");
    logs.map(|sent| sent.data["chunk"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn files_are_read_below_a_log_root_alone() {
    let api = Api::with(None).await;
    let root = api.folder.path();
    fs::write(root.join("here.log"), "hello\n").unwrap();
    symlink("/etc/passwd", root.join("link.log")).unwrap();
    api.run_with_log("here", "here.log").await;
    assert_eq!(api.get("/codex/runs/here/logs").await.text, "hello\n");
    for (run_id, path) in [
        ("passwd", "/etc/passwd"),
        ("link", "link.log"),
        ("up", "../../../../../../etc/passwd"),
        (
            "around",
            &root.join("../../etc/passwd").display().to_string(),
        ),
        ("other", "windmill://job/../../etc/passwd/logs"),
    ] {
        api.run_with_log(run_id, path).await;
        for part in ["", "/tail", "/stream"] {
            let answer = api.get(&format!("/codex/runs/{run_id}/logs{part}")).await;
            assert!(!answer.text.contains("root:"), "{path}");
            answer.expect(404);
        }
        let content = api.artifact(run_id, "a", path).await;
        api.get(&content).await.expect(404);
    }
}

#[tokio::test]
async fn an_artifacts_file_is_what_its_name_says() {
    let api = Api::with(None).await;
    fs::write(api.folder.path().join("report.json"), "{\"a\":1}").unwrap();
    fs::write(api.folder.path().join("page.html"), "<script>").unwrap();
    api.run_with_log("r", "none").await;
    let report = api.artifact("r", "report", "report.json").await;
    assert_eq!(api.get(&report).await.expect(200), json!({"a": 1}));
    let page = api.artifact("r", "page", "page.html").await;
    let page = api.get(&page).await;
    assert_eq!(page.headers["content-type"], "application/octet-stream");
    let missing = api.artifact("r", "missing", "none.txt").await;
    api.get(&missing).await.expect(404);
}

#[tokio::test]
async fn a_file_is_followed_to_the_runs_end_and_resumed() {
    let api = Api::with(None).await;
    let path = api.folder.path().join("live.log");
    fs::write(&path, "one\n").unwrap();
    api.run_with_log("r", "live.log").await;
    let writing = async {
        // The reader has the first line before the second is there, and that before the run ends.
        let mut stream = api
            .request(Method::GET, "/codex/runs/r/logs/stream")
            .send()
            .await
            .unwrap()
            .bytes_stream();
        let first = stream.next().await.unwrap().unwrap();
        assert!(String::from_utf8_lossy(&first).contains("one"));
        fs::write(&path, "one\ntw\u{f6}\n").unwrap();
        let second = stream.next().await.unwrap().unwrap();
        assert!(String::from_utf8_lossy(&second).contains("tw\u{f6}"));
    };
    tokio::time::timeout(Duration::from_secs(10), writing)
        .await
        .unwrap();
    api.post("/codex/runs/r/finish", &json!({"status": "failed"}))
        .await
        .expect(200);
    let whole = api.stream("r", "", None).await;
    assert_eq!(text_of(&whole), "one\ntw\u{f6}\n");
    assert_eq!(whole.last().unwrap().event, "end");
    assert_eq!(
        whole.last().unwrap().data,
        json!({"run_id": "r", "status": "failed"})
    );
    assert_eq!(whole[0].id, Some(9));
    for (more, last_event_id) in [
        ("?offset=4", None),
        ("", Some(4)),
        ("?offset=0", Some(4)),
        ("?offset=7", None),
    ] {
        let resumed = api.stream("r", more, last_event_id).await;
        let expected = if more == "?offset=7" {
            "\u{f6}\n"
        } else {
            "tw\u{f6}\n"
        };
        assert_eq!(text_of(&resumed), expected, "{more} {last_event_id:?}");
    }
}

#[tokio::test]
async fn a_quiet_stream_is_kept_alive_and_ends_with_the_server() {
    let api = Api::start_with(|_| ServerOptions {
        keep_alive: Some(Duration::from_millis(20)),
        ..ServerOptions::default()
    })
    .await;
    api.run_with_log("r", "none.log").await;
    let mut stream = api
        .request(Method::GET, "/codex/runs/r/logs/stream")
        .send()
        .await
        .unwrap()
        .bytes_stream();
    let alive = stream.next().await.unwrap().unwrap();
    assert_eq!(alive, ": keep-alive\n\n");
    api.app.closing.cancel();
    let rest = tokio::time::timeout(Duration::from_secs(5), stream.collect::<Vec<_>>())
        .await
        .unwrap();
    assert!(
        rest.iter()
            .flatten()
            .all(|part| !part.starts_with(b"event: end"))
    );
}

/// A job of the mill.
struct MillJob {
    id: JobId,
    flow_status: Option<Value>,
}

impl MillJob {
    fn new() -> Self {
        Self {
            id: JobId(Uuid::now_v7()),
            flow_status: None,
        }
    }

    async fn begin(&self, api: &Api) {
        let job = jobs::NewJob {
            id: self.id,
            workspace: "starter".into(),
            kind: if self.flow_status.is_some() {
                jobs::JobKind::Flow
            } else {
                jobs::JobKind::Script
            },
            state: jobs::JobState::Running,
            parent: None,
            root: self.id,
            step_id: None,
            path: None,
            script_hash: None,
            language: None,
            created_by: "me".into(),
            owner: "1:1".into(),
            args: "{}".into(),
            raw_flow: None,
            flow_status: self.flow_status.as_ref().map(Value::to_string),
        };
        api.app
            .store
            .write(move |connection| jobs::insert(connection, &job))
            .await
            .unwrap();
    }

    async fn log(&self, api: &Api, text: &str) {
        let (id, text) = (self.id, text.to_owned());
        api.app
            .store
            .write(move |connection| jobs::append_log(connection, id, &text))
            .await
            .unwrap();
    }

    async fn set_status(&self, api: &Api, status: &Value) {
        let (id, status) = (self.id, status.to_string());
        api.app
            .store
            .write(move |connection| jobs::set_flow_status(connection, id, &status))
            .await
            .unwrap();
    }

    async fn end(&self, api: &Api, success: bool, result: Value) {
        let id = self.id;
        let completion = jobs::Completion {
            success,
            skipped: false,
            result: result.to_string(),
            flow_status: None,
            log: String::new(),
        };
        api.app
            .store
            .write(move |connection| jobs::complete(connection, id, &completion))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_mill_jobs_log_result_and_error() {
    let api = Api::with(None).await;
    let job = MillJob::new();
    job.begin(&api).await;
    job.log(&api, "h\u{e9}llo\n").await;
    api.run_of_job("r", job.id).await;
    let result = api
        .artifact(
            "r",
            "windmill.result",
            &format!("windmill://job/{}/result", job.id),
        )
        .await;
    let error = api
        .artifact(
            "r",
            "windmill.error",
            &format!("windmill://job/{}/error", job.id),
        )
        .await;
    let logs = api
        .artifact(
            "r",
            "windmill.logs",
            &format!("windmill://job/{}/logs", job.id),
        )
        .await;
    let early = api.get(&result).await.expect(409);
    assert!(
        early["detail"]
            .as_str()
            .unwrap()
            .contains("has not finished"),
        "{early}"
    );
    job.end(
        &api,
        false,
        json!({"error": {"name": "E", "message": "no"}}),
    )
    .await;
    assert_eq!(
        api.get(&result).await.expect(200),
        json!({"error": {"name": "E", "message": "no"}})
    );
    assert_eq!(
        api.get(&error).await.expect(200),
        json!({"name": "E", "message": "no"})
    );
    assert_eq!(api.get(&logs).await.text, "h\u{e9}llo\n");
    let events = api.stream("r", "", None).await;
    assert_eq!(text_of(&events), "h\u{e9}llo\n");
    assert_eq!(events.last().unwrap().data["status"], "failed");
    let run = api.get("/codex/runs/r").await.expect(200);
    assert_eq!(run["status"], "failed", "the stream's end is the run's");

    let good = MillJob::new();
    good.begin(&api).await;
    good.end(&api, true, json!(1)).await;
    let error = api
        .artifact("r", "other", &format!("windmill://job/{}/error", good.id))
        .await;
    api.get(&error).await.expect(404);
}

fn status(modules: &Value) -> Value {
    json!({"step": 0, "modules": modules, "failure_module": {"id": "failure", "type": "WaitingForPriorSteps"}})
}

#[tokio::test]
async fn a_flows_log_is_its_story_and_only_grows() {
    let api = Api::with(None).await;
    let [emit, first, second, round] = [(); 4].map(|()| MillJob::new());
    let inner = MillJob {
        flow_status: Some(status(
            &json!([{"id": "x", "job": round.id, "type": "Success"}]),
        )),
        ..MillJob::new()
    };
    let waiting = json!([{"id": "a", "job": first.id, "type": "InProgress"}, {"id": "b", "type": "WaitingForPriorSteps"}]);
    let flow = MillJob {
        flow_status: Some(status(&waiting)),
        ..MillJob::new()
    };
    for job in [&emit, &flow, &first] {
        job.begin(&api).await;
    }
    api.run_of_job("r", emit.id).await;
    for resource in ["logs", "result"] {
        api.artifact(
            "r",
            &format!("windmill.flow.{resource}"),
            &format!("windmill://job/{}/{resource}", flow.id),
        )
        .await;
    }
    emit.log(&api, "emitted\n").await;
    first.log(&api, "first, no newline").await;
    let begin = api.tail_through("r", 1024).await;
    assert!(
        begin.contains(&format!(
            "=== a | job {} | running   ===\nfirst, no",
            first.id
        )),
        "{begin}"
    );

    first.end(&api, true, json!(1)).await;
    for job in [&second, &round, &inner] {
        job.begin(&api).await;
    }
    // Two rounds at once: the second's text waits for the first's end.
    let at_work = json!([
        {"id": "a", "job": first.id, "type": "Success"},
        {"id": "b", "flow_jobs": [second.id, inner.id], "job": inner.id, "type": "InProgress"},
    ]);
    flow.set_status(&api, &status(&at_work)).await;
    round.log(&api, "round\n").await;
    second.log(&api, "second\n").await;
    let middle = api.tail_through("r", 1024).await;
    assert_eq!(
        json!(middle.len()),
        api.tail("r", 1 << 40, "").await["offset"]
    );
    assert!(!middle.contains("round"), "{middle}");

    second.end(&api, true, json!(1)).await;
    round.end(&api, true, json!(1)).await;
    inner.end(&api, true, json!(1)).await;
    flow.log(&api, "Flow job completed with error\n").await;
    flow.end(&api, false, json!({"error": {"message": "why"}}))
        .await;
    let whole = api.tail_through("r", 1024).await;
    let story = [
        format!(
            "=== a | job {} | succeeded ===\nfirst, no newline\n",
            first.id
        ),
        format!("=== b/0 | job {} | succeeded ===\nsecond\n", second.id),
        format!("=== b/1/x | job {} | succeeded ===\nround\n", round.id),
        format!(
            "=== flow | job {} | failed    ===\nFlow job completed with error\n",
            flow.id
        ),
    ];
    assert_eq!(whole, story.concat());
    assert_eq!(api.get("/codex/runs/r/logs").await.text, whole);
    assert_eq!(text_of(&api.stream("r", "", None).await), whole);
    for earlier in [begin, middle] {
        let rest = api.tail("r", earlier.len() as u64, "").await;
        assert_eq!(
            rest["chunk"],
            whole[earlier.len()..],
            "an offset means the same place for ever"
        );
    }
    assert_eq!(
        api.get("/codex/runs/r/logs?source=job").await.text,
        "emitted\n"
    );
    assert_eq!(
        api.get("/codex/runs/r").await.expect(200)["status"],
        "failed",
        "the flow's job says so"
    );
}

#[tokio::test]
async fn a_windmill_jobs_log_and_result() {
    let (windmill, url) = Windmill::start().await;
    let api = Api::with(Some(&url)).await;
    let job = windmill.put(Job {
        log: "tick \u{e9} 1\n".into(),
        ..Job::default()
    });
    api.run_of_job("r", job).await;
    assert_eq!(api.tail("r", 0, "").await["chunk"], "tick \u{e9} 1\n");
    windmill.change(job, |job| job.log.push_str("tick 2\n"));
    assert_eq!(api.tail("r", 10, "").await["chunk"], "tick 2\n");
    assert_eq!(windmill.given(), 16, "no character is asked for twice");
    windmill.change(job, |job| job.ended = Some(json!({"ticks": 2})));
    let events = api.stream("r", "?offset=6", None).await;
    assert_eq!(
        text_of(&events),
        "\u{e9} 1\ntick 2\n",
        "inside a character: from its beginning"
    );
    assert_eq!(events.last().unwrap().data["status"], "succeeded");
    assert_eq!(
        api.get("/codex/runs/r").await.expect(200)["result"],
        json!({"ticks": 2})
    );
    let result = api
        .artifact(
            "r",
            "windmill.result",
            &format!("windmill://job/{job}/result"),
        )
        .await;
    assert_eq!(api.get(&result).await.expect(200), json!({"ticks": 2}));
}

#[tokio::test]
async fn what_windmill_moved_to_files_is_read_from_there() {
    let (windmill, url) = Windmill::start().await;
    let api = Api::with(Some(&url)).await;
    let job = windmill.put(Job {
        moved: 10,
        ended: Some(Value::Null),
        ..Job::default()
    });
    let line = |name: &str| {
        format!("\n[windmill] Previous logs have been saved to disk at logs/{job}/{name}")
    };
    windmill.change(job, |moved| moved.log = line("2_20.txt") + "\nthree\n");
    api.run_of_job("r", job).await;
    assert_eq!(
        api.get("/codex/runs/r/logs").await.text,
        line("2_20.txt") + "\nthree\n",
        "where the file is not there"
    );
    windmill.put_file(format!("{job}/2_20.txt"), line("1_10.txt") + "\ntwo");
    windmill.put_file(format!("{job}/1_10.txt"), "one".into());
    api.run_of_job("again", job).await;
    assert_eq!(
        api.get("/codex/runs/again/logs").await.text,
        "one\ntwo\nthree\n"
    );
    assert_eq!(api.tail_through("again", 1024).await, "one\ntwo\nthree\n");
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn parts_of_any_text_make_the_text(
        pieces in prop::collection::vec("([a-z\\n\"\\\\]|[\u{e9}\u{2192}\u{1d11e}]){0,900}", 1..5),
        most in 1024_u32..1100,
        offset: prop::sample::Index,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (windmill, url) = Windmill::start().await;
            let api = Api::with(Some(&url)).await;
            let text = pieces.concat();
            fs::write(api.folder.path().join("a.log"), &text).unwrap();
            let there = windmill.put(Job { log: text.clone(), ended: Some(Value::Null), ..Job::default() });
            let here = MillJob::new();
            here.begin(&api).await;
            for piece in &pieces {
                here.log(&api, piece).await;
            }
            here.end(&api, true, Value::Null).await;
            api.run_with_log("file", "a.log").await;
            api.run_of_job("windmill", there).await;
            api.run_of_job("mill", here.id).await;
            let from = text.floor_char_boundary(offset.index(text.len() + 1));
            for run_id in ["file", "windmill", "mill"] {
                assert_eq!(api.tail_through(run_id, most).await, text, "{run_id}");
                let rest = api.tail(run_id, from as u64, "&max_bytes=1048576").await;
                assert_eq!(rest["chunk"], text[from..], "{run_id}");
            }
        });
    }
}
