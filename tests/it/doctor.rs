//! `millwright doctor`: all in its place, and each thing that may not be.
//!
//! Always so: the API and Windmill are real or doubles on loopback, and what is said holds no secret.

use std::process::{Command, Stdio};

use axum::http::StatusCode;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::deploy_fixture::{Said, run};
use crate::live_double::LiveDouble;
use crate::process::{Process, millwright};
use crate::stream_double::{FIRST, Part, Streams};
use crate::windmill_double::TOKEN;

/// The refs API's token.
const SECRET: &str = "the-token-of-the-refs-api";

/// A refs API that asks for its token.
struct Api {
    process: Process,
    folder: TempDir,
}

impl Api {
    fn serve() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Process::serving(folder.path());
        command.env("TASKSGODZILLA_API_TOKEN", SECRET);
        Self {
            process: Process::start(command),
            folder,
        }
    }

    /// The command, which knows this API and a Windmill.
    fn doctor(&self, windmill: &str) -> Command {
        self.doctor_of(&self.process.url, windmill)
    }

    /// The command, told of another API.
    fn doctor_of(&self, api: &str, windmill: &str) -> Command {
        let mut command = millwright(self.folder.path(), &["doctor", "--json"]);
        command
            .args([
                "--api",
                api,
                "--base-url",
                windmill,
                "--workspace",
                "starter",
            ])
            .env("TASKSGODZILLA_API_TOKEN", SECRET)
            .env("TASKSGODZILLA_WINDMILL_TIMEOUT_SECONDS", "2")
            .env("MILLWRIGHT_CODEX_BIN", self.folder.path().join("no-codex"))
            .env("WMILL_TOKEN", TOKEN);
        command
    }
}

/// What was found.
struct Found {
    checks: Vec<Value>,
    said: Said,
}

impl Found {
    async fn by(command: Command) -> Self {
        let said = run(command).await;
        for secret in [TOKEN, SECRET] {
            assert!(!said.stdout.contains(secret) && !said.stderr.contains(secret));
        }
        let told: Value =
            serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("{}", said.stderr));
        assert_eq!(told["ok"], said.exit == 0, "{told}");
        let checks = told["checks"].as_array().unwrap().clone();
        for check in &checks {
            let needs_advice = ["wrong", "warning"].contains(&check["status"].as_str().unwrap());
            assert_eq!(check["advice"].is_string(), needs_advice, "{check}");
        }
        Self { checks, said }
    }

    /// The status of a check.
    #[track_caller]
    fn is(&self, name: &str, status: &str) -> String {
        let found = self.checks.iter().find(|check| check["name"] == name);
        let check = found.unwrap_or_else(|| panic!("no {name} among {:?}", self.checks));
        assert_eq!(check["status"], status, "{check}");
        format!("{} {}", check["says"], check["advice"])
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_is_in_its_place() {
    let api = Api::serve();
    let variables = [
        ("TASKSGODZILLA_API_URL", api.process.url.as_str()),
        ("TASKSGODZILLA_API_TOKEN", SECRET),
    ];
    let windmill = LiveDouble::start_with(&variables).await;
    let found = Found::by(api.doctor(&windmill.url)).await;
    assert_eq!(found.said.exit, 0, "{}", found.said.stdout);
    for name in [
        "refs API",
        "refs API's token",
        "Windmill",
        "Windmill's workspace",
        "Windmill's workers",
        "a job on Windmill",
        "jobs' environment",
        "refs API from a job",
        "git",
    ] {
        found.is(name, "ok");
    }
    assert!(
        found
            .is("codex", "warning")
            .contains("npm install -g @openai/codex")
    );
    let mut command = api.doctor(&windmill.url);
    command.args(["--no-job"]);
    Found::by(command).await.is("a job on Windmill", "skipped");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_jobs_do_not_see_is_wrong() {
    let api = Api::serve();
    let windmill = LiveDouble::start().await;
    let found = Found::by(api.doctor(&windmill.url)).await;
    assert_eq!(found.said.exit, 1);
    assert!(found.is("jobs' environment", "wrong").contains("--api-url"));
    found.is("refs API from a job", "skipped");

    let windmill = LiveDouble::start_with(&[("TASKSGODZILLA_API_URL", "http://127.0.0.1:1")]).await;
    let found = Found::by(api.doctor(&windmill.url)).await;
    assert!(
        found
            .is("jobs' environment", "warning")
            .contains("TASKSGODZILLA_API_TOKEN")
    );
    assert!(
        found
            .is("refs API from a job", "wrong")
            .contains("does not answer")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_windmill_that_does_not_do_is_told_with_the_reason() {
    let api = Api::serve();
    let windmill = LiveDouble::start().await;
    let doctor = async |change: &dyn Fn(&mut Command)| {
        let mut command = api.doctor(&windmill.url);
        change(command.arg("--no-job"));
        Found::by(command).await
    };
    windmill.seems().tags = Some(vec!["bash", "flow", "dependency"]);
    let found = Found::by(api.doctor(&windmill.url)).await;
    assert!(
        found
            .is("Windmill's workers", "wrong")
            .contains("the tag bun")
    );
    // What a job in bash sees is told all the same.
    found.is("a job on Windmill", "ok");
    windmill.seems().tags = Some(vec!["bun", "flow", "dependency"]);
    let found = Found::by(api.doctor(&windmill.url)).await;
    found.is("a job on Windmill", "skipped");
    let found = doctor(&|command| {
        command.env("WMILL_TOKEN", "another");
    });
    assert!(
        found
            .await
            .is("Windmill's workspace", "wrong")
            .contains("refused the token")
    );
    windmill.workspace.held().faults.missing = true;
    let found = doctor(&|_| {}).await;
    assert!(
        found
            .is("Windmill's workspace", "wrong")
            .contains("no workspace")
    );
    found.is("Windmill's workers", "skipped");
    windmill.seems().version = Some("CE v1.401.0");
    assert!(
        doctor(&|_| {})
            .await
            .is("Windmill", "wrong")
            .contains("older than 1.500")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_away_or_something_else_is_told_and_the_rest_is_looked_at() {
    let api = Api::serve();
    let (other, url) = Streams::start().await;
    other.answers(
        "GET /api/version",
        StatusCode::OK,
        "<!doctype html><title>Sign in</title>",
    );
    let found = Found::by(api.doctor(&url)).await;
    assert!(found.is("Windmill", "wrong").contains("a page of HTML"));
    found.is("Windmill's workspace", "skipped");

    let command = api.doctor_of("http://127.0.0.1:1", "http://127.0.0.1:1");
    let found = Found::by(command).await;
    let away = found.is("refs API", "wrong");
    assert_eq!(away.matches("millwright serve").count(), 1, "{away}");
    assert!(
        found
            .is("Windmill", "wrong")
            .contains("no answer from Windmill")
    );
    found.is("git", "ok");

    let mut command = api.doctor("http://127.0.0.1:1");
    command.env("TASKSGODZILLA_API_TOKEN", "another");
    let found = Found::by(command).await;
    assert!(
        found
            .is("refs API's token", "wrong")
            .contains("TASKSGODZILLA_API_TOKEN")
    );

    let (other, url) = Streams::start().await;
    other.answers("GET /api/version", StatusCode::OK, "v1.592.1");
    let nothing = (StatusCode::NOT_FOUND, "no such page");
    other.answers("POST /api/workspaces/exists", nothing.0, nothing.1);
    let found = Found::by(api.doctor(&url)).await;
    let told = found.is("Windmill's workspace", "wrong");
    assert!(told.contains("no Windmill's"), "{told}");
    assert!(!told.contains("WMILL_TOKEN"), "{told}");

    other.answers("GET /health", StatusCode::OK, "{\"status\": \"fine\"}");
    let command = api.doctor_of(&url, &url);
    assert!(
        Found::by(command)
            .await
            .is("refs API", "wrong")
            .contains("no refs API")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_windmill_the_rest_is_looked_at() {
    let api = Api::serve();
    let mut command = millwright(api.folder.path(), &["doctor", "--api", &api.process.url]);
    command
        .env("TASKSGODZILLA_API_TOKEN", SECRET)
        .env("WMILL_CONFIG_DIR", api.folder.path())
        .env_remove("WMILL_TOKEN");
    let said = run(command).await;
    assert_eq!(said.exit, 0, "{}", said.stdout);
    assert!(
        said.stdout
            .contains("– Windmill               none is named"),
        "{}",
        said.stdout
    );
    assert!(
        said.stdout
            .contains("✓ refs API               http://127.0.0.1:"),
        "{}",
        said.stdout
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_have_what_the_deployed_scripts_call() {
    const STEP: &str = "step executable there";
    let api = Api::serve();
    let windmill = LiveDouble::start_with(&[("PATH", "/usr/bin:/bin")]).await;
    for (packaging, status, says) in [
        ("path", "wrong", "the deployed scripts call it"),
        ("native", "ok", "the deployed scripts fetch it"),
    ] {
        let deploy = ["deploy", "--apply", "--folder", "other", "--packaging"];
        let mut command = millwright(api.folder.path(), &deploy);
        command
            .args([packaging, "--base-url", &windmill.url])
            .args(["--workspace", "starter"])
            .env("WMILL_TOKEN", TOKEN);
        let said = run(command).await;
        assert_eq!(said.exit, 0, "{}", said.stderr);
        let mut command = api.doctor(&windmill.url);
        command.args(["--folder", "other"]);
        let found = Found::by(command).await;
        let told = found.is(STEP, status);
        assert!(told.contains(says), "{told}");
    }
    let found = Found::by(api.doctor(&windmill.url)).await;
    assert!(found.is(STEP, "ok").contains("not on the worker's PATH"));
}

/// A Windmill that has all but an end of its job.
async fn without_end(parts: Vec<Part>) -> (Streams, String) {
    let (windmill, url) = Streams::start().await;
    for (route, text) in [
        ("GET /api/version", "v1.592.1"),
        (
            "GET users/whoami",
            r#"{"username": "admin", "email": "admin@windmill.dev", "is_admin": true}"#,
        ),
        ("GET /api/workers/list", r#"[{"worker": "wk-default"}]"#),
        ("POST jobs/run/preview", FIRST),
    ] {
        windmill.answers(route, StatusCode::OK, text);
    }
    windmill.brings(FIRST, parts);
    (windmill, url)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_given_up_is_cancelled() {
    let cancel = format!("POST jobs_u/queue/cancel/{FIRST}");
    let api = Api::serve();
    let (windmill, url) = without_end(vec![]).await;
    let refused = StatusCode::FORBIDDEN;
    windmill.answers("GET jobs_u/getupdate_sse", refused, "not for you");
    let found = Found::by(api.doctor(&url)).await;
    let told = found.is("a job on Windmill", "wrong");
    assert!(told.contains("was cancelled"), "{told}");
    assert_eq!(windmill.asked("POST jobs_u"), [cancel.as_str()]);

    let (windmill, url) = without_end(vec![Part::Hold]).await;
    let mut command = api.doctor(&url);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    windmill.held_open().await;
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = tokio::task::spawn_blocking(move || child.wait_with_output());
    let said = Said::from(output.await.unwrap().unwrap());
    assert_eq!(said.exit, 130, "{}", said.stderr);
    assert!(said.stderr.contains("was cancelled"), "{}", said.stderr);
    assert_eq!(windmill.asked("POST jobs_u"), [cancel.as_str()]);
}
