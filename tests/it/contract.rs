//! The recorded exchanges of the refs API, replayed in order against a server on a socket.
//!
//! Always so: what is answered otherwise on purpose is in `tests/data/refs-api/differences.json`, with its reason.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use millwright::server::ServerOptions;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::api_fixture::{Answer, Api};

const TOKEN: &str = "the-token";
const LOG: &str = "/var/log/demo/plain.log";

#[derive(Deserialize)]
struct Exchange {
    name: String,
    request: Request,
    response: Response,
}

#[derive(Deserialize)]
struct Request {
    method: String,
    path: String,
    authorization: Option<String>,
    body: Option<Value>,
    raw_body: Option<String>,
}

#[derive(Clone, Deserialize)]
struct Response {
    status: u16,
    content_type: String,
    body: Value,
}

/// What is answered otherwise than recorded.
#[derive(Deserialize)]
struct Difference {
    name: String,
    #[expect(dead_code, reason = "it is there for the reader")]
    reason: String,
    /// The status, where it differs.
    status: Option<u16>,
    /// The whole body, where it differs.
    body: Option<Value>,
    /// Fields of the body that differ.
    #[serde(default)]
    set: Map<String, Value>,
    /// Of a list of runs: which they are, in order.
    runs: Option<Vec<String>>,
    /// Fields that are there as well.
    #[serde(default)]
    more: Vec<String>,
}

fn data<T: for<'de> Deserialize<'de>>(name: &str) -> T {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/refs-api")
        .join(name);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The server under test, and which ids stand for the recorded ones.
struct Replay {
    api: Api,
    log: String,
    ids: BTreeMap<String, String>,
}

impl Replay {
    async fn start() -> Self {
        let api = Api::start_with(|folder| ServerOptions {
            token: Some(TOKEN.to_owned()),
            log_roots: vec![folder.to_owned()],
            ..ServerOptions::default()
        })
        .await;
        let log = api.folder.path().join("plain.log");
        let text = format!("hello\nw\u{f6}rld\n{}", "x".repeat(3000));
        fs::write(&log, text).unwrap();
        Self {
            log: log.display().to_string(),
            api,
            ids: BTreeMap::new(),
        }
    }

    async fn send(&self, request: &Request) -> Answer {
        let mut path = request.path.clone();
        for (recorded, actual) in &self.ids {
            path = path.replace(
                &format!("/artifacts/{recorded}/"),
                &format!("/artifacts/{actual}/"),
            );
        }
        let method: Method = request.method.parse().unwrap();
        let url = format!("{}{path}", self.api.address);
        let mut sent = crate::api_fixture::client().request(method, url);
        if let Some(authorization) = &request.authorization {
            sent = sent.header("authorization", authorization.replace("<token>", TOKEN));
        }
        let body = request.raw_body.clone().or_else(|| {
            request
                .body
                .as_ref()
                .map(|body| body.to_string().replace(LOG, &self.log))
        });
        if let Some(body) = body {
            sent = sent.header("content-type", "application/json").body(body);
        }
        self.api.send(sent).await
    }

    /// Compares, and learns which id stands for a recorded one.
    fn same(&mut self, place: &str, recorded: &Value, actual: &Value, more: &[String]) {
        match (recorded, actual) {
            (Value::Object(recorded), Value::Object(actual)) => {
                for (key, value) in recorded {
                    let there = actual
                        .get(key)
                        .unwrap_or_else(|| panic!("{place}: no {key}"));
                    self.same(&format!("{place}.{key}"), value, there, more);
                }
                let added = |key: &&String| !recorded.contains_key(*key) && !more.contains(key);
                let added: Vec<&String> = actual.keys().filter(added).collect();
                assert!(added.is_empty(), "{place}: not recorded: {added:?}");
            }
            (Value::Array(recorded), Value::Array(actual)) => {
                assert_eq!(recorded.len(), actual.len(), "{place}: {actual:?}");
                for (index, (recorded, actual)) in recorded.iter().zip(actual).enumerate() {
                    self.same(&format!("{place}[{index}]"), recorded, actual, more);
                }
            }
            _ if is_id(place, recorded) => {
                let known = self
                    .ids
                    .entry(text(recorded))
                    .or_insert_with(|| text(actual));
                assert_eq!(*known, text(actual), "{place}");
            }
            _ if is_time(recorded) => {
                assert_eq!(digits_hidden(recorded), digits_hidden(actual), "{place}");
            }
            _ => assert_eq!(
                text(recorded),
                text(actual).replace(&self.log, LOG),
                "{place}"
            ),
        }
    }
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn is_id(place: &str, value: &Value) -> bool {
    let uuid = |text: &str| text.len() == 36 && text.chars().filter(|c| *c == '-').count() == 4;
    place.rsplit('.').next() == Some("id") && value.is_number() || value.as_str().is_some_and(uuid)
}

fn is_time(value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|text| text.starts_with("2026-11-21"))
}

fn digits_hidden(value: &Value) -> String {
    text(value).replace(|c: char| c.is_ascii_digit(), "0")
}

fn expected(
    exchange: &Exchange,
    difference: Option<&Difference>,
    known: &BTreeMap<String, Value>,
) -> Response {
    let mut response = exchange.response.clone();
    let Some(difference) = difference else {
        return response;
    };
    response.status = difference.status.unwrap_or(response.status);
    if let Some(body) = &difference.body {
        response.body = body.clone();
        "application/json".clone_into(&mut response.content_type);
    }
    if let Some(runs) = &difference.runs {
        response.body = runs.iter().map(|run| known[run].clone()).collect();
    }
    for (key, value) in &difference.set {
        response.body[key] = value.clone();
    }
    response
}

#[tokio::test]
async fn every_recorded_exchange() {
    let exchanges: Vec<Exchange> = data("exchanges.json");
    let differences: Vec<Difference> = data("differences.json");
    let mut replay = Replay::start().await;
    let mut started = BTreeMap::new();
    for exchange in &exchanges {
        let difference = differences
            .iter()
            .find(|difference| difference.name == exchange.name);
        let expected = expected(exchange, difference, &started);
        let answer = replay.send(&exchange.request).await;
        let name = &exchange.name;
        assert_eq!(
            answer.status.as_u16(),
            expected.status,
            "{name}: {}",
            answer.text
        );
        assert_eq!(
            answer.headers["content-type"], expected.content_type,
            "{name}"
        );
        let more = difference.map_or(&[][..], |difference| &difference.more);
        if expected.content_type == "application/json" {
            let body = answer.json();
            replay.same(name, &expected.body, &body, more);
            if exchange.request.path.ends_with("/start") {
                let mut body = body.clone();
                body.as_object_mut().unwrap().remove("warnings");
                started.insert(text(&body["run_id"]), body);
            }
        } else {
            assert_eq!(answer.text, text(&expected.body), "{name}");
        }
    }
}
