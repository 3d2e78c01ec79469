//! Variables, resources and a flow's own environment, and where secrets are not.
//!
//! Always so: what is looked for in the database is looked for in all of its files, byte by byte.

use std::fs;

use millwright::mill::{JobEnd, Mill, MillError};
use serde_json::{Map, Value, json};

use crate::mill_fixture::{Fixture, bash, bash_with, flow, given, object, refused, run};
use crate::mill_routes::get_json;

const SECRET: &str = "s3cr3t \"of\" the house";

const FILE: &str = r#"
[variables]
"f/team/url" = "https://example.org"
"f/team/key" = { secret = 's3cr3t "of" the house' }
"f/team/unset" = { env = "MILLWRIGHT_TEST_IS_NEVER_SET" }

[resources."f/team/db"]
host = "localhost"
port = 5432
since = 2026-01-02
password = "$var:f/team/key"

[resources]
"f/team/both" = ["$res:f/team/db"]
"#;

async fn mill(fixture: &Fixture) -> Mill {
    fixture.file("millwright.resources.toml", FILE);
    fixture.mill().await
}

/// A step that passes on what it is given, as it gets it.
fn shows(transforms: &Value) -> Value {
    bash_with(
        "a",
        "value=\"$1\"\nprintf '%s' \"$value\" > \"$OUT\"\n",
        transforms,
    )
}

/// What the step got, which is written beside the database.
async fn got(fixture: &Fixture, step: Value, value: Value, args: &Value) -> (String, JobEnd) {
    fixture.file("millwright.resources.toml", FILE);
    let out = fixture.file("out.txt", "");
    let options = fixture
        .options()
        .with_variable("OUT", out.to_string_lossy());
    let mill = fixture.mill_with(options).await;
    let mut flow = object(&value);
    flow.insert("modules".to_owned(), json!([step]));
    let end = run(&mill, &Value::Object(flow), args).await;
    (fs::read_to_string(out).unwrap(), end)
}

#[tokio::test]
async fn arguments_and_expressions_get_values() {
    for (transform, expected) in [
        (
            json!({"type": "static", "value": "$var:f/team/url"}),
            "https://example.org",
        ),
        (
            json!({"type": "static", "value": "$var:f/team/key"}),
            SECRET,
        ),
        (
            json!({"type": "javascript", "expr": "flow_input.key"}),
            SECRET,
        ),
        (
            json!({"type": "javascript", "expr": "variable('f/team/url').length"}),
            "19",
        ),
        (
            json!({"type": "javascript", "expr": "resource(\"f/team/db\").password"}),
            SECRET,
        ),
        (
            json!({"type": "javascript", "expr": "resource('f/team/both')[0].port + 1"}),
            "5433",
        ),
        (
            json!({"type": "javascript", "expr": "flow_env.NAME"}),
            "from the flow",
        ),
        (
            json!({"type": "javascript", "expr": "flow_env.list[1].x"}),
            "7",
        ),
        (
            json!({"type": "javascript", "expr": "flow_env.NAME.length + flow_env.list.length"}),
            "15",
        ),
        (
            json!({"type": "javascript", "expr": "flow_env.nope"}),
            "null",
        ),
    ] {
        let value = json!({"flow_env": {"NAME": "from the flow", "list": [1, {"x": 7}]}});
        let fixture = Fixture::new();
        let args = json!({"key": "$var:f/team/key"});
        let (found, end) = got(&fixture, shows(&json!({"value": transform})), value, &args).await;
        assert_eq!(found, expected, "{transform}: {}", end.result);
    }
}

#[tokio::test]
async fn a_resource_arrives_whole() {
    let fixture = Fixture::new();
    let step = shows(&given(&json!({"value": {"db": "$res:f/team/db"}})));
    let (found, _) = got(&fixture, step, json!({}), &json!({})).await;
    let found: Value = serde_json::from_str(&found).unwrap();
    let db = json!({"host": "localhost", "port": 5432, "since": "2026-01-02", "password": SECRET});
    assert_eq!(found, json!({ "db": db }));
}

/// Everything that the mill has written.
fn written(fixture: &Fixture) -> String {
    let folder = fixture.folder(".");
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let databases = files.filter(|file| file.to_string_lossy().contains("mill.db"));
    databases
        .map(|file| String::from_utf8_lossy(&fs::read(file).unwrap()).into_owned())
        .collect()
}

#[tokio::test]
async fn a_secret_is_written_nowhere() {
    let fixture = Fixture::new();
    let mill = mill(&fixture).await;
    let mut events = mill.watch();
    let computed = json!({"type": "javascript", "expr": "'Bearer ' + variable('f/team/key')"});
    let transforms =
        json!({"key": {"type": "static", "value": "$var:f/team/key"}, "header": computed});
    let prints = "key=\"$1\"\nheader=\"$2\"\necho \"the key is $key\"\nprintf '%s' \"${key:0:9}\"\nsleep 0.2\nprintf '%s\\n' \"${key:9}\"\necho \"$key\"\n";
    let steps = [
        bash_with("a", prints, &transforms),
        bash_with(
            "b",
            "same=\"$1\"\n[ \"${#same}\" = 21 ]\necho \"got ${#same}\"\n",
            &json!({"same": {"type": "javascript", "expr": "results.a"}}),
        ),
        json!({"id": "l", "value": {"type": "forloopflow", "skip_failures": true,
            "iterator": {"type": "javascript", "expr": "[results.a, `x${results.a}`]"},
            "modules": [bash_with("c", "v=\"$1\"\necho \"$v\" >&2\nexit 1\n", &json!({"v": {"type": "javascript", "expr": "flow_input.iter.value"}}))]}}),
    ];
    let end = run(&mill, &json!({"modules": steps}), &json!({})).await;
    let shown = end.result.to_string();
    assert!(
        end.success && shown.contains("***") && !shown.contains("s3cr3t"),
        "{shown}"
    );
    while let Ok(event) = events.try_recv() {
        assert!(!format!("{event:?}").contains("s3cr3t"), "{event:?}");
    }
    drop(mill);
    let written = written(&fixture);
    assert!(written.contains("$var:f/team/key") && written.contains("Bearer ***"));
    assert!(written.contains("the key is ***"));
    assert!(
        written.contains("got 21"),
        "the next step got something else"
    );
    assert!(!written.contains("s3cr3t"), "it is in the database");
}

#[tokio::test]
async fn what_is_missing_is_refused_before_anything_runs() {
    let fixture = Fixture::new();
    let mill = mill(&fixture).await;
    let transforms = json!({
        "a": {"type": "static", "value": "$var:f/team/nope"},
        "b": {"type": "static", "value": {"db": "$res:f/team/nope"}},
        "c": {"type": "static", "value": "$var:f/team/unset"},
        "d": {"type": "javascript", "expr": "variable('f/team/other') + 1"},
    });
    let text = "a=\"$1\"\nb=\"$2\"\nc=\"$3\"\nd=\"$4\"\n";
    let reasons = refused(
        &mill,
        &json!({"modules": [bash_with("a", text, &transforms)]}),
    )
    .await;
    let place = "/value/modules/0/value/input_transforms";
    assert_eq!(
        reasons,
        [
            format!(
                "{place}/a: there is no variable f/team/nope: write it into [variables] of millwright.resources.toml"
            ),
            format!(
                "{place}/b: there is no resource f/team/nope: write it into [resources] of millwright.resources.toml"
            ),
            format!(
                "{place}/c: the variable f/team/unset comes from the environment's MILLWRIGHT_TEST_IS_NEVER_SET, which is not set"
            ),
            format!(
                "{place}/d: there is no variable f/team/other: write it into [variables] of millwright.resources.toml"
            ),
        ]
    );
    let mut step = bash("a", "true");
    step["skip_if"] = json!({"expr": "variable('f/team/nope') == 1"});
    let branches = json!([{"expr": "resource(\"f/team/nope\").on", "modules": []}]);
    let branch =
        json!({"id": "b", "value": {"type": "branchone", "branches": branches, "default": []}});
    let reasons = refused(&mill, &json!({"modules": [step, branch]}))
        .await
        .join("\n");
    for place in [
        "/value/modules/0/skip_if/expr: there is no variable",
        "/value/modules/1/value/branches/0/expr: there is no resource",
    ] {
        assert!(reasons.contains(place), "{reasons}");
    }
    let value = flow(&json!({"modules": [bash("a", "true")]}));
    let refused = mill
        .run_flow(None, value, object(&json!({"x": "$var:f/team/nope"})))
        .await;
    let Err(MillError::Refused(reasons)) = refused else {
        panic!("it was not refused: {refused:?}");
    };
    assert!(
        reasons[0].starts_with("the input x: there is no variable"),
        "{reasons:?}"
    );
}

#[tokio::test]
async fn what_is_found_missing_later_fails_its_step() {
    let fixture = Fixture::new();
    let mill = mill(&fixture).await;
    let expression = json!({"type": "javascript", "expr": "'$var:f/team/' + 'nope'"});
    let step = bash_with("a", "v=\"$1\"\necho ran\n", &json!({"v": expression}));
    let error = run(&mill, &json!({"modules": [step]}), &json!({}))
        .await
        .result["error"]
        .clone();
    assert_eq!(error["step_id"], "a");
    let message = error["message"].as_str().unwrap();
    assert!(
        message.starts_with("Not found: argument `v`: there is no variable f/team/nope"),
        "{message}"
    );
    let expression = json!({"type": "javascript", "expr": "variable('f/team/' + 'nope')"});
    let step = bash_with("a", "v=\"$1\"\necho ran\n", &json!({"v": expression}));
    let error = run(&mill, &json!({"modules": [step]}), &json!({}))
        .await
        .result["error"]
        .clone();
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("there is no variable f/team/nope"),
        "{error}"
    );
}

#[tokio::test]
async fn stored_arguments_keep_the_names_of_variables() {
    let fixture = Fixture::new();
    fixture.script("u/team/keeps", "key=\"$1\"\necho ${#key}\n");
    let mill = mill(&fixture).await;
    let args = object(&json!({"key": "$var:f/team/key"}));
    let started = mill.run_script_at("u/team/keeps", args).await.unwrap();
    let job = started.job;
    assert_eq!(*started.wait().await.unwrap().result, json!("21"));
    let shown = get_json(&mill.routes(), &format!("jobs_u/get/{job}")).await;
    assert_eq!(shown["args"], json!({"key": "$var:f/team/key"}));
}

#[tokio::test]
async fn a_file_that_is_wrong_is_told_without_its_text() {
    for (text, expected) in [
        ("[variables]\n\"f/a/b\" = \"s3cr3t", "line 2: "),
        (
            "[variables]\n\"f/a/b\" = 7",
            "variables.\"f/a/b\" is no text",
        ),
        (
            "[variables]\n\"f/a/b\" = { secret = \"s3cr3t\", env = \"X\" }",
            "has not one key",
        ),
        ("variables = 7", "variables is no table"),
        (
            "[variable]",
            "\"variable\" is not known there; known: [variables], [resources]",
        ),
    ] {
        let fixture = Fixture::new();
        fixture.script("u/team/x", "true\n");
        fixture.file("millwright.resources.toml", text);
        let mill = fixture.mill().await;
        let error = mill
            .run_script_at("u/team/x", Map::new())
            .await
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("millwright.resources.toml: ") && error.contains(expected),
            "{error}"
        );
        assert!(!error.contains("s3cr3t"), "{error}");
    }
    let fixture = Fixture::new();
    fixture.script("u/team/x", "true\n");
    fixture.file("millwright.toml", "[interpreters]\nruby = [\"ruby\"]\n");
    let error = fixture
        .mill()
        .await
        .run_script_at("u/team/x", Map::new())
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("write {script} there"),
        "{error}"
    );
}
