//! `millwright test`: tests of flows, as files beside them.
//!
//! Always so: each test has a project of its own, and nothing but `millwright` runs in it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::mill_fixture::{bash, bash_with};
use crate::said::{Said, millwright};

/// A project with flows and their tests.
struct Project(TempDir);

impl Project {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A project with one flow of these steps, and its tests.
    fn of(modules: &Value, tests: &str) -> Self {
        let project = Self::new();
        project.flow("a", &json!({ "modules": modules }));
        project.tests("a", tests);
        project
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let file = self.0.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
        file
    }

    fn flow(&self, name: &str, value: &Value) {
        let text = json!({ "value": value }).to_string();
        self.file(&format!("flows/x/{name}.flow.json"), &text);
    }

    fn tests(&self, name: &str, text: &str) -> PathBuf {
        self.file(&format!("flows/x/{name}.flow.test.yaml"), text)
    }

    fn run(&self, args: &[&str]) -> Said {
        test_in(self.0.path(), args)
    }
}

fn test_in(folder: &Path, args: &[&str]) -> Said {
    millwright(folder, &["test"], args)
}

fn call(id: &str, path: &str) -> Value {
    json!({"id": id, "value": {"type": "script", "path": path, "input_transforms": {}}})
}

#[test]
fn every_step_and_branch_of_our_flows_is_tested() {
    let said = test_in(
        Path::new(env!("CARGO_MANIFEST_DIR")),
        &["--fail-under", "100"],
    );
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
}

#[test]
fn our_tests_are_as_their_schema_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let schema = fs::read_to_string(root.join("schemas/flow-test.schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut count = 0;
    for entry in fs::read_dir(root.join("flows/devgodzilla")).unwrap() {
        let path = entry.unwrap().path();
        if !path.to_string_lossy().ends_with(".flow.test.yaml") {
            continue;
        }
        let tests: Value = serde_saphyr::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&tests)
            .map(|error| error.to_string())
            .collect();
        assert_eq!(errors, [""; 0], "{}", path.display());
        count += 1;
    }
    assert_eq!(count, 7);
    assert!(!validator.is_valid(&json!({"tests": [{"name": "a", "expects": {}}]})));
}

#[test]
fn a_difference_is_shown_and_fails() {
    let project = Project::of(
        &json!([call("a", "u/x/a"), call("b", "u/x/b")]),
        "tests:\n  - name: both run\n    mocks:\n      a: {value: 1}\n      b: {value: {n: 1, m: 2}}\n    expect:\n      status: failure\n      result: {n: 2, m: 2}\n      steps: [a, a, b]\n      not_run: [b]\n",
    );
    let said = project.run(&[]);
    assert_eq!(said.code, Some(1), "{}{}", said.out, said.err);
    for line in [
        "f/x/a",
        "FAIL both run  (flows/x/a.flow.test.yaml:2)",
        "status: expected failure, found success",
        "-   \"n\": 2",
        "+   \"n\": 1",
        "- a",
        "line 10: `b` ran, and should not have",
        "1 tests, 1 failed",
    ] {
        assert!(said.out.contains(line), "no {line:?} in\n{}", said.out);
    }
}

#[test]
fn a_step_without_a_mock_says_what_to_write() {
    let tests = "tests:\n  - name: t\n    expect: {status: success}\n";
    let project = Project::of(&json!([call("a", "u/x/a")]), tests);
    let said = project.run(&[]);
    assert_eq!(said.code, Some(1));
    assert!(
        said.out
            .contains("step `a` has no mock and would run u/x/a"),
        "{}",
        said.out
    );
    assert!(said.out.contains("      a:\n"), "{}", said.out);
    // It is there now, and may run.
    project.file("scripts/x/a.sh", "echo hello\n");
    project.tests("a", &format!("unmocked: run\n{tests}      "));
    let said = project.run(&[]);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
}

#[test]
fn what_is_wrong_with_files_is_told_at_once_with_lines() {
    let project = Project::of(
        &json!([call("execute_step", "u/x/a")]),
        "mocks:\n  execute_stepp: {value: 1}\ntests:\n  - name: one\n    mocks:\n      execute_step: {value: 1, error: {message: m}}\n    expect:\n      steps:\n        - executestep\n      not_run: [what]\n",
    );
    project.flow("b", &json!({"modules": []}));
    project.tests("b", "tests:\n  - name: t\n    expct: {}\n");
    project.tests("c", "tests: []\n");
    let said = project.run(&[]);
    assert_eq!(said.code, Some(2), "{}", said.out);
    for line in [
        "a.flow.test.yaml:2: there is no step \"execute_stepp\", did you mean \"execute_step\"?",
        "a.flow.test.yaml:6: the mock of `execute_step`: a mock says one of",
        "a.flow.test.yaml:9: there is no step \"executestep\", did you mean \"execute_step\"?",
        "a.flow.test.yaml:10: there is no step \"what\"; there are execute_step",
        "b.flow.test.yaml:3: unknown field `expct`",
        "did you mean \"expect\"?",
        "c.flow.test.yaml",
    ] {
        assert!(said.err.contains(line), "no {line:?} in\n{}", said.err);
    }
    assert_eq!(said.out, "");
}

#[test]
fn a_mock_that_is_not_used_fails() {
    let tests = "mocks:\n  b: {value: 1}\n  a: {sequence: [{value: 1}, {value: 2}]}\ntests:\n  - name: t\n    mocks:\n      a: {sequence: [{value: 1}, {value: 2}]}\n    expect: {status: success}\n";
    let mut skipped = call("b", "u/x/b");
    skipped["skip_if"] = json!({"expr": "true"});
    let project = Project::of(&json!([call("a", "u/x/a"), skipped]), tests);
    let said = project.run(&[]);
    assert_eq!(said.code, Some(1), "{}", said.out);
    assert!(
        said.out
            .contains("of the 2 answers of `a`, 1 were not used"),
        "{}",
        said.out
    );
    assert!(
        said.out
            .contains("a.flow.test.yaml:2: no test used the mock of `b`"),
        "{}",
        said.out
    );
}

#[test]
fn update_writes_what_was_found_and_nothing_else() {
    let before = "# Kept.\nmocks:\n  a: {value: {n: 1}}   # kept too\n\ntests:\n  - name: changed\n    expect:\n      status: failure\n      result_contains: {n: 2}\n      steps:\n        - {id: a, args: {x: 1}}\n    # about the next\n\n  - name: new\n    args: {x: 3}\n  - name: right\n    expect: {status: success}   # as it was\n";
    let transforms = json!({"x": {"type": "javascript", "expr": "flow_input.x"}});
    let project = Project::of(&json!([bash_with("a", "x=\"$1\"\n", &transforms)]), before);
    let said = project.run(&["--update"]);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    let after = fs::read_to_string(project.0.path().join("flows/x/a.flow.test.yaml")).unwrap();
    insta::assert_snapshot!(after);
    project.run(&["--update"]);
    let again = fs::read_to_string(project.0.path().join("flows/x/a.flow.test.yaml")).unwrap();
    assert_eq!(after, again);
}

#[test]
fn coverage_names_what_no_test_reached() {
    let modules = json!([{"id": "choice", "value": {
        "type": "branchone",
        "branches": [{"summary": "big", "expr": "flow_input.n > 5", "modules": [call("b", "u/x/b")]}],
        "default": [call("c", "u/x/c")],
    }}]);
    let tests = "tests:\n  - name: small\n    args: {n: 1}\n    mocks:\n      c: {value: 1}\n    expect: {status: success}\n";
    let project = Project::of(&modules, tests);
    let said = project.run(&["--coverage"]);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    for line in [
        "steps 2/3, branches 1/2, 60 %",
        "b does not run",
        "choice never takes its branch \"big\"",
    ] {
        assert!(said.out.contains(line), "no {line:?} in\n{}", said.out);
    }
    let said = project.run(&["--fail-under", "61"]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("60.0 %"), "{}", said.err);
}

#[test]
fn reports_for_machines_say_the_same() {
    let tests = "tests:\n  - name: \"good <&\\\">\"\n    mocks: {a: {value: 1}}\n    expect: {result: 1}\n  - name: bad\n    mocks: {a: {error: {message: \"<gone>\\e\"}}}\n    expect: {status: success}\n";
    let project = Project::of(&json!([call("a", "u/x/a")]), tests);
    let said = project.run(&["--json", "--junit", "report.xml"]);
    assert_eq!(said.code, Some(1), "{}", said.err);
    let report: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(report["passed"], false);
    assert_eq!(
        report["tests"][0]["found"]["steps"],
        json!([{"id": "a", "args": {}}])
    );
    assert_eq!(report["tests"][1]["passed"], false);
    assert_eq!(report["coverage"]["percent"], 100.0);
    let xml = fs::read_to_string(project.0.path().join("report.xml")).unwrap();
    assert!(xml.contains("name=\"good &lt;&amp;&quot;&gt;\""), "{xml}");
    assert!(
        xml.contains("tests=\"2\" skipped=\"0\" failures=\"1\""),
        "{xml}"
    );
    assert!(!xml.contains('\u{1b}'), "{xml}");
}

#[test]
fn whether_a_loop_ran_is_not_guessed() {
    let project = Project::of(
        &json!([{"id": "each", "value": {"type": "forloopflow", "skip_failures": false,
            "iterator": {"type": "static", "value": [1]}, "modules": [call("a", "u/x/a")]}}]),
        "tests:\n  - name: t\n    mocks: {a: {value: 1}}\n    expect: {not_run: [each]}\n",
    );
    let said = project.run(&[]);
    assert_eq!(said.code, Some(2), "{}", said.out);
    assert!(
        said.err
            .contains("step \"each\" runs no script and no flow"),
        "{}",
        said.err
    );
}

#[test]
fn people_agree_at_once_in_a_test() {
    let mut asks = call("a", "u/x/a");
    asks["suspend"] = json!({"required_events": 2});
    let project = Project::of(
        &json!([asks, call("b", "u/x/b")]),
        "tests:\n  - name: t\n    mocks: {a: {value: 1}, b: {value: 2}}\n    expect: {status: success, result: 2, took: 0s}\n",
    );
    let said = project.run(&[]);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
}

#[test]
fn a_sub_flow_is_mocked_whole_or_by_its_steps() {
    let project = Project::new();
    project.flow("inner", &json!({"modules": [call("x", "u/x/x")]}));
    project.flow("a", &json!({"modules": [
        {"id": "sub", "value": {"type": "flow", "path": "f/x/inner", "input_transforms": {}}},
        {"id": "away", "value": {"type": "flow", "path": "f/x/missing", "input_transforms": {}}},
    ]}));
    project.tests("a", "mocks:\n  away: {value: there}\ntests:\n  - name: whole\n    mocks:\n      sub: {value: 1}\n    expect:\n      steps: [sub, away]\n  - name: inside\n    mocks:\n      sub/x: {error: {message: inner}, delay: 90s}\n    expect:\n      status: failure\n      error: inner\n      took: 90s\n      steps: [sub/x]\n      not_run: [away]\n");
    let said = project.run(&["--coverage"]);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    assert!(said.out.contains("f/x/inner"), "{}", said.out);
}

#[test]
fn a_mock_may_be_a_script_that_really_runs() {
    let transforms = json!({"who": {"type": "javascript", "expr": "flow_input.who"}});
    let project = Project::of(
        &json!([bash_with("a", "who=\"$1\"\nexit 1\n", &transforms)]),
        "tests:\n  - name: t\n    args: {who: ada}\n    mocks:\n      a:\n        script: |\n          who=\"$1\"\n          echo \"hello $who\"\n    expect: {result: hello ada}\n  - name: fails\n    mocks:\n      a: {script: exit 3}\n    expect: {status: failure, error: 'exit code'}\n",
    );
    let said = project.run(&[]);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
}

#[test]
fn a_filter_chooses_and_a_file_may_be_named() {
    let project = Project::of(
        &json!([bash("a", "exit 1")]),
        "tests:\n  - name: one\n    mocks: {a: {value: 1}}\n    expect: {result: 1}\n  - name: two\n    mocks: {a: {value: 2}}\n    expect: {result: 1}\n",
    );
    let said = project.run(&["--filter", "one", "flows/x/a.flow.test.yaml"]);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    assert!(said.out.contains("1 tests, 0 failed"), "{}", said.out);
    let said = project.run(&["--filter", "three"]);
    assert_eq!(said.code, Some(2));
    assert!(
        said.err.contains("no test has \"three\" in its name"),
        "{}",
        said.err
    );
    let empty = tempfile::tempdir().unwrap();
    let said = test_in(empty.path(), &["."]);
    assert_eq!(said.code, Some(2));
    assert!(
        said.err.contains("no tests were found in ."),
        "{}",
        said.err
    );
}

#[test]
fn a_flow_may_be_nested_deeply() {
    let mut inside = call("a", "u/x/a");
    inside["skip_if"] = json!({"expr": "flow_input.n > 1"});
    for depth in 0..20 {
        inside = json!({"id": format!("b{depth}"), "value": {
            "type": "branchone", "branches": [{"expr": "1 < 2", "modules": [inside]}], "default": [],
        }});
    }
    let tests = "tests:\n  - name: t\n    args: {n: 1}\n    mocks: {a: {value: 7}}\n    expect: {result: 7, steps: [a]}\n";
    let said = Project::of(&json!([inside]), tests).run(&[]);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
}

#[test]
fn a_flow_that_does_not_end_fails_its_test() {
    let body = json!([{"id": "l", "value": {"type": "whileloopflow", "skip_failures": false, "modules": [bash("a", "exit 1")]}}]);
    let tests = "tests:\n  - name: t\n    mocks: {a: {value: 1}}\n    expect: {status: success}\n";
    let said = Project::of(&body, tests).run(&[]);
    assert_eq!(said.code, Some(1), "{}{}", said.out, said.err);
    assert!(said.out.contains("the flow does not end"), "{}", said.out);
}
