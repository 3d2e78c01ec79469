//! A Windmill on loopback that can be deployed to and runs what was deployed: the workspace of `deploy_double`, with a mill.
//!
//! Always so: what jobs are asked for is answered by the mill, all else by the workspace; bash alone is run.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header::AUTHORIZATION};
use axum::response::{IntoResponse, Response};
use millwright::mill::{Mill, MillOptions};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower::ServiceExt;
use uuid::Uuid;

use crate::deploy_double::Workspace;
use crate::mill_fixture::Fixture;
use crate::windmill_double::TOKEN;

/// A Windmill.
#[derive(Clone)]
pub(crate) struct LiveDouble {
    pub(crate) url: String,
    pub(crate) workspace: Workspace,
    /// Made anew when the environment of jobs changes.
    mill: Arc<Mutex<Mill>>,
    options: MillOptions,
    files: Arc<Fixture>,
    /// Which version of what was deployed the mill has.
    given: Arc<Mutex<BTreeMap<String, Value>>>,
    /// What it is to seem, instead of what it is.
    seems: Arc<Mutex<Seeming>>,
}

/// What a Windmill may seem to be.
#[derive(Default)]
pub(crate) struct Seeming {
    pub(crate) version: Option<&'static str>,
    /// The tags that its worker takes.
    pub(crate) tags: Option<Vec<&'static str>>,
}

impl LiveDouble {
    /// Starts an empty one.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts an empty one whose jobs see these variables.
    pub(crate) async fn start_with(variables: &[(&str, &str)]) -> Self {
        let files = Arc::new(Fixture::new());
        let programs = Path::new(env!("CARGO_BIN_EXE_millwright"))
            .parent()
            .unwrap();
        let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
        let options = files.options().with_variable("PATH", path);
        let options = variables.iter().fold(options, |options, (name, value)| {
            options.with_variable(name, *value)
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let double = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            workspace: Workspace::start().await,
            mill: Arc::new(Mutex::new(files.mill_with(options.clone()).await)),
            options,
            files,
            seems: Arc::default(),
            given: Arc::default(),
        };
        let routes = Router::new().fallback(answer).with_state(double.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        double
    }

    /// What it is to seem.
    pub(crate) fn seems(&self) -> MutexGuard<'_, Seeming> {
        self.seems.lock().unwrap()
    }

    /// Has it hold what a run has left that was killed.
    pub(crate) fn leave(&self, folder: &str, script: &str) {
        let path = format!("f/{folder}/{script}");
        let item = json!({"path": path, "content": "", "language": "bash"});
        self.workspace.put(&format!("scripts {path}"), item);
        let folders = &mut self.workspace.held().folders;
        folders.insert(folder.to_owned(), json!({"name": folder}));
    }

    /// What the workspace holds.
    pub(crate) fn left(&self) -> Vec<String> {
        let held = self.workspace.held();
        held.items
            .keys()
            .chain(held.folders.keys())
            .cloned()
            .collect()
    }

    /// What the mill says to a request; nothing where it is for the workspace.
    async fn of_jobs(&self, path: &str, request: Request) -> Option<Response> {
        let is_of_jobs = path.starts_with("jobs/") || path.starts_with("jobs_u/");
        if !is_of_jobs && path != "/api/version" {
            return None;
        }
        if path == "jobs/run/preview" {
            return Some(self.preview(request).await);
        }
        let answer = self.mill().routes().oneshot(request).await.unwrap();
        // A deployed thing's dependency job is the workspace's.
        let is_unknown =
            answer.status() == StatusCode::NOT_FOUND && path.starts_with("jobs_u/get/");
        (!is_unknown).then_some(answer)
    }

    async fn preview(&self, request: Request) -> Response {
        let wish = axum::body::to_bytes(request.into_body(), usize::MAX).await;
        let wish: Value = serde_json::from_slice(&wish.unwrap()).unwrap();
        let path = format!("u/preview/{}", Uuid::new_v4().simple());
        self.files.script(&path, wish["content"].as_str().unwrap());
        let arguments = wish["args"].as_object().cloned().unwrap_or_default();
        let started = self.mill().run_script_at(&path, arguments).await.unwrap();
        (StatusCode::CREATED, started.job.to_string()).into_response()
    }

    /// Writes a file that a mill may read just now.
    fn put(&self, name: &str, text: &str) {
        let new = self.files.file(&format!("{name}.{}", Uuid::new_v4()), text);
        std::fs::rename(
            &new,
            new.with_file_name(Path::new(name).file_name().unwrap()),
        )
        .unwrap();
    }

    fn mill(&self) -> Mill {
        self.mill.lock().unwrap().clone()
    }

    /// Has jobs see the workspace's environment from now on.
    async fn see_environment(&self) {
        let environment = self.workspace.held().environment.clone();
        let options = environment
            .iter()
            .fold(self.options.clone(), |options, (name, value)| {
                options.with_variable(name, value)
            });
        let mill = self.files.mill_with(options).await;
        *self.mill.lock().unwrap() = mill;
    }

    /// Gives the mill what was deployed, once.
    fn hand_over(&self) {
        let mut given = self.given.lock().unwrap();
        for (key, item) in &self.workspace.held().items {
            if given.get(key) == Some(&item["hash"]) {
                continue;
            }
            given.insert(key.clone(), item["hash"].clone());
            let (kind, path) = key.split_once(' ').unwrap();
            let place = path.split_once('/').unwrap().1;
            let (file, text) = match kind {
                "scripts" if item["language"] == "bash" => {
                    let text = item["content"].as_str().unwrap().to_owned();
                    (format!("scripts/{place}.sh"), text)
                }
                "flows" => {
                    let flow = json!({"value": item["value"], "schema": item["schema"]});
                    (format!("flows/{place}.flow.json"), flow.to_string())
                }
                _ => continue,
            };
            self.put(&file, &text);
        }
    }
}

async fn answer(State(double): State<LiveDouble>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let path = path.strip_prefix("/api/w/starter/").unwrap_or(&path);
    let sent = request.headers().get(AUTHORIZATION);
    let is_let_in = sent.is_some_and(|sent| sent == &format!("Bearer {TOKEN}"));
    if !is_let_in && path != "/api/version" {
        return (StatusCode::UNAUTHORIZED, "Not authorized: Unauthorized").into_response();
    }
    let version = double.seems().version;
    match path {
        "/api/version" if version.is_some() => return version.unwrap().into_response(),
        "users/whoami" => return json_of(&whoami()),
        "/api/workers/list" => return json_of(&workers(double.seems().tags.as_deref())),
        _ => {}
    }
    let (parts, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let again = || Request::from_parts(parts.clone(), Body::from(body.clone()));
    if let Some(answer) = double.of_jobs(path, again()).await {
        return answer;
    }
    let answer = double.workspace.routes().oneshot(again()).await.unwrap();
    double.hand_over();
    if path == "workspaces/set_environment_variable" {
        double.see_environment().await;
    }
    answer
}

fn json_of(value: &Value) -> Response {
    value.to_string().into_response()
}

fn whoami() -> Value {
    json!({"workspace_id": "starter", "email": "admin@windmill.dev", "username": "admin", "is_admin": true,
        "is_super_admin": true, "groups": ["all"], "operator": false, "disabled": false, "folders": ["devgodzilla"]})
}

fn workers(tags: Option<&[&str]>) -> Value {
    let tags = tags.unwrap_or(&["bash", "bun", "flow", "dependency"]);
    json!([{"worker": "wk-default-vm-iOIGq", "worker_instance": "vm", "worker_group": "default", "last_ping": 1.0,
        "custom_tags": tags, "wm_version": "CE v1.592.1", "jobs_executed": 1,
        "ip": "127.0.0.1", "started_at": "2026-11-21T10:00:00Z"}])
}
