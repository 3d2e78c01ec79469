//! The `native` packaging, run by bash as on a worker: an executable that is there is used, another one is fetched and checked.
//!
//! Always so: nothing that was not checked is executed, and nothing of it is left behind.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use axum::Router;
use axum::routing::get;
use millwright::server::ServerOptions;
use tokio::net::TcpListener;

use crate::api_fixture::Api;
use crate::step_executable::program;

const TOKEN: &str = "a-\"token\"-with\\signs";

/// The script of a step that asks the API alone, rendered once.
fn script() -> &'static Path {
    static SCRIPT: OnceLock<PathBuf> = OnceLock::new();
    SCRIPT.get_or_init(|| {
        let out = std::env::temp_dir().join(format!("millwright-native-{}", std::process::id()));
        program();
        let done = Command::new(env!("CARGO_BIN_EXE_millwright"))
            .args([
                "flows",
                "generate",
                "--layout",
                "wmill",
                "--packaging",
                "native",
                "--out",
            ])
            .arg(&out)
            .output()
            .unwrap();
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
        out.join("u/devgodzilla/protocol_select_next_step.sh")
    })
}

/// A worker: a cache, a job's folder, and the programs that a job finds.
struct Worker {
    folder: tempfile::TempDir,
    api: String,
    path: String,
}

impl Worker {
    fn of(api: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("cache")).unwrap();
        Self {
            folder,
            api: api.to_owned(),
            path: "/usr/bin:/bin".to_owned(),
        }
    }

    fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    /// What a folder of the worker holds.
    fn kept(&self) -> Vec<String> {
        let entries = fs::read_dir(self.cache()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect()
    }

    fn command(&self, job: &str) -> Command {
        let folder = self.folder.path().join(job);
        fs::create_dir_all(&folder).unwrap();
        let text = fs::read_to_string(script()).unwrap();
        fs::write(folder.join("main.sh"), format!("set -e\n{text}")).unwrap();
        let mut command = Command::new("/bin/bash");
        // Windmill passes null as text.
        command.args(["main.sh", "9999", "null", "null"]);
        command.current_dir(folder).env_clear();
        command.env("PATH", &self.path).env("WM_JOB_ID", uuid());
        command.env("TASKSGODZILLA_API_URL", &self.api);
        command.env("TASKSGODZILLA_API_TOKEN", TOKEN);
        command.env("MILLWRIGHT_CACHE", self.cache());
        command
    }

    fn run(&self, job: &str) -> Output {
        self.command(job).output().unwrap()
    }

    /// The name of the error that the job ended with: the step's own, so that it was executed.
    fn error(&self, job: &str) -> Option<String> {
        let text = fs::read_to_string(self.folder.path().join(job).join("result.json")).ok()?;
        let result: serde_json::Value = serde_json::from_str(&text).unwrap();
        result["name"].as_str().map(str::to_owned)
    }
}

fn uuid() -> String {
    uuid::Uuid::now_v7().to_string()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// An API that has the executable, and asks for the token.
async fn api() -> Api {
    Api::start_with(|_| ServerOptions {
        token: Some(TOKEN.to_owned()),
        dist: vec![program()],
        ..ServerOptions::default()
    })
    .await
}

/// Something that answers every request for an executable with other bytes.
async fn impostor() -> String {
    let answer = async || "#!/bin/sh\ntouch executed\n";
    let routes = Router::new().route("/dist/millwright-step/{sha256}", get(answer));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    address
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

#[tokio::test]
async fn the_executable_is_fetched_once_and_checked() {
    let api = api().await;
    let worker = Worker::of(&api.address);
    let worker = blocking(move || {
        let first = worker.run("first");
        assert_eq!(
            worker.error("first").as_deref(),
            Some("ApiError"),
            "{}",
            said(&first)
        );
        assert!(!said(&first).contains("token"), "{}", said(&first));
        worker
    })
    .await;
    let kept = worker.kept();
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert!(kept[0].starts_with("millwright-step-"));
    let mode = fs::metadata(worker.cache().join(&kept[0]))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
    // The API is asked no more: the next job finds it.
    let mut elsewhere = worker;
    elsewhere.api = "http://127.0.0.1:9".to_owned();
    let output = blocking(move || {
        let output = elsewhere.run("second");
        (elsewhere.error("second"), output)
    })
    .await;
    assert!(
        said(&output.1).contains("connection refused"),
        "{}",
        said(&output.1)
    );
    assert_eq!(output.0.as_deref(), Some("ApiError"));
}

#[tokio::test]
async fn jobs_that_fetch_at_once_do_not_collide() {
    let api = api().await;
    let worker = Worker::of(&api.address);
    let worker = blocking(move || {
        let names: Vec<String> = (0..8).map(|nth| format!("job{nth}")).collect();
        let jobs: Vec<_> = names
            .iter()
            .map(|name| worker.command(name).spawn().unwrap())
            .collect();
        for job in jobs {
            job.wait_with_output().unwrap();
        }
        for name in &names {
            assert_eq!(worker.error(name).as_deref(), Some("ApiError"), "{name}");
        }
        worker
    })
    .await;
    assert_eq!(worker.kept().len(), 1);
}

#[tokio::test]
async fn what_is_not_the_executable_is_refused_and_nothing_is_left() {
    let worker = Worker::of(&impostor().await);
    let (worker, output) = blocking(move || {
        let output = worker.run("job");
        (worker, output)
    })
    .await;
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("is not the millwright-step of this script"));
    assert_eq!(worker.kept(), Vec::<String>::new());
    assert!(!worker.folder.path().join("job/executed").exists());
}

#[tokio::test]
async fn one_of_the_same_version_on_the_path_is_used_and_another_is_not() {
    let api = api().await;
    let mut worker = Worker::of(&api.address);
    let bin = worker.folder.path().join("bin");
    fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(program(), bin.join("millwright-step")).unwrap();
    worker.path = format!("{}:/usr/bin:/bin", bin.display());
    let worker = blocking(move || {
        worker.run("same");
        assert_eq!(worker.error("same").as_deref(), Some("ApiError"));
        assert_eq!(worker.kept(), Vec::<String>::new(), "nothing was fetched");
        worker
    })
    .await;
    fs::remove_file(bin.join("millwright-step")).unwrap();
    crate::protocol_fixture::write_script(&bin, "millwright-step", "echo millwright-step 0.0.1");
    let worker = blocking(move || {
        worker.run("older");
        assert_eq!(worker.error("older").as_deref(), Some("ApiError"));
        worker
    })
    .await;
    assert_eq!(worker.kept().len(), 1);
}

#[tokio::test]
async fn what_a_worker_lacks_is_named_with_what_to_do() {
    let api = api().await;
    let worker = Worker::of(&api.address);
    blocking(move || {
        let output = worker
            .command("no-url")
            .env_remove("TASKSGODZILLA_API_URL")
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(3));
        assert!(
            said(&output).contains("TASKSGODZILLA_API_URL"),
            "{}",
            said(&output)
        );
        assert!(said(&output).contains("PATH"));

        let bin = worker.folder.path().join("few");
        fs::create_dir(&bin).unwrap();
        for name in ["mkdir", "mktemp", "rm", "sha256sum", "chmod", "mv"] {
            std::os::unix::fs::symlink(format!("/usr/bin/{name}"), bin.join(name)).unwrap();
        }
        let output = worker
            .command("no-curl")
            .env("PATH", &bin)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(3));
        assert!(
            said(&output).contains("there is no curl"),
            "{}",
            said(&output)
        );
        assert_eq!(worker.kept(), Vec::<String>::new());

        let file = worker.folder.path().join("file");
        fs::write(&file, "").unwrap();
        let output = worker
            .command("no-cache")
            .env("MILLWRIGHT_CACHE", file.join("below"))
            .output()
            .unwrap();
        assert!(
            said(&output).contains("set MILLWRIGHT_CACHE"),
            "{}",
            said(&output)
        );
        assert_eq!(worker.error("no-cache").as_deref(), Some("ApiError"));
    })
    .await;
    let wrong = Worker::of(&api.address);
    blocking(move || {
        let output = wrong
            .command("no-token")
            .env("TASKSGODZILLA_API_TOKEN", "another")
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(3));
        assert!(
            said(&output).contains("could not be fetched"),
            "{}",
            said(&output)
        );
    })
    .await;
}

#[tokio::test]
async fn the_route_sends_what_was_asked_for_and_refuses_what_is_no_hash() {
    let api = api().await;
    for (hash, status) in [
        ("0".repeat(64), 404),
        ("../etc/passwd".to_owned(), 404),
        ("A".repeat(64), 422),
        ("abc".to_owned(), 422),
    ] {
        let answer = api.get(&format!("/dist/millwright-step/{hash}")).await;
        assert_eq!(answer.status.as_u16(), status, "{hash}");
    }
}
