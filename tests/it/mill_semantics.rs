//! The recorded behaviour of a Windmill server, run by the mill.
//!
//! Always so: what is expected was recorded from a real server, and is not written by hand.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use millwright_core::openflow::Flow;
use serde_json::{Map, Value};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::mill_fixture::Fixture;

/// Texts that stand for any text.
const ANY: [&str; 4] = ["<engine message>", "<stack>", "<uuid>", "<source>"];

/// How many cases run at once: each starts processes.
const AT_ONCE: usize = 4;

struct Case {
    name: String,
    flow: Flow,
    args: Map<String, Value>,
    needs: BTreeMap<String, Value>,
    success: bool,
    result: Value,
}

fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/semantics");
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files
        .filter(|file| {
            file.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    files.sort();
    files.iter().map(|file| case_of(file)).collect()
}

fn case_of(file: &Path) -> Case {
    let mut case: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let needs: Option<BTreeMap<String, Value>> =
        serde_json::from_value(case["needs"].take()).unwrap();
    Case {
        name: file.file_stem().unwrap().to_string_lossy().into_owned(),
        flow: Flow::from_value(case["flow"].take()).unwrap(),
        args: serde_json::from_value(case["args"].take()).unwrap(),
        needs: needs.unwrap_or_default(),
        success: case["outcome"]["success"].as_bool().unwrap(),
        result: case["outcome"]["result"].take(),
    }
}

/// Runs a case where this program runs TypeScript; its complaint where the outcome is another.
async fn run(case: Case, program: &str) -> Result<(), String> {
    let fixture = Fixture::new();
    for (path, flow) in &case.needs {
        fixture.flow(path, flow);
    }
    let mut args = case.args;
    for value in args.values_mut() {
        if *value == "<dir>" {
            *value = fixture.folder("work").to_string_lossy().into();
        }
    }
    let mill = fixture.mill_with(fixture.options_with(&[program])).await;
    let started = mill.run_flow(None, case.flow, args).await;
    let end = started
        .map_err(|error| error.to_string())?
        .wait()
        .await
        .unwrap();
    if end.success == case.success && is_like(&case.result, &end.result) {
        return Ok(());
    }
    let (name, expected, found) = (case.name, case.result, end.result);
    Err(format!("{name}:\nexpected {expected}\nfound    {found}"))
}

fn is_like(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::String(expected), Value::String(found)) => is_like_text(expected, found),
        (Value::Array(expected), Value::Array(found)) => {
            expected.len() == found.len() && expected.iter().zip(found).all(|(a, b)| is_like(a, b))
        }
        (Value::Object(expected), Value::Object(found)) => {
            expected.len() == found.len()
                && expected
                    .iter()
                    .all(|(key, value)| found.get(key).is_some_and(|found| is_like(value, found)))
        }
        (expected, found) => expected == found,
    }
}

fn is_like_text(expected: &str, found: &str) -> bool {
    let mark = ANY.iter().find_map(|mark| expected.split_once(mark));
    match mark {
        None => expected == found,
        Some((before, after)) => found.starts_with(before) && found.ends_with(after),
    }
}

async fn run_all(cases: Vec<Case>, program: &'static str) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    for case in cases {
        let places = Arc::clone(&places);
        running.spawn(async move {
            let _place = places.acquire().await.unwrap();
            run(case, program).await
        });
    }
    let complaints: Vec<String> = running
        .join_all()
        .await
        .into_iter()
        .filter_map(Result::err)
        .collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_case_has_the_recorded_outcome() {
    let cases = cases();
    assert_eq!(cases.len(), 90);
    run_all(cases, "bun").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn node_does_as_bun_where_bun_is_missing() {
    let mut cases = cases();
    cases.retain(|case| case.flow.to_value().to_string().contains("\"bun\""));
    assert!(cases.len() > 40, "{}", cases.len());
    run_all(cases, "node").await;
}
