//! `millwright run --on windmill`: streams as they were recorded, and as they go wrong; and what Ctrl-C does.
//!
//! Always so: the command is a process, and what it asked for is read from the server.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use axum::http::StatusCode;
use rustix::fs::OFlags;
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::json;
use tempfile::TempDir;

use crate::deploy_fixture::{Said, run};
use crate::process::millwright;
use crate::stream_double::{FIRST, FLOW, PATH, Part, SECOND, Streams, frames, recorded};
use crate::windmill_double::TOKEN;

/// A server with streams, and a folder in which the command runs.
struct There {
    streams: Streams,
    url: String,
    folder: TempDir,
}

impl There {
    async fn new() -> Self {
        let (streams, url) = Streams::start().await;
        let folder = tempfile::tempdir().unwrap();
        Self {
            streams,
            url,
            folder,
        }
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = millwright(self.folder.path(), &["run", "--on", "windmill"]);
        command
            .args(arguments.split_whitespace())
            .args(["--base-url", &self.url, "--workspace", "starter"])
            .env("WMILL_TOKEN", TOKEN)
            .env("TASKSGODZILLA_WINDMILL_TIMEOUT_SECONDS", "0.4")
            .stdin(Stdio::null());
        command
    }

    async fn ends(&self, exit: i32, arguments: &str) -> Said {
        let said = run(self.command(arguments)).await;
        assert_eq!(
            said.exit, exit,
            "{arguments}: {}\n{}",
            said.stdout, said.stderr
        );
        said
    }

    /// The flow runs one script, whose stream the test writes.
    fn flow_of_one(&self) {
        let [begun, _, _, ended] = recorded("flow_ok").try_into().unwrap();
        let ended = ended.replace(&format!(", \"job\": \"{SECOND}\""), "");
        self.streams.brings(FLOW, frames(&[begun, ended]));
    }
}

fn update(fields: &serde_json::Value) -> String {
    let mut frame = json!({"type": "update"});
    let members = fields.as_object().unwrap().clone();
    frame.as_object_mut().unwrap().extend(members);
    format!("data: {frame}\n\n")
}

fn banner() -> String {
    update(
        &json!({"new_logs": "job=1 tag=bun worker=w\n\n--- BUN CODE EXECUTION ---\n\n", "log_offset": 50}),
    )
}

fn end_of_job() -> String {
    recorded("job_ok")
        .pop()
        .unwrap()
        .replace("\"new_logs\":\"\\ntick 7\",\"log_offset\":169,", "")
}

#[tokio::test]
async fn a_recorded_flow_is_shown_as_one_of_the_mill() {
    let there = There::new().await;
    there.streams.bring_recorded();
    let said = there.ends(0, PATH).await;
    let url = &there.url;
    let expected = format!(
        "job {FLOW}: {url}/run/{FLOW}?workspace=starter\n▸ {PATH}\n  ✓ a 7.03 s\n  ✓ b 7.03 s\n✓ {PATH} 3.10 s\n"
    );
    assert_eq!(said.stderr, expected);
    assert_eq!(
        said.stdout,
        "{\n  \"count\": 1,\n  \"greeting\": \"hello 3\"\n}\n"
    );
    there.streams.bring_recorded();
    let said = there.ends(0, &format!("{PATH} --json --logs")).await;
    let ticks = |step: &str| {
        (1..=7).fold(String::new(), |text, n| {
            format!("{text}{step} | tick {n}\n")
        })
    };
    assert_eq!(said.stderr, ticks("a") + &ticks("b"));
    assert_eq!(said.stdout, "{\"count\":1,\"greeting\":\"hello 3\"}\n");
}

#[tokio::test]
async fn a_stream_that_breaks_goes_on_where_it_broke() {
    let there = There::new().await;
    there.flow_of_one();
    let line = update(&json!({"new_logs": "grüße 1\n", "log_offset": 58}));
    let (one, two) = line.as_bytes().split_at(line.find('ü').unwrap() + 1);
    let cut = vec![
        Part::Bytes(b": a comment\n\ndata: {\"type\":\"ping\"}\n\n".to_vec()),
        Part::Bytes(banner().into_bytes()),
        Part::Bytes(one.to_vec()),
        Part::Bytes(two.to_vec()),
        Part::Bytes(b"data: {\"type\":\"update\",\"new_logs\":\"half a fr".to_vec()),
        Part::Break,
    ];
    there.streams.brings(FIRST, cut);
    let second = update(&json!({"new_logs": "line 2\n", "log_offset": 65}));
    there.streams.brings(
        FIRST,
        frames(&[
            second,
            update(&json!({})),
            "data: {\"type\":\"timeout\"}\n\n".to_owned(),
        ]),
    );
    there.streams.brings(
        FIRST,
        frames(&[
            update(&json!({"new_logs": "line 3", "log_offset": 71})),
            end_of_job(),
        ]),
    );
    let said = there.ends(0, &format!("{PATH} --json --logs")).await;
    assert_eq!(said.stderr, "a | grüße 1\na | line 2\na | line 3\n");
    let asked = there
        .streams
        .asked(&format!("GET jobs_u/getupdate_sse/{FIRST}"));
    let offsets: Vec<&str> = asked
        .iter()
        .map(|asked| asked.rsplit('=').next().unwrap())
        .collect();
    assert_eq!(offsets, ["0", "58", "65"]);
}

#[tokio::test]
async fn what_is_said_while_a_server_starts_anew_is_waited_out() {
    let there = There::new().await;
    let page = "<html>no such site</html>";
    for status in [StatusCode::NOT_FOUND, StatusCode::OK] {
        there.streams.brings(FLOW, vec![Part::Answer(status, page)]);
    }
    there.streams.bring_recorded();
    there.ends(0, PATH).await;
}

#[tokio::test]
async fn a_job_that_is_deleted_from_a_flow_does_not_end_the_following() {
    let there = There::new().await;
    there.streams.brings(FLOW, frames(&recorded("flow_ok")));
    there.streams.brings(FIRST, frames(&recorded("not_found")));
    there.streams.brings(SECOND, frames(&recorded("job_ok")));
    let said = there.ends(0, PATH).await;
    for line in ["✗ a 0.00 s: Windmill has this job no more", "✓ b 7.03 s"] {
        assert!(said.stderr.contains(line), "{}", said.stderr);
    }
}

#[tokio::test]
async fn a_flow_that_can_no_longer_be_followed_goes_on() {
    let there = There::new().await;
    there.streams.brings(FLOW, frames(&recorded("not_found")));
    let said = there.ends(3, PATH).await;
    assert!(said.stderr.contains("Job not found"), "{}", said.stderr);

    let mut there = There::new().await;
    let url = there.url.clone();
    there.url = url.replace("http://", "http://me:hush@");
    there.streams.brings(FLOW, vec![Part::Hold]);
    let command = there.command(PATH);
    let streams = there.streams.clone();
    let (said, ()) = tokio::join!(run(command), async {
        streams.held_open().await;
        streams.stop();
        streams.resume();
    });
    assert_eq!(said.exit, 3, "{}", said.stderr);
    assert!(
        said.stderr.contains("no answer from Windmill"),
        "{}",
        said.stderr
    );
    let again = format!("--on windmill --follow {FLOW} --base-url {url} --workspace starter");
    assert!(said.stderr.contains(&again), "{}", said.stderr);
    assert!(!said.stderr.contains("hush"), "{}", said.stderr);
}

#[tokio::test]
async fn what_is_no_windmill_is_told_with_what_to_do() {
    for (route, status, text, exit, told) in [
        (
            "GET flows/get",
            StatusCode::OK,
            "<!doctype html>",
            3,
            "a page of HTML",
        ),
        (
            "GET flows/get",
            StatusCode::UNAUTHORIZED,
            "Unauthorized",
            3,
            "refused the token",
        ),
        (
            "GET flows/get",
            StatusCode::NOT_FOUND,
            "Not found",
            2,
            "millwright deploy --apply",
        ),
        (
            "POST jobs/run",
            StatusCode::BAD_REQUEST,
            "Bad request: no",
            3,
            "Bad request: no",
        ),
        (
            "POST jobs/run",
            StatusCode::CREATED,
            "<html>",
            3,
            "it is no job's id",
        ),
        (
            "GET jobs_u/getupdate_sse",
            StatusCode::OK,
            "<html>",
            3,
            "no stream of events",
        ),
    ] {
        let there = There::new().await;
        there.streams.answers(route, status, text);
        let said = there.ends(exit, PATH).await;
        assert!(said.stderr.contains(told), "{route}: {}", said.stderr);
        assert!(!said.stderr.contains(TOKEN));
    }
    let there = There::new().await;
    there
        .streams
        .answers("GET flows/get", StatusCode::NOT_FOUND, "Not found");
    there
        .streams
        .answers("POST /api/workspaces/exists", StatusCode::OK, "false");
    let said = there.ends(2, PATH).await;
    assert!(
        said.stderr.contains("has no workspace \"starter\""),
        "{}",
        said.stderr
    );
    let said = there.ends(2, "flow.json").await;
    assert!(said.stderr.contains("is a file"), "{}", said.stderr);
    let said = there.ends(2, "f/../x").await;
    assert!(
        said.stderr.contains("is no path of a workspace"),
        "{}",
        said.stderr
    );
}

/// A terminal, at which the command is.
struct Terminal {
    master: File,
    said: String,
}

impl Terminal {
    /// Has a command be at a new terminal.
    fn of(command: &mut Command) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY;
        let end = rustix::fs::open(name.as_c_str(), flags, rustix::fs::Mode::empty()).unwrap();
        command.stdin(end.try_clone().unwrap()).stderr(end);
        command.stdout(Stdio::null());
        Self {
            master: File::from(master),
            said: String::new(),
        }
    }

    /// Reads until it says this.
    fn until(&mut self, text: &str) {
        let mut bytes = [0; 4096];
        while !self.said.contains(text) {
            let count = self.master.read(&mut bytes);
            let count =
                count.unwrap_or_else(|error| panic!("{error}: no {text:?} in {}", self.said));
            self.said
                .push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
        self.said.clear();
    }
}

/// Interrupts a command at a terminal, answers as it is said, and gives how it ends.
async fn interrupted(
    there: &There,
    dialogue: impl FnOnce(&mut Terminal, &dyn Fn()) + Send + 'static,
) -> i32 {
    there.streams.brings(
        FLOW,
        vec![
            Part::Hold,
            Part::Bytes(recorded("flow_ok")[3].clone().into_bytes()),
        ],
    );
    for job in [FIRST, SECOND] {
        there.streams.brings(job, frames(&recorded("job_ok")));
    }
    let mut command = there.command(PATH);
    command.env("TASKSGODZILLA_WINDMILL_TIMEOUT_SECONDS", "30");
    let mut terminal = Terminal::of(&mut command);
    let mut child = command.spawn().unwrap();
    drop(command);
    there.streams.held_open().await;
    let id = Pid::from_child(&child);
    let told = tokio::task::spawn_blocking(move || {
        dialogue(&mut terminal, &|| kill_process(id, Signal::INT).unwrap());
        terminal
    });
    let mut terminal = told.await.unwrap();
    there.streams.resume();
    let reading = tokio::task::spawn_blocking(move || {
        // A terminal takes no more than is read from it.
        let mut rest = Vec::new();
        drop(terminal.master.read_to_end(&mut rest));
    });
    let ended = tokio::task::spawn_blocking(move || child.wait().unwrap().code().unwrap());
    let ended = tokio::time::timeout(Duration::from_mins(1), ended).await;
    reading.await.unwrap();
    ended.expect("it ends").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn at_a_terminal_it_asks_before_it_cancels() {
    let there = There::new().await;
    let exit = interrupted(&there, |terminal, interrupt| {
        interrupt();
        terminal.until("cancel it on Windmill? [y/N] ");
        terminal.master.write_all(b"n\n").unwrap();
        terminal.until("it goes on\r\n");
        interrupt();
        terminal.until("cancel it on Windmill? [y/N] ");
        interrupt();
        terminal.until("it goes on there");
    });
    assert_eq!(exit.await, 130);
    assert_eq!(
        there.streams.asked("POST jobs_u/queue/cancel"),
        Vec::<String>::new()
    );

    let there = There::new().await;
    let streams = there.streams.clone();
    let exit = interrupted(&there, move |terminal, interrupt| {
        interrupt();
        terminal.until("cancel it on Windmill? [y/N] ");
        terminal.master.write_all(b"y\n").unwrap();
        while streams.asked("POST jobs_u/queue/cancel").is_empty() {
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    // The recorded flow ended well all the same.
    assert_eq!(exit.await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_terminal_nobody_is_asked() {
    let there = There::new().await;
    there.streams.brings(FLOW, vec![Part::Hold]);
    let mut command = there.command(PATH);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    there.streams.held_open().await;
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let output = tokio::task::spawn_blocking(move || child.wait_with_output());
    let said = Said::from(output.await.unwrap().unwrap());
    assert_eq!(said.exit, 143);
    assert!(said.stderr.contains("it goes on there"), "{}", said.stderr);
    assert!(there.streams.asked("POST jobs_u").is_empty());
}
