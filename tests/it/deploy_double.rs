//! A Windmill workspace on loopback that can be deployed to: the routes, statuses and texts of the recorded one.
//!
//! Always so: a token is wanted, every request is counted, what is stored comes back as databases give it back (other key
//! order, nulls beside), and `skip_if_noop` is ignored.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::windmill_double::{TOKEN, recorded};

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
    jobs: BTreeMap<String, Job>,
    versions: u64,
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

struct Job {
    looks_left: u32,
    fails: bool,
}

type Reply = (StatusCode, String);

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
        let routes = Router::new().fallback(answer).with_state(workspace.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        workspace
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

impl Held {
    fn reply(
        &mut self,
        method: &Method,
        asked: &str,
        path: &str,
        headers: &HeaderMap,
        body: Value,
    ) -> Reply {
        let sent = headers.get("authorization");
        if self.faults.html {
            return (
                StatusCode::OK,
                "<!doctype html><title>Sign in</title>".to_owned(),
            );
        }
        if sent.is_none_or(|sent| sent != &format!("Bearer {TOKEN}")) {
            return (
                StatusCode::UNAUTHORIZED,
                "Not authorized: Unauthorized".to_owned(),
            );
        }
        if let Some((_, status)) = self
            .faults
            .refuses
            .take_if(|(route, _)| asked.starts_with(*route))
        {
            return (status, "upstream is restarting".to_owned());
        }
        if path == "/workspaces/exists" {
            return ok(&json!(!self.faults.missing));
        }
        if self.faults.missing {
            let is_list = path.contains("/list");
            return if is_list {
                ok(&json!([]))
            } else {
                not_found("Folder", path)
            };
        }
        let (kind, route) = path.split_once('/').unwrap_or((path, ""));
        match (kind, method) {
            ("folders", _) => self.folder(route, body),
            ("variables", _) if route == "list_contextual" => self.contextual(),
            ("workspaces", _) => self.set_environment(&body),
            ("jobs_u", _) => self.job(route),
            (_, &Method::GET) => self.read(kind, route),
            _ => self.write(kind, route, body),
        }
    }

    fn folder(&mut self, route: &str, body: Value) -> Reply {
        if let Some(name) = route.strip_prefix("get/") {
            return match self.folders.get(name) {
                Some(folder) => ok(folder),
                None => not_found("Folder", name),
            };
        }
        let name = body["name"].as_str().unwrap().to_owned();
        self.folders.insert(name.clone(), body);
        (StatusCode::OK, format!("Created folder {name}"))
    }

    fn contextual(&self) -> Reply {
        let own = self.environment.iter();
        let own = own.map(|(name, value)| json!({"name": name, "value": value, "description": "", "is_custom": true}));
        let windmills =
            json!({"name": "WM_TOKEN", "value": "q1A", "description": "", "is_custom": false});
        ok(&own.chain([windmills]).collect())
    }

    fn set_environment(&mut self, body: &Value) -> Reply {
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        self.environment.insert(text("name"), text("value"));
        (StatusCode::OK, "Set environment variable".to_owned())
    }

    fn read(&mut self, kind: &str, route: &str) -> Reply {
        if route == "list" {
            return self.list(kind);
        }
        if route.starts_with("deployment_status/") {
            return self.deployment(kind, route);
        }
        let path = route.trim_start_matches("get/").trim_start_matches("p/");
        match self.items.get(&format!("{kind} {path}")) {
            Some(item) => ok(&stored(item)),
            None => not_found(kind, path),
        }
    }

    fn list(&self, kind: &str) -> Reply {
        let left_out: &[&str] = match kind {
            "scripts" => &["content", "schema", "lock"],
            "flows" => &["value", "schema"],
            _ => &[],
        };
        let begins = format!("{kind} ");
        let items = self
            .items
            .iter()
            .filter(|(key, _)| key.starts_with(&begins));
        let items = items.map(|(_, item)| {
            let mut item = stored(item);
            let members = item.as_object_mut().unwrap();
            members.retain(|name, _| !left_out.contains(&name.as_str()));
            item
        });
        ok(&items.collect())
    }

    fn deployment(&self, kind: &str, route: &str) -> Reply {
        let path = route
            .trim_start_matches("deployment_status/")
            .trim_start_matches("p/");
        let item = self.items.get(&format!("{kind} {path}"));
        let job = item.map(|item| item["job"].clone());
        ok(&json!({"lock_error_logs": null, "job_id": job}))
    }

    fn job(&mut self, route: &str) -> Reply {
        let id = route.trim_start_matches("get/");
        let Some(job) = self.jobs.get_mut(id) else {
            return not_found("Job", id);
        };
        if job.looks_left > 0 {
            job.looks_left -= 1;
            return ok(&recorded("queued_job"));
        }
        let mut ended = recorded("completed_job");
        ended["success"] = (!job.fails).into();
        if job.fails {
            ended["result"] = json!({"error": {"message": "no such package: left-pad"}});
        }
        ok(&ended)
    }

    fn write(&mut self, kind: &str, route: &str, body: Value) -> Reply {
        let (what, path) = route.split_once('/').unwrap_or((route, ""));
        let path = match body["path"].as_str() {
            Some(path) if what == "create" => path,
            _ => path.trim_start_matches("p/"),
        };
        let key = format!("{kind} {path}");
        let there = self.items.get(&key).cloned();
        if path.starts_with("f/devgodzilla/") && !self.folders.contains_key("devgodzilla") {
            return refused("Bad request: Folder devgodzilla does not exist");
        }
        match (what, there) {
            ("create", Some(there))
                if kind == "scripts" && body["parent_hash"] != there["hash"] =>
            {
                let hash = there["hash"].as_str().unwrap();
                refused(&format!(
                    "Bad request: Path conflict for {path} with non-archived hash {hash}"
                ))
            }
            ("create", Some(_)) if kind != "scripts" => {
                refused(&format!("Bad request: {path} already exists"))
            }
            ("create", _) => self.save(kind, &key, body, StatusCode::CREATED),
            (_, None) => not_found(kind, path),
            ("update", _) if kind == "flows" => self.save(kind, &key, body, StatusCode::OK),
            ("update" | "setenabled", Some(mut there)) => {
                let members = there.as_object_mut().unwrap();
                members.extend(body.as_object().unwrap().clone());
                self.save(kind, &key, there, StatusCode::OK)
            }
            ("archive" | "delete", Some(_)) => {
                self.items.remove(&key);
                (StatusCode::OK, path.to_owned())
            }
            _ => (StatusCode::NOT_FOUND, String::new()),
        }
    }

    fn save(&mut self, kind: &str, key: &str, mut body: Value, status: StatusCode) -> Reply {
        if body["value"]
            .as_str()
            .is_some_and(|value| value.len() > 10_000)
        {
            return refused("Bad request: value too long for type character varying(10000)");
        }
        let version = self.next_version();
        let members = body.as_object_mut().unwrap();
        members.remove("parent_hash");
        if kind == "flows" {
            let id = Uuid::now_v7().to_string();
            let fails = self.faults.fails.is_some_and(|path| key.ends_with(path));
            let looks_left = self.faults.slow;
            self.jobs.insert(id.clone(), Job { looks_left, fails });
            members.insert("job".to_owned(), id.into());
            if let Some(dropped) = self.faults.drops {
                let (parent, name) = dropped.rsplit_once('/').unwrap();
                let parent = body.pointer_mut(parent).and_then(Value::as_object_mut);
                parent.map(|parent| parent.remove(name));
            }
        }
        let item = self.versioned(body, &version);
        self.items.insert(key.to_owned(), item);
        let told = if kind == "scripts" {
            version
        } else {
            key.split_once(' ').unwrap().1.to_owned()
        };
        (status, told)
    }

    fn versioned(&self, mut item: Value, version: &str) -> Value {
        item["hash"] = version.into();
        item["edited_at"] = format!("2026-11-21T10:27:37.{:06}Z", self.versions).into();
        item
    }

    fn next_version(&mut self) -> String {
        self.versions += 1;
        format!("{:016x}", 0x77c2_f7a0_fdd1_0000_u64 + self.versions)
    }
}

/// A stored thing as it is given: members by their names' length, and nulls for what was not said. A secret stays where it is.
fn stored(item: &Value) -> Value {
    let mut item = sorted(item);
    let members = item.as_object_mut().unwrap();
    members.remove("job");
    if members.get("is_secret") == Some(&json!(true)) {
        members.insert("value".to_owned(), Value::Null);
    }
    members.insert("extra_perms".to_owned(), json!({}));
    members.entry("lock_error_logs").or_insert(Value::Null);
    item
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut all: Vec<_> = members
                .iter()
                .map(|(name, value)| (name.clone(), sorted(value)))
                .collect();
            all.sort_by(|(one, _), (other, _)| (one.len(), one).cmp(&(other.len(), other)));
            Value::Object(Map::from_iter(all))
        }
        Value::Array(all) => all.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

fn ok(value: &Value) -> Reply {
    (StatusCode::OK, value.to_string())
}

fn refused(text: &str) -> Reply {
    (StatusCode::BAD_REQUEST, text.to_owned())
}

fn not_found(what: &str, path: &str) -> Reply {
    (
        StatusCode::NOT_FOUND,
        format!("Not found: {what} not found at name {path} (scripts.rs:1215)"),
    )
}
