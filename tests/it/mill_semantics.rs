//! The recorded behaviour of a Windmill server, run by the mill.
//!
//! Always so: what is expected was recorded from a real server, and is not written by hand.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use millwright::mill::MillError;
use millwright_core::openflow::Flow;
use serde_json::{Map, Value, json};

use crate::mill_fixture::{Fixture, bash_with};

/// Texts that stand for any text.
const ANY: [&str; 4] = ["<engine message>", "<stack>", "<uuid>", "<source>"];

/// Stands in for a bun step: a flow whose only step is bash, and writes what the script's `main` returns. The mill's own
/// engine runs `main`; what it throws is not told as bun tells it.
const STAND_IN: &str = "result=\"$1\"\nprintf '%s' \"$result\" > result.json\n";

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
    let mut stand_ins = BTreeMap::new();
    replace_bun(&mut case, &mut stand_ins);
    let needs = case["needs"].take();
    let needs: Option<BTreeMap<String, Value>> = serde_json::from_value(needs).unwrap();
    stand_ins.extend(needs.unwrap_or_default());
    Case {
        name: file.file_stem().unwrap().to_string_lossy().into_owned(),
        flow: Flow::from_value(case["flow"].take()).unwrap(),
        args: serde_json::from_value(case["args"].take()).unwrap(),
        needs: stand_ins,
        success: case["outcome"]["success"].as_bool().unwrap(),
        result: case["outcome"]["result"].take(),
    }
}

/// Puts a flow in the place of each bun step whose script throws nothing of its own.
fn replace_bun(part: &mut Value, flows: &mut BTreeMap<String, Value>) {
    if let Some(stand_in) = stand_in(part) {
        let path = format!("f/stand_in/step_{}", flows.len());
        let mut transforms = part["input_transforms"].take();
        if transforms.is_null() {
            transforms = json!({});
        }
        *part = json!({"type": "flow", "path": path, "input_transforms": transforms});
        flows.insert(path, stand_in);
        return;
    }
    match part {
        Value::Object(fields) => fields
            .values_mut()
            .for_each(|part| replace_bun(part, flows)),
        Value::Array(items) => items.iter_mut().for_each(|part| replace_bun(part, flows)),
        _ => {}
    }
}

fn stand_in(value: &Value) -> Option<Value> {
    let script = value["content"]
        .as_str()
        .filter(|_| value["language"] == "bun")?;
    let main = script.strip_prefix("export async ")?.replace(": any", "");
    if main.contains("throw") {
        return None;
    }
    let (_, rest) = main.split_once('(')?;
    let (parameters, _) = rest.split_once(')')?;
    let names = parameters
        .split(',')
        .filter_map(|name| name.split_whitespace().next());
    let args: Vec<String> = names.map(|name| format!("flow_input[{name:?}]")).collect();
    let call = format!("({})({})", main.trim(), args.join(", "));
    // Bun's wrapper writes what is undefined as null.
    let expression =
        format!("return JSON.stringify({call}, (_, value) => value === undefined ? null : value)");
    let transforms = json!({"result": {"type": "javascript", "expr": expression}});
    Some(json!({"value": {"modules": [bash_with("main", STAND_IN, &transforms)]}}))
}

/// Why a case waits: what the mill says it does not do.
async fn run(case: Case) -> Result<(), String> {
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
    let mill = fixture.mill().await;
    let started = match mill.run_flow(None, case.flow, args).await {
        Err(MillError::Refused(reasons)) => return Err(reasons.join("; ")),
        other => other.unwrap(),
    };
    let end = started.wait().await.unwrap();
    assert_eq!(end.success, case.success, "{}: {}", case.name, end.result);
    assert!(
        is_like(&case.result, &end.result),
        "{}:\nexpected {}\nfound    {}",
        case.name,
        case.result,
        end.result
    );
    Ok(())
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

#[tokio::test(flavor = "multi_thread")]
async fn every_case_within_reach_has_the_recorded_outcome() {
    let mut running = tokio::task::JoinSet::new();
    for case in cases() {
        running.spawn(async { (case.name.clone(), run(case).await) });
    }
    let outcomes: BTreeMap<String, Result<(), String>> =
        running.join_all().await.into_iter().collect();
    assert_eq!(outcomes.len(), 90);
    let waiting: Vec<(&String, &String)> = outcomes
        .iter()
        .filter_map(|(name, outcome)| Some((name, outcome.as_ref().err()?)))
        .collect();
    for (name, reason) in &waiting {
        assert!(reason.contains("`bun`"), "{name} waits: {reason}");
    }
    // A case that waits tells how bun throws; a change here is a change of what the mill can do.
    assert_eq!(waiting.len(), 1, "waiting: {waiting:?}");
}
