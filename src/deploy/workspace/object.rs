//! A thing as Windmill is to hold it.
//!
//! Always so: a secret's value is sent, and never compared, hashed or shown.

use millwright_core::protocol::{canonical_json, short_hash};
use serde_json::{Map, Value};

use super::Name;

/// A thing as Windmill is to hold it.
#[derive(Clone)]
pub(super) struct Object {
    pub(super) name: Name,
    /// What it is made with, as Windmill takes it.
    pub(super) item: Map<String, Value>,
    /// What of it is for its making alone: afterwards it is left as it is found.
    pub(super) free: &'static [&'static str],
    /// It is written also where nothing differs.
    pub(super) insists: bool,
}

impl Object {
    /// A thing of which everything is compared.
    pub(super) fn new(name: Name, item: Map<String, Value>) -> Self {
        Self {
            name,
            item,
            free: &[],
            insists: false,
        }
    }

    /// What has to be so in the workspace.
    pub(super) fn compared(&self) -> Value {
        let bound = self.item.iter();
        let bound = bound.filter(|(name, _)| !self.free.contains(&name.as_str()));
        let bound = bound.map(|(name, value)| (name.clone(), value.clone()));
        Value::Object(bound.collect())
    }

    /// A short hash of what has to be so.
    pub(super) fn fingerprint(&self) -> String {
        short_hash(canonical_json(&self.compared()).as_bytes())
    }

    /// What is sent to change a thing that is there: what people set beside what we say stays as it is.
    pub(super) fn over(&self, there: &Value) -> Value {
        let mut item = self.item.clone();
        let open = self.free.iter().filter(|name| **name != "value");
        for name in open.chain(SETTINGS) {
            let is_ours = item.contains_key(*name) && !self.free.contains(name);
            if !is_ours && !there[name].is_null() {
                item.insert((*name).to_owned(), there[name].clone());
            }
        }
        Value::Object(item)
    }
}

/// What a new version of a script or flow loses unless it is sent again.
const SETTINGS: &[&str] = &[
    "cache_ttl",
    "concurrency_key",
    "concurrency_time_window_s",
    "concurrent_limit",
    "dedicated_worker",
    "delete_after_use",
    "envs",
    "on_behalf_of_email",
    "on_failure",
    "on_recovery",
    "on_success",
    "priority",
    "restart_unless_cancelled",
    "retry",
    "tag",
    "timeout",
    "visible_to_runner_only",
    "ws_error_handler_muted",
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schedule() -> Object {
        let item =
            json!({"path": "f/a/b", "schedule": "0 0 4 * * *", "enabled": false, "args": {}});
        let name = "schedule f/a/b".parse().unwrap();
        let free = &["schedule", "enabled"];
        let item = item.as_object().unwrap().clone();
        Object {
            free,
            ..Object::new(name, item)
        }
    }

    #[test]
    fn what_is_free_and_what_people_set_stays() {
        let there = json!({"schedule": "0 0 5 * * *", "enabled": true, "args": {"x": 1}, "tag": "big", "email": "a@b"});
        assert_eq!(
            schedule().over(&there),
            json!({"path": "f/a/b", "schedule": "0 0 5 * * *", "enabled": true, "args": {}, "tag": "big"})
        );
        assert_eq!(schedule().compared(), json!({"path": "f/a/b", "args": {}}));
    }

    #[test]
    fn a_secrets_value_is_in_no_hash() {
        let secret = |value: &str| Object {
            free: &["value"],
            ..Object::new(
                "variable f/a/b".parse().unwrap(),
                json!({"value": value, "is_secret": true})
                    .as_object()
                    .unwrap()
                    .clone(),
            )
        };
        assert_eq!(secret("one").fingerprint(), secret("two").fingerprint());
    }
}
