//! Where a project's policy comes from: its overrides, and its repository's own file.
//!
//! Always so: what is no policy is named with its place, and holds nothing up that asks for none.

use serde_json::{Value, json};

use crate::policy::write;
use crate::protocol_fixture::{Project, shell_step};

#[tokio::test]
async fn a_repositorys_own_policy_counts_where_the_project_lets_it() {
    let project = Project::new().await;
    let path = format!("/projects/{}", project.id);
    let text = "requirements:\n  protocol_files: [plan.md]\nenforcement:\n  mode: block\n";
    write(&project, ".tasksgodzilla/policy.yml", text);
    let shown = async || project.api.get(&format!("{path}/policy")).await.expect(200);
    let before = shown().await;
    assert_eq!(before["effective"]["enforcement"]["mode"], "warn");
    assert_eq!(before["repo_local"], Value::Null);

    let change = json!({"policy_repo_local_enabled": true, "policy_enforcement_mode": "off"});
    project.api.put(&path, &change).await.expect(200);
    let after = shown().await;
    assert_eq!(after["effective"]["enforcement"]["mode"], "block");
    assert_eq!(
        after["effective"]["requirements"]["protocol_files"],
        json!(["plan.md"])
    );
    assert_eq!(after["repo_local"], ".tasksgodzilla/policy.yml");
    assert_ne!(
        after["policy_effective_hash"],
        before["policy_effective_hash"]
    );

    project.script("work.sh", "true");
    let protocol = project
        .protocol(json!([shell_step("a", "work.sh", json!({}))]))
        .await;
    project.start(protocol).await;
    assert_eq!(project.status(protocol).await, "blocked");
    let run = project
        .api
        .get(&format!("/protocols/{protocol}"))
        .await
        .expect(200);
    assert_eq!(run["policy_effective_hash"], after["policy_effective_hash"]);
}

#[tokio::test]
async fn a_repositorys_policy_that_cannot_be_read_blocks_too() {
    for (name, text, problem) in [
        ("policy.json", "{", "it is no JSON"),
        ("policy.yml", "a: [", "it is no YAML"),
        (
            "policy.yaml",
            "enforcement: {mode: strict}",
            "enforcement.mode: unknown variant `strict`",
        ),
        (
            "policy.json",
            r#"{"requirements": {"protocol_files": ["../x"]}}"#,
            "requirements.protocol_files.0: a path is",
        ),
    ] {
        let project = Project::with(&json!({
            "policy_repo_local_enabled": true, "policy_enforcement_mode": "block",
        }))
        .await;
        write(&project, &format!(".tasksgodzilla/{name}"), text);
        let shown = project
            .api
            .get(&format!("/projects/{}/policy", project.id))
            .await;
        let problems = &shown.expect(200)["problems"];
        let message = problems[0]["message"].as_str().unwrap();
        assert!(message.contains(problem), "{message}");
        project.script("work.sh", "true");
        let protocol = project
            .protocol(json!([shell_step("a", "work.sh", json!({}))]))
            .await;
        project.start(protocol).await;
        assert_eq!(project.status(protocol).await, "blocked", "{text}");
    }
}

#[tokio::test]
async fn fields_that_no_policy_has_are_told_and_the_others_count() {
    let project = Project::with(&json!({
        "policy_repo_local_enabled": true, "policy_enforcement_mode": "block",
        "policy_overrides": {"meta": {}, "defaults": {"models": {"planning": "x"}, "ci": {"required_checks": ["a.sh"]}}},
    }))
    .await;
    let text = "requirements: {steps: [], protocol_files: [plan.md]}\n";
    write(&project, ".tasksgodzilla/policy.yml", text);
    // As a database of an earlier version may have it.
    rusqlite::Connection::open(project.api.folder.path().join("test.db"))
        .unwrap()
        .execute(
            "UPDATE projects SET policy_overrides = json_set(policy_overrides, '$.enforcement', json('{\"strict\": true}'))",
            [],
        )
        .unwrap();
    let path = format!("/projects/{}/policy", project.id);
    let shown = project.api.get(&path).await.expect(200);
    let effective = &shown["effective"];
    assert_eq!(
        effective["defaults"]["ci"]["required_checks"],
        json!(["a.sh"])
    );
    assert_eq!(
        effective["requirements"]["protocol_files"],
        json!(["plan.md"])
    );
    assert_eq!(effective["enforcement"]["mode"], "block");
    let problems = shown["problems"].as_array().unwrap();
    for (problem, field) in problems
        .iter()
        .zip(["enforcement.strict", "requirements.steps"])
    {
        assert_eq!(problem["severity"], "warning");
        let message = problem["message"].as_str().unwrap();
        assert!(
            message.contains(&format!("{field}: unknown field, use ")),
            "{message}"
        );
    }
    assert_eq!(problems.len(), 2);
}

#[tokio::test]
async fn what_is_no_policy_is_refused_with_its_place() {
    let project = Project::new().await;
    let path = format!("/projects/{}", project.id);
    for (overrides, place, said) in [
        (
            json!({"requirements": {"steps": []}}),
            "requirements.steps",
            "unknown field",
        ),
        (
            json!({"requirements": {"step_sections": "x"}}),
            "requirements.step_sections",
            "expected a sequence",
        ),
        (
            json!({"requirements": {"step_sections": [1]}}),
            "requirements.step_sections.0",
            "expected a string",
        ),
        (
            json!({"enforcement": {"mode": "strict"}}),
            "enforcement.mode",
            "`off`, `warn`, `block`",
        ),
        (
            json!({"enforcement": {"block_codes": ["x"]}}),
            "enforcement.block_codes.0",
            "policy.unreadable",
        ),
        (
            json!({"requirements": {"protocol_files": ["/etc"]}}),
            "requirements.protocol_files.0",
            "stays in its folder",
        ),
        (json!([]), "", "valid dictionary"),
    ] {
        let body = json!({"policy_overrides": overrides});
        let refused = project.api.put(&path, &body).await.expect(422);
        let issue = &refused["detail"][0];
        let loc: Vec<String> = issue["loc"]
            .as_array()
            .unwrap()
            .iter()
            .skip(2)
            .map(|part| {
                part.as_str()
                    .map_or_else(|| part.to_string(), str::to_owned)
            })
            .collect();
        assert_eq!(loc.join("."), place, "{refused}");
        assert!(issue["msg"].as_str().unwrap().contains(said), "{refused}");
        let body = json!({"name": "x", "policy_overrides": overrides});
        project.api.post("/projects", &body).await.expect(422);
    }
    let mode = json!({"policy_enforcement_mode": "strict"});
    project.api.put(&path, &mode).await.expect(422);
    for id in ["9", "0"] {
        project
            .api
            .get(&format!("/projects/{id}/policy"))
            .await
            .expect(404);
        project
            .api
            .get(&format!("/protocols/{id}/policy/findings"))
            .await
            .expect(404);
    }
}
