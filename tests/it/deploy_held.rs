//! How the workspace of `deploy_double` answers: the routes by which things are read and written.
//!
//! Always so: statuses and texts are those of the recorded server, and a thing that is read says what was written.

use axum::http::{HeaderMap, Method, StatusCode};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::deploy_archive::for_command_line;
use crate::deploy_double::{Held, Job, Reply};
use crate::windmill_double::{TOKEN, recorded};

impl Held {
    /// Answers a request.
    pub(crate) fn reply(
        &mut self,
        method: &Method,
        asked: &str,
        path: &str,
        headers: &HeaderMap,
        body: Value,
    ) -> Reply {
        if path == "/version" {
            return (StatusCode::OK, "CE v1.592.1".to_owned());
        }
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
        if let Some(reply) = for_command_line(path) {
            return reply;
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
        if route == "listnames" {
            return ok(&self.folders.keys().cloned().collect());
        }
        if let Some(name) = route.strip_prefix("delete/") {
            return match self.folders.remove(name) {
                Some(_) => (StatusCode::OK, format!("Folder {name} deleted")),
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
        let name = body["name"].as_str().unwrap().to_owned();
        match body["value"].as_str() {
            Some(value) => self.environment.insert(name, value.to_owned()),
            None => self.environment.remove(&name),
        };
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
        let folder = path
            .strip_prefix("f/")
            .and_then(|rest| rest.split('/').next());
        if let Some(folder) = folder.filter(|folder| !self.folders.contains_key(*folder)) {
            return refused(&format!("Bad request: Folder {folder} does not exist"));
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

    pub(crate) fn versioned(&self, mut item: Value, version: &str) -> Value {
        item["hash"] = version.into();
        item["edited_at"] = format!("2026-11-21T10:27:37.{:06}Z", self.versions).into();
        item
    }

    pub(crate) fn next_version(&mut self) -> String {
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
