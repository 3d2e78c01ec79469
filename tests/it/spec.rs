//! What is wrong with a spec: everything at once, each with its place and a plain sentence.
//!
//! Always so: what is told here is what the API and the command line tell.

use millwright::spec::{self, LONGEST, MOST_ERRORS};
use millwright_core::protocol::SpecContext;
use serde_json::{Value, json};

use crate::protocol_fixture::shell_step;

fn errors(spec: &Value) -> Vec<String> {
    let context = SpecContext {
        engines: Some(&["codex", "shell"]),
        workspace: Some("/home/me/work"),
        ..SpecContext::default()
    };
    let errors = spec::validate(spec, &context).err().unwrap_or_default();
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn everything_that_is_wrong_is_told_at_once_in_the_order_of_the_steps() {
    let spec = json!({"version": 1, "placeholders": [], "steps": [
        {"id": "a", "engine_id": "shell", "qa": {"policy": "skip"}},
        {"id": "b", "prompt_ref": "x", "qa": {"policy": "some"}},
        {"id": 3, "engine_id": null, "prompt_ref": "x", "qa": {}},
        shell_step("d", "x", json!({"outputs": {"other": "x", "aux": {"y": 1}}, "step_type": "play", "name": null})),
        shell_step("e", "/etc/passwd", json!({"depends_on": ["a", "z"], "engine_id": "codec"})),
        shell_step("e", "../../../x", json!({"timeout_seconds": "long", "exec_timeout_seconds": -1})),
        shell_step("f", "x", json!({"depends_on": ["g"]})),
        shell_step("g", "x", json!({"depends_on": ["f"]})),
        "step",
        shell_step("h", "x", json!({"policies": [1], "qa": {"policy": "full", "gates": ["tests"]}})),
    ]});
    insta::assert_snapshot!(errors(&spec).join("\n"), @r#"
    /version: this is a number: expected text
    /placeholders: this is a list: expected an object
    /steps/0: `prompt_ref` is missing
    /steps/1: `engine_id` is missing
    /steps/1/qa/policy: "some" is not known: use one of skip, light, full, null
    /steps/2/id: this is a number: expected text
    /steps/2/qa: `policy` is missing
    /steps/3/outputs/aux/y: this is a number: expected text
    /steps/3/outputs: not known here: other
    /steps/3/step_type: "play" is not known: use one of setup, work, qa
    /steps/3/name: this is null: expected text
    /steps/4/depends_on/1: there is no step with the id "z"
    /steps/4/engine_id: the engine "codec" is not known: this version has codex, shell
    /steps/4/prompt_ref: "/etc/passwd" leads out of the workspace
    /steps/5/timeout_seconds: this is text: expected null or a whole number
    /steps/5/exec_timeout_seconds: this is less than 0
    /steps/6/depends_on: steps depend on each other in a circle: f -> g -> f
    /steps/8: this is text: expected an object
    /steps/9/qa/gates/0: "tests" is not known: use one of lint, type, test
    /steps/9/policies/0: this is a number: expected an object
    "#);
}

#[test]
fn what_a_spec_may_hold_is_fine() {
    let spec = json!({"version": "1", "mine": true, "template": null, "metadata": null, "placeholders": {"a": "b"}, "steps": [
        {
            "id": "00-setup", "name": "00-setup.md", "engine_id": null, "prompt_ref": "00-setup.md", "mine": [1],
            "qa": {"policy": null, "prompt": "../../prompts/qa.md", "engine_id": "codex", "inputs": {"a": 1}, "mine": 1},
            "outputs": {"protocol": "out/a.md", "aux": {"codemachine": "aux/a.md"}},
            "policies": [{"behavior": "trigger", "trigger_agent_id": "fix"}, {"behavior": "checkpoint"}],
            "step_type": "setup", "order": 3, "inputs": null, "metadata": {}, "model": null, "description": null,
            "exec_timeout_seconds": 60,
        },
        shell_step("01-fix", "/home/me/work/fix.sh", json!({"depends_on": ["00-setup"], "timeout_seconds": null})),
    ]});
    assert_eq!(errors(&spec), [""; 0]);
}

#[test]
fn no_more_is_told_than_a_person_reads() {
    let steps = vec![json!({"id": "x".repeat(1000)}); 300];
    let errors = errors(&json!({"steps": steps}));
    assert_eq!(errors.len(), MOST_ERRORS + 1);
    assert_eq!(errors[MOST_ERRORS], "/: and 800 more");
    let long = json!({"steps": [shell_step("a", "x", json!({"step_type": "x".repeat(9000)}))]});
    assert!(self::errors(&long)[0].len() < 300);
}

#[test]
fn what_is_too_long_or_too_deep_is_refused_before_it_costs_anything() {
    let deep = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
    let error = spec::read_text("deep.json", &deep).unwrap_err().to_string();
    assert!(
        error.starts_with("deep.json holds no JSON that can be read: recursion limit"),
        "{error}"
    );
    let error = spec::read_text("long.json", &vec![b' '; LONGEST + 1]).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("long.json is longer than {LONGEST} bytes, which no spec is")
    );
    let folder = tempfile::tempdir().unwrap();
    let error = spec::read_file(folder.path()).unwrap_err().to_string();
    assert!(error.starts_with("cannot read "), "{error}");
    let error = spec::read_file(std::path::Path::new("/dev/zero")).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("/dev/zero is longer than {LONGEST} bytes, which no spec is")
    );
}

#[test]
fn the_schema_is_a_schema_and_says_that_it_is_generated() {
    let schema: Value = serde_json::from_str(spec::document()).unwrap();
    assert!(jsonschema::meta::is_valid(&schema));
    assert_eq!(
        schema["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
    assert!(
        schema["$comment"]
            .as_str()
            .unwrap()
            .starts_with("Generated by")
    );
}
