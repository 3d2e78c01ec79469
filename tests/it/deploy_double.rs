//! A Windmill workspace on loopback that can be deployed to: the routes, statuses and texts of the recorded one.
//!
//! Always so: a token is wanted, every request is counted, what is stored comes back as databases give it back (other key
//! order, nulls beside), and `skip_if_noop` is ignored.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// A workspace.
#[derive(Clone)]
pub(crate) struct Workspace {
    inner: Arc<Inner>,
    pub(crate) url: String,
}

struct Inner {
    held: Mutex<Held>,
    /// Told when a request is not answered.
    silent: Notify,
    /// Lets what is held back go on.
    resume: Notify,
}

/// What it holds.
#[derive(Default)]
pub(crate) struct Held {
    /// By kind and path: `scripts u/a/b`.
    pub(crate) items: BTreeMap<String, Value>,
    pub(crate) folders: BTreeMap<String, Value>,
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) faults: Faults,
    pub(crate) jobs: BTreeMap<String, Job>,
    pub(crate) versions: u64,
    asked: Vec<(String, Value)>,
}

/// What goes wrong.
#[derive(Default)]
pub(crate) struct Faults {
    /// Everything is answered with a page.
    pub(crate) html: bool,
    /// There is no such workspace; the token may do everything.
    pub(crate) missing: bool,
    /// The answer to that request, counted from 1, never comes.
    pub(crate) silent_at: Option<usize>,
    /// The first writing request to a route that begins so is held back until it is let go on.
    pub(crate) holds: Option<&'static str>,
    /// The first request that begins so is answered with this.
    pub(crate) refuses: Option<(&'static str, StatusCode)>,
    /// What is not kept of flows.
    pub(crate) drops: Option<&'static str>,
    /// The flow whose dependency job fails.
    pub(crate) fails: Option<&'static str>,
    /// How often a dependency job is asked about before it has ended.
    pub(crate) slow: u32,
}

/// A dependency job.
pub(crate) struct Job {
    pub(crate) looks_left: u32,
    pub(crate) fails: bool,
}

pub(crate) type Reply = (StatusCode, String);

impl Workspace {
    /// Starts an empty one.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let inner = Arc::new(Inner {
            held: Mutex::default(),
            silent: Notify::new(),
            resume: Notify::new(),
        });
        let workspace = Self { inner, url };
        let routes = workspace.routes();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        workspace
    }

    /// Its routes.
    pub(crate) fn routes(&self) -> Router {
        Router::new().fallback(answer).with_state(self.clone())
    }

    /// What it holds, to look at and to change.
    pub(crate) fn held(&self) -> MutexGuard<'_, Held> {
        self.inner.held.lock().unwrap()
    }

    /// Puts something there, as a person does.
    pub(crate) fn put(&self, key: &str, item: Value) {
        let mut held = self.held();
        let version = held.next_version();
        let item = held.versioned(item, &version);
        held.items.insert(key.to_owned(), item);
    }

    /// Changes something, as a person does.
    pub(crate) fn edit(&self, key: &str, change: impl FnOnce(&mut Value)) {
        let mut item = self.item(key);
        change(&mut item);
        self.put(key, item);
    }

    pub(crate) fn item(&self, key: &str) -> Value {
        self.held().items.get(key).cloned().unwrap_or_default()
    }

    /// The requests since this was last called, with what was sent.
    pub(crate) fn take_asked(&self) -> Vec<(String, Value)> {
        std::mem::take(&mut self.held().asked)
    }

    /// What of the requests since this was last called may have changed something.
    pub(crate) fn take_writes(&self) -> Vec<String> {
        let asked = self.take_asked().into_iter().map(|(asked, _)| asked);
        asked
            .filter(|asked| !asked.starts_with("GET ") && !asked.ends_with("/workspaces/exists"))
            .collect()
    }

    /// Waits for a request that is not answered.
    pub(crate) async fn silent(&self) {
        self.inner.silent.notified().await;
    }

    /// Lets what is held back go on.
    pub(crate) fn resume(&self) {
        self.inner.resume.notify_one();
    }
}

async fn answer(State(workspace): State<Workspace>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let path = parts.uri.path().trim_start_matches("/api").to_owned();
    let path = path.strip_prefix("/w/starter/").unwrap_or(&path).to_owned();
    let asked = format!("{} {path}", parts.method);
    let (count, holds) = {
        let mut held = workspace.held();
        held.asked.push((asked.clone(), body.clone()));
        let holds = held.faults.holds;
        let holds = holds.is_some_and(|route| asked.starts_with(route));
        if holds {
            held.faults.holds = None;
        }
        (held.asked.len(), holds)
    };
    if holds {
        workspace.inner.silent.notify_one();
        workspace.inner.resume.notified().await;
    }
    if path == "workspaces/tarball" {
        return workspace.held().archive().into_response();
    }
    let reply = workspace
        .held()
        .reply(&parts.method, &asked, &path, &parts.headers, body);
    let is_silent = workspace.held().faults.silent_at == Some(count);
    if is_silent {
        workspace.inner.silent.notify_one();
        std::future::pending::<()>().await;
    }
    reply.into_response()
}
