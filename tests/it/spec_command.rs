//! `millwright spec`: validates, shows, compares and imports specs.
//!
//! Always so: results are on stdout, and the exit code says what came of it.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::protocol_fixture::{Project, shell_step};

struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

fn spec_in(folder: &Path, api: &str, args: &[&str]) -> Said {
    let output = Command::new(env!("CARGO_BIN_EXE_millwright"))
        .arg("spec")
        .args(args)
        .current_dir(folder)
        .env("TASKSGODZILLA_API_URL", api)
        .env_remove("TASKSGODZILLA_API_TOKEN")
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said {
        code: output.status.code(),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

fn write(folder: &Path, name: &str, steps: &Value) {
    fs::write(folder.join(name), json!({"steps": steps}).to_string()).unwrap();
}

#[test]
fn files_are_validated_shown_hashed_and_compared() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let spec = |args: &[&str]| spec_in(folder, "http://127.0.0.1:9", args);
    write(
        folder,
        "a.json",
        &json!([
            shell_step("a", "a.sh", json!({})),
            shell_step("b", "b.sh", json!({"depends_on": ["a"]}))
        ]),
    );
    write(
        folder,
        "b.json",
        &json!([
            shell_step("b", "c.sh", json!({"depends_on": ["c"]})),
            shell_step("c", "c.sh", json!({}))
        ]),
    );
    write(
        folder,
        "bad.json",
        &json!([shell_step(
            "a",
            "/etc/passwd",
            json!({"qa": {}, "depends_on": ["x"]})
        )]),
    );
    let hash = spec(&["hash", "a.json"]).out;
    assert_eq!(
        spec(&["validate", "a.json"]).out,
        format!("valid: 2 steps, hash {hash}")
    );
    let shown = spec(&["show", "a.json"]).out;
    assert!(
        shown.contains("engine shell, prompt b.sh, qa skip, after a\n"),
        "{shown}"
    );
    let bad = spec(&["validate", "bad.json", "--workspace", ".", "--json"]);
    assert_eq!(bad.code, Some(1));
    let told: Value = serde_json::from_str(&bad.out).unwrap();
    assert_eq!(told["status"], "invalid");
    assert_eq!(told["errors"][0]["pointer"], "/steps/0/qa");
    let same = spec(&["diff", "a.json", "a.json"]);
    assert_eq!((same.code, &*same.out), (Some(0), ""));
    let other = spec(&["diff", "a.json", "b.json"]);
    assert_eq!(other.code, Some(1));
    assert_eq!(
        other.out,
        "removed  a\nchanged  b depends_on, prompt_ref\nadded    c\n"
    );
    let schema: Value = serde_json::from_str(&spec(&["schema"]).out).unwrap();
    assert_eq!(schema["title"], "ProtocolSpec");
    for (path, reason) in [
        ("nothing.json", "cannot read nothing.json"),
        (".", "there is no step file"),
    ] {
        let said = spec(&["show", path]);
        assert_eq!(said.code, Some(2), "{}", said.err);
        assert!(said.err.contains(reason), "{}", said.err);
    }
    assert_eq!(spec(&["show", "7"]).code, Some(3));
}

#[tokio::test]
async fn a_protocol_gets_its_spec_from_step_files_and_from_a_task_list() {
    let project = Project::new().await;
    let path = format!("/projects/{}/protocols", project.id);
    let made = project
        .api
        .post(&path, &json!({"protocol_name": "0001-demo"}))
        .await
        .expect(200);
    let id = made["id"].to_string();
    let folder = project.workspace.clone();
    let root = folder.join(".protocols/0001-demo");
    fs::create_dir_all(&root).unwrap();
    for name in ["00-setup.md", "01-build.md", "plan.md"] {
        fs::write(root.join(name), "do it").unwrap();
    }
    fs::write(
        folder.join("tasks.md"),
        "- [ ] T001: a\n- [ ] T002: b [DEPENDS: T001]\n",
    )
    .unwrap();
    fs::write(
        folder.join("circle.md"),
        "- [ ] T001: a [DEPENDS: T002]\n- [ ] T002: b [DEPENDS: T001]\n",
    )
    .unwrap();
    let address = project.api.address.clone();
    let said = tokio::task::spawn_blocking(move || {
        let spec = |args: &[&str]| spec_in(&folder, &address, args);
        let files = spec(&["import", &id, ".protocols/0001-demo"]);
        let same = spec(&["diff", &id, ".protocols/0001-demo"]);
        let tasks = spec(&["import", &id, "tasks.md", "--json"]);
        let circle = spec(&["import", &id, "circle.md"]);
        let none = spec(&["import", "99", "tasks.md"]);
        [files, same, tasks, circle, none]
    });
    let [files, same, tasks, circle, none] = said.await.unwrap();
    assert!(
        files
            .out
            .ends_with(": 2 steps added, 0 changed, 0 removed, 0 kept\n"),
        "{}{}",
        files.out,
        files.err
    );
    assert_eq!(same.code, Some(0), "{}", same.out);
    let answer: Value = serde_json::from_str(&tasks.out).unwrap();
    assert_eq!(
        answer["steps"],
        json!({"added": 2, "changed": 0, "removed": 2, "kept": 0})
    );
    assert_eq!(circle.code, Some(2));
    assert!(
        circle.err.contains("circle: T001 -> T002 -> T001"),
        "{}",
        circle.err
    );
    assert_eq!(none.code, Some(2), "{}", none.err);
    let event = project.event(made["id"].as_i64().unwrap(), "planned").await;
    assert_eq!(event["metadata"]["source"], "files");
}

#[tokio::test]
async fn what_a_workspace_leaves_out_is_told_beside_the_result() {
    let project = Project::new().await;
    let path = format!("/projects/{}/protocols", project.id);
    let made = project
        .api
        .post(&path, &json!({"protocol_name": "0001-small"}))
        .await
        .expect(200);
    let id = made["id"].to_string();
    let folder = project.workspace.clone();
    for (name, text) in [
        (
            "config/main.agents.js",
            "module.exports = [{id: 'a', promptPath: 'a.md'}]",
        ),
        (
            "config/sub.agents.js",
            "module.exports = [{id: 'b', promptPath: 'gone.md'}]",
        ),
        ("a.md", "Do it."),
    ] {
        fs::create_dir_all(folder.join("config")).unwrap();
        fs::write(folder.join(name), text).unwrap();
    }
    let address = project.api.address.clone();
    let said = tokio::task::spawn_blocking(move || {
        let spec = |args: &[&str]| spec_in(&folder, &address, args);
        [
            spec(&["import", &id, ".", "--json"]),
            spec(&["import", &id, "."]),
            spec(&["validate", "."]),
        ]
    });
    let said = said.await.unwrap();
    for said in &said {
        assert_eq!(said.code, Some(0), "{}", said.err);
        assert!(
            said.err.starts_with("warning: config/sub.agents.js: "),
            "{}",
            said.err
        );
        assert!(said.err.contains("gone.md is not there"), "{}", said.err);
    }
    let answer: Value = serde_json::from_str(&said[0].out).unwrap();
    let warning = answer["warnings"][0].as_str().unwrap();
    assert_eq!(said[0].err, format!("warning: {warning}\n"));
}

#[test]
fn lines_of_a_list_that_look_like_tasks_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let list = "- [ ] T001: one\n* [ ] T002: two\n- [ ] no id\n- [a link](x)\n- plain\n";
    fs::write(folder.path().join("tasks.md"), list).unwrap();
    let said = spec_in(
        folder.path(),
        "http://127.0.0.1:9",
        &["validate", "tasks.md"],
    );
    assert_eq!(said.code, Some(0), "{}", said.err);
    let told: Vec<&str> = said.err.lines().collect();
    assert_eq!(told.len(), 3, "{}", said.err);
    assert!(told[0].starts_with("warning: line 2 is no task and gives no step: * [ ] T002: two"));
    assert!(told[1].contains("line 3"), "{}", said.err);
    assert!(told[2].contains("--workspace DIR"), "{}", said.err);
    let folder = folder.path();
    fs::write(folder.join("tasks.md"), "- [ ] T001: one\n").unwrap();
    let looked = ["validate", "--workspace", ".", "tasks.md"];
    let said = spec_in(folder, "http://127.0.0.1:9", &looked);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""));
    write(
        folder,
        "a.json",
        &json!([shell_step("a", "a.sh", json!({}))]),
    );
    let looked = ["validate", "--workspace", ".", "a.json"];
    let said = spec_in(folder, "http://127.0.0.1:9", &looked);
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert!(
        said.out
            .starts_with("/steps/0/prompt_ref: there is no file \"a.sh\"")
    );
}
