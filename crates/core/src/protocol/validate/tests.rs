//! Validation, seen from outside: a spec goes in, all that is wrong with it comes out.
//!
//! Always so: each test says what is told, word for word.

use serde_json::json;

use super::*;

fn step(id: &str, more: &Value) -> Value {
    let mut step =
        json!({"id": id, "engine_id": "shell", "prompt_ref": "p.sh", "qa": {"policy": "skip"}});
    for (key, value) in more.as_object().into_iter().flatten() {
        step[key] = value.clone();
    }
    step
}

fn errors(spec: &Value) -> Vec<String> {
    let errors = planned_steps(spec, &SpecContext::default()).unwrap_err();
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn steps_are_placed_with_their_types_and_dependencies() {
    let spec = json!({"steps": [
        step("b", &json!({"depends_on": ["a"], "order": 5})),
        step("a", &json!({"name": "00-start", "my_key": 1})),
    ]});
    let planned = planned_steps(&spec, &SpecContext::default()).unwrap();
    let seen: Vec<_> = planned
        .iter()
        .map(|step| (step.spec.id.as_str(), step.step_type, &*step.depends_on))
        .collect();
    assert_eq!(
        seen,
        [
            ("a", StepType::Setup, &[][..]),
            ("b", StepType::Work, &[0][..])
        ]
    );
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let spec = json!({"steps": [
        {"id": "a", "engine_id": null, "qa": {"policy": "skip"}},
        {"id": "b", "prompt_ref": "x", "qa": {"policy": "skip"}},
        {"id": "c", "engine_id": null, "prompt_ref": "x", "qa": {}},
        {"id": "d", "engine_id": null, "prompt_ref": "x", "qa": {"policy": null}, "outputs": {"other": "x"}},
    ]});
    assert_eq!(
        errors(&spec),
        [
            "/steps/0: missing field `prompt_ref`",
            "/steps/1: missing field `engine_id`",
            "/steps/2: missing field `policy`",
            "/steps/3: unknown field `other`, expected `protocol` or `aux`",
        ]
    );
}

#[test]
fn repeated_ids_unknown_dependencies_and_circles_are_named() {
    let spec = json!({"steps": [
        step("a", &json!({"depends_on": ["nope"]})),
        step("a", &json!({"name": "x"})),
        step("b", &json!({"depends_on": ["d"]})),
        step("c", &json!({"depends_on": ["b"]})),
        step("d", &json!({"depends_on": ["c"]})),
        step("e", &json!({"depends_on": ["d"]})),
    ]});
    assert_eq!(
        errors(&spec),
        [
            "/steps/0/depends_on/0: there is no step with the id \"nope\"",
            "/steps/1/id: the id \"a\" is that of /steps/0 too",
            "/steps/2/depends_on: steps depend on each other in a circle: b -> d -> c -> b",
        ]
    );
}

#[test]
fn of_a_long_circle_the_first_few_are_named() {
    let in_a_circle = |of: usize| {
        let need = |n: usize| format!("s{:05}", (n + 1) % of);
        let steps: Vec<Value> = (0..of)
            .map(|n| step(&format!("s{n:05}"), &json!({"depends_on": [need(n)]})))
            .collect();
        errors(&json!({"steps": steps})).join("\n")
    };
    let circle = "/steps/0/depends_on: steps depend on each other in a circle: s00000 -> s00001 -> s00002 -> s00003 -> \
         s00004 -> s00005 -> s00006 -> s00007 -> s00008 -> s00009 -> ";
    assert_eq!(in_a_circle(10), format!("{circle}s00000"));
    assert_eq!(
        in_a_circle(10_000),
        format!("{circle}(9990 more) -> s00000")
    );
}

#[test]
fn ids_and_names_hold_no_control_characters() {
    let spec = json!({"steps": [step("a\u{0}b", &json!({"name": "two\nlines"})), step("ü b", &json!({}))]});
    assert_eq!(
        errors(&spec),
        [
            r"/steps/0/id: it holds the control character '\0': leave it out",
            r"/steps/0/name: it holds the control character '\n': leave it out",
        ]
    );
}

#[test]
fn what_is_no_list_of_steps_is_refused() {
    assert_eq!(errors(&json!({})), ["/: `steps` is missing"]);
    assert_eq!(errors(&json!({"steps": []})), ["/steps: there is no step"]);
    assert_eq!(
        errors(&json!({"steps": "x"})),
        ["/steps: this is no list of steps"]
    );
}

#[test]
fn ten_thousand_steps_in_a_chain_are_fine() {
    let steps: Vec<Value> = (0..10_000)
        .map(|n| {
            let needs: Vec<String> = (n > 0).then(|| format!("s{}", n - 1)).into_iter().collect();
            step(&format!("s{n}"), &json!({"depends_on": needs}))
        })
        .collect();
    assert_eq!(
        planned_steps(&json!({"steps": steps}), &SpecContext::default())
            .unwrap()
            .len(),
        10_000
    );
}

#[test]
fn a_step_that_cannot_be_read_keeps_no_other_from_being_checked() {
    let spec = json!({"version": 2, "steps": [
        {"id": "a", "engine_id": null, "qa": {"policy": "skip"}},
        step("b", &json!({"depends_on": ["a", "x"]})),
    ]});
    assert_eq!(
        errors(&spec),
        [
            "/: invalid type: integer `2`, expected a string",
            "/steps/0: missing field `prompt_ref`",
            "/steps/1/depends_on/1: there is no step with the id \"x\"",
        ]
    );
}

#[test]
fn engines_and_targets_of_triggers_exist() {
    let trigger = |target: &str| json!({"behavior": {"type": "trigger", "triggerAgentId": target}});
    let spec = json!({"steps": [
        step("a", &json!({"engine_id": "codex", "qa": {"policy": "full", "engine_id": "gemeni"}})),
        step("b", &json!({"name": "01-fixer.md", "policies": [trigger("fixer"), trigger("nobody")]})),
        step("c", &json!({"policies": [{"behavior": "trigger"}, {"behavior": "loop"}]})),
    ]});
    let context = SpecContext {
        engines: Some(&["codex", "shell"]),
        ..SpecContext::default()
    };
    let errors = planned_steps(&spec, &context).unwrap_err();
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        errors,
        [
            "/steps/0/qa/engine_id: the engine \"gemeni\" is not known: this version has codex, shell",
            "/steps/1/policies/1: the trigger's target \"nobody\" is no step's agent",
            "/steps/2/policies/0: the trigger names no target: give it a trigger_agent_id",
        ]
    );
}

#[test]
fn paths_stay_in_the_workspace() {
    let refused = |path: &str, context: &SpecContext<'_>| {
        let outputs = json!({"prompt_ref": path, "outputs": {"aux": {"a/b": path}}});
        let errors = planned_steps(&json!({"steps": [step("a", &outputs)]}), context);
        let errors = errors.err().unwrap_or_default();
        let pointers: Vec<String> = errors.into_iter().map(|error| error.pointer).collect();
        let both = ["/steps/0/prompt_ref", "/steps/0/outputs/aux/a~1b"];
        assert!(
            pointers.is_empty() || pointers == both,
            "{path}: {pointers:?}"
        );
        !pointers.is_empty()
    };
    let here = SpecContext {
        workspace: Some("/home/me/work"),
        ..SpecContext::default()
    };
    for path in [
        "a.md",
        "../../prompts/a.md",
        "/home/me/work/a.md",
        "a/../../b.md",
    ] {
        assert!(!refused(path, &here), "{path}");
    }
    for path in [
        "../../../a.md",
        "/etc/passwd",
        "/home/me/worked/a.md",
        "/home/me/work/../a.md",
        "a\0b",
    ] {
        assert!(refused(path, &here), "{path}");
    }
    assert!(!refused("/etc/passwd", &SpecContext::default()));
    let deep = SpecContext {
        protocol_root: Some("/home/me/work/a/b/c"),
        ..here
    };
    assert!(!refused("../../../a.md", &deep));
    let anywhere = SpecContext {
        outside_allowed: true,
        ..here
    };
    assert!(!refused("/etc/passwd", &anywhere));
}

#[test]
fn a_plan_of_too_many_steps_is_refused() {
    let steps = vec![json!(null); MOST_STEPS + 1];
    assert_eq!(
        errors(&json!({"steps": steps})),
        ["/steps: there are 20001 steps: at most 20000 are a plan"]
    );
}
