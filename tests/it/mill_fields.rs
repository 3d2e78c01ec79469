//! Every field of Windmill's description of a flow, and what the documentation says of it.
//!
//! Always so: what `docs/mill.md` calls same, left out or refused is what the mill does with the field.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use millwright::mill::MillError;
use millwright_core::openflow::Flow;
use serde_json::{Map, Value, json};

use crate::mill_fixture::Fixture;

/// Described, but no part of a flow that is run.
const NO_PART: [&str; 6] = [
    "FlowNote",
    "FlowStatus",
    "FlowStatusModule",
    "AgentTool",
    "McpToolValue",
    "AiAgent",
];

fn text_of(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

fn schemas() -> Map<String, Value> {
    let text = text_of("tests/data/windmill/openflow.openapi.yaml");
    let mut description: Value = serde_saphyr::from_str(&text).unwrap();
    let schemas = description["components"]["schemas"].take();
    serde_json::from_value(schemas).unwrap()
}

/// The fields that the description names, such as `FlowModule.suspend.timeout`.
fn described() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (name, schema) in &schemas() {
        if !NO_PART.contains(&name.as_str()) {
            collect(name, schema, &mut found);
        }
    }
    found
}

fn collect(at: &str, schema: &Value, found: &mut BTreeSet<String>) {
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let at = format!("{at}.{name}");
        collect(&at, field, found);
        collect(&format!("{at}[]"), &field["items"], found);
        found.insert(at);
    }
}

/// The table: each field with its word.
fn documented() -> BTreeMap<String, String> {
    let text = text_of("docs/mill.md");
    let rows = text.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        let field = cells.next()?.strip_suffix('`')?;
        let word = cells.next()?;
        field
            .contains('.')
            .then(|| (field.to_owned(), word.to_owned()))
    });
    rows.collect()
}

/// Something that the field may say.
fn sample(field: &str) -> Value {
    let name = field.rsplit('.').next().unwrap();
    if field == "FlowModule.suspend.timeout" {
        return json!(1);
    }
    match name {
        "cache_ttl" | "concurrent_limit" | "concurrency_time_window_s" | "priority" => json!(1),
        "sleep" | "timeout" | "parallelism" => json!({"type": "static", "value": 1}),
        "user_groups_required" => json!({"type": "static", "value": ["g"]}),
        "suspend" => json!({"required_events": 0}),
        "resume_form" => json!({"schema": {}}),
        "expr" => json!("false"),
        "required_events" | "attempts" | "seconds" | "multiplier" | "random_factor" => json!(0),
        "schema" | "constant" | "exponential" => json!({}),
        "retry_if" | "skip_if" | "stop_after_if" => json!({"expr": "false"}),
        "retry" => json!({"constant": {"attempts": 0}}),
        "mock" => json!({"enabled": false}),
        "same_worker" | "parallel" | "squash" | "is_trigger" | "hide_cancel" => json!(true),
        "debouncing" | "flow_env" => json!({"x": "y"}),
        "assets" | "notes" | "groups" | "debounce_args_to_accumulate" => json!([{"x": "y"}]),
        name if name.ends_with("_secs") || name.starts_with("debounce_delay") => json!(1),
        "early_return"
        | "concurrency_key"
        | "debounce_key"
        | "custom_concurrency_key"
        | "path"
        | "lock"
        | "tag"
        | "tag_override"
        | "hash"
        | "skip_expr"
        | "skin" => json!("x"),
        _ => json!(true),
    }
}

fn leaf(id: &str) -> Value {
    json!({"id": id, "value": {"type": "rawscript", "language": "bash", "content": "true", "input_transforms": {}}})
}

/// A flow in which a field says something; nothing where every flow has it.
fn flow_with(field: &str) -> Option<Value> {
    let (schema, rest) = field.split_once('.')?;
    let path: Vec<&str> = rest.split('.').collect();
    let mut flow = json!({"value": {"modules": [leaf("a"), leaf("z")]}});
    let step = |value: Value| json!({"id": "a", "value": value});
    let first = "/value/modules/0";
    let value = "/value/modules/0/value";
    let host = match schema {
        "OpenFlow" => "",
        "FlowValue" => "/value",
        "FlowModule" => first,
        "RawScript" => value,
        "PathScript" => {
            flow["value"]["modules"][0] =
                step(json!({"type": "script", "path": "u/x/s", "input_transforms": {}}));
            value
        }
        "ForloopFlow" => {
            flow["value"]["modules"][0] =
                step(json!({"type": "forloopflow", "skip_failures": false,
                "iterator": {"type": "static", "value": []}, "modules": []}));
            value
        }
        "WhileloopFlow" => {
            flow["value"]["modules"][0] =
                step(json!({"type": "whileloopflow", "skip_failures": false, "modules": []}));
            value
        }
        "StopAfterIf" => {
            flow["value"]["modules"][0]["stop_after_if"] = json!({"expr": "false"});
            "/value/modules/0/stop_after_if"
        }
        _ => return None,
    };
    let mut place = flow.pointer_mut(host)?;
    for name in &path[..path.len() - 1] {
        if name.ends_with("[]") {
            return None;
        }
        place = &mut place[*name];
        if place.is_null() {
            *place = json!({});
        }
    }
    let name = path[path.len() - 1];
    if !place[name].is_null() {
        return None;
    }
    let fits = ![
        "preprocessor_module",
        "failure_module",
        "summary",
        "description",
        "error_message",
    ]
    .contains(&name);
    fits.then(|| place[name] = sample(field))?;
    if rest == "concurrency_time_window_s" || rest == "custom_concurrency_key" {
        place["concurrent_limit"] = 1.into();
    }
    if rest == "stop_after_all_iters_if" {
        return None;
    }
    Some(flow)
}

#[test]
fn every_described_field_and_type_is_in_the_documentation() {
    let documented = documented();
    let missing: Vec<String> = described()
        .into_iter()
        .filter(|field| !field.starts_with("OpenFlow.value.") && !documented.contains_key(field))
        .collect();
    assert!(
        missing.is_empty(),
        "docs/mill.md says nothing of {missing:?}"
    );
    let text = text_of("docs/mill.md");
    let types = schemas()["FlowModuleValue"]["discriminator"]["mapping"].clone();
    for name in types.as_object().unwrap().keys() {
        assert!(
            text.contains(&format!("`{name}`")),
            "docs/mill.md does not name the type {name}"
        );
    }
}

#[tokio::test]
async fn the_documentation_says_what_the_mill_does() {
    let fixture = Fixture::new();
    fixture.script("u/x/s", "true");
    let mill = fixture.mill().await;
    let mut tried = 0;
    for (field, word) in documented() {
        let Some(flow) = flow_with(&field) else {
            continue;
        };
        let name = field.rsplit('.').next().unwrap();
        let flow = Flow::from_value(flow).unwrap_or_else(|error| panic!("{field}: {error}"));
        let says = |list: &[String]| {
            list.iter().any(|line| {
                line.split(':')
                    .next()
                    .unwrap()
                    .ends_with(&format!("/{name}"))
            })
        };
        let found = match mill.run_flow(None, flow, Map::new()).await {
            Err(MillError::Refused(reasons)) if says(&reasons) => "refused",
            Err(error) => panic!("{field}: {error}"),
            Ok(started) if says(&started.notes) => "left out",
            Ok(_) => "same",
        };
        let word = if word == "different" {
            "same"
        } else {
            word.as_str()
        };
        assert_eq!(found, word, "{field}");
        tried += 1;
    }
    mill.shut_down("the test is over").await;
    assert!(tried > 60, "{tried} fields were tried");
}
