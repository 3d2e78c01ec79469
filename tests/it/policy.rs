//! Projects' policies: what they find in protocols, what they block, and what is added for them.
//!
//! Always so: a protocol that its policy blocks goes on only when that is kept, and someone lets it go on.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::git_fixture::{commit_all, git};
use crate::protocol_fixture::{Claimed, Project, checked_by, shell_step};

/// A policy that wants a section, a file and a check.
pub(crate) fn policy(enforcement: &Value) -> Value {
    json!({"policy_overrides": {
        "requirements": {"step_sections": ["Verification"], "protocol_files": ["plan.md"]},
        "defaults": {"ci": {"required_checks": ["ci/test.sh"]}}, "enforcement": enforcement,
    }})
}

pub(crate) fn write(project: &Project, name: &str, text: &str) {
    let path = project.workspace.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A step whose prompt is Markdown, which a person does: it is only claimed here.
pub(crate) fn markdown(id: &str) -> Value {
    let mut step = shell_step(id, &format!("{id}.md"), json!({}));
    step["engine_id"] = "codex".into();
    step
}

/// A project whose protocol has two steps, of which neither has what the policy wants.
pub(crate) async fn lacking(enforcement: Value) -> (Project, i64) {
    let project = Project::with(&policy(&enforcement)).await;
    write(&project, "01-a.md", "# A\n");
    write(&project, "02-b.md", "# B\n\n## verification\n");
    let steps = json!([markdown("01-a"), markdown("02-b")]);
    let protocol = project.protocol(steps).await;
    project.start(protocol).await;
    (project, protocol)
}

pub(crate) fn mend(project: &Project) {
    write(project, "01-a.md", "# A\n## Verification\n");
    write(project, ".protocols/0001-demo/plan.md", "# Plan\n");
    fs::create_dir_all(project.workspace.join("ci")).unwrap();
    project.script("ci/test.sh", "true");
}

pub(crate) async fn findings(project: &Project, protocol: i64) -> Value {
    let path = format!("/protocols/{protocol}/policy/findings");
    project.api.get(&path).await.expect(200)
}

fn codes(findings: &Value) -> Vec<&str> {
    let findings = findings.as_array().unwrap().iter();
    findings.map(|one| one["code"].as_str().unwrap()).collect()
}

pub(crate) async fn told(project: &Project, protocol: i64, event_type: &str) -> Vec<Value> {
    let events = project.events(protocol).await.into_iter();
    events
        .filter(|event| event["event_type"] == event_type)
        .collect()
}

const ALL: [&str; 3] = [
    "policy.ci.required_check_missing",
    "policy.protocol.missing_file",
    "policy.step.missing_section",
];

#[tokio::test]
async fn what_is_missing_is_told_once_and_nothing_waits_for_it_where_the_policy_warns() {
    let (project, protocol) = lacking(json!({})).await;
    assert_eq!(project.status(protocol).await, "planned");
    let first = &told(&project, protocol, "policy_findings").await[0]["metadata"];
    assert_eq!(codes(&first["findings"]), ALL);
    assert_eq!(first["scope"], "planning");
    assert_eq!(first["truncated"], false);
    assert_eq!(first["findings"][2]["path"], "01-a.md");
    assert_eq!(first["findings"][2]["step"], "01-a");
    assert_eq!(first["findings"][2]["severity"], "warning");

    let step = project.next(protocol, "flow").await;
    for _ in 0..3 {
        assert_eq!(project.next(protocol, "flow").await.claim, step.claim);
    }
    assert_eq!(told(&project, protocol, "policy_findings").await.len(), 1);

    fs::remove_file(project.workspace.join("02-b.md")).unwrap();
    project.next(protocol, "other").await;
    let events = told(&project, protocol, "policy_findings").await;
    assert_eq!(events.len(), 2);
    let second = &events[1]["metadata"];
    assert_eq!(second["scope"], "step");
    let expected = [ALL[0], ALL[1], "policy.step.file_missing"];
    assert_eq!(codes(&second["findings"]), expected);
    assert_eq!(told(&project, protocol, "policy_blocked").await.len(), 0);
}

#[tokio::test]
async fn a_plan_that_its_policy_blocks_goes_on_when_it_is_mended_and_started_again() {
    let (project, protocol) = lacking(json!({"mode": "block"})).await;
    assert_eq!(project.status(protocol).await, "blocked");
    let blocked = &told(&project, protocol, "policy_blocked").await[0];
    assert_eq!(codes(&blocked["metadata"]["blocking_findings"]), ALL);
    let none = project.select(protocol, "flow").await;
    assert_eq!(none["step_run_id"], Value::Null);
    let message = none["message"].as_str().unwrap();
    assert!(
        message.contains("the check ci/test.sh is not there"),
        "{message}"
    );
    assert_eq!(findings(&project, protocol).await["blocked"], true);

    let by_hand = project
        .api
        .post("/steps/1/actions/execute", &json!({}))
        .await;
    let detail = by_hand.expect(409)["detail"].clone();
    assert!(
        detail.as_str().unwrap().contains("policy was not kept"),
        "{detail}"
    );

    // Not mended: it is held to the policy again, and told nothing new.
    project.start(protocol).await;
    assert_eq!(project.status(protocol).await, "blocked");
    assert_eq!(told(&project, protocol, "policy_findings").await.len(), 1);
    assert_eq!(told(&project, protocol, "policy_blocked").await.len(), 2);

    mend(&project);
    assert_eq!(findings(&project, protocol).await["findings"], json!([]));
    project.start(protocol).await;
    assert_eq!(project.status(protocol).await, "planned");
    let last = told(&project, protocol, "policy_findings").await;
    assert_eq!(last[1]["metadata"]["findings"], json!([]));
    project.next(protocol, "flow").await;
}

#[tokio::test]
async fn work_and_checks_are_refused_where_the_policy_is_not_kept_any_more() {
    let project = Project::with(&policy(&json!({"mode": "block"}))).await;
    mend(&project);
    project
        .script("work.sh", "echo worked")
        .script("check.sh", "echo VERDICT: PASS");
    let step = shell_step("01-work", "work.sh", checked_by("check.sh"));
    let protocol = project.planned(json!([step])).await;
    let check = project.workspace.join("ci/test.sh");

    let step = project.next(protocol, "flow").await;
    fs::remove_file(&check).unwrap();
    let body = json!({"claim": step.claim, "kind": "execute"});
    let path = format!("/steps/{}/actions/begin", step.step);
    project.api.post(&path, &body).await.expect(409);
    assert_eq!(project.status(protocol).await, "blocked");
    assert_eq!(project.steps(protocol).await, ["pending"]);

    project.script("ci/test.sh", "true");
    project.start(protocol).await;
    let step = project.next(protocol, "flow").await;
    project.execute(&step).await;
    fs::set_permissions(&check, fs::Permissions::from_mode(0o644)).unwrap();
    let path = format!("/steps/{}/actions/qa", step.step);
    let body = json!({"claim": step.claim});
    let refused = project.api.post(&path, &body).await.expect(409);
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("chmod +x ci/test.sh"), "{detail}");
    assert_eq!(project.steps(protocol).await, ["needs_qa"]);

    // It has begun, so that it is not planned again.
    let refused = project.action(protocol, "resume").await.expect(409);
    assert!(
        refused["detail"].as_str().unwrap().contains("chmod +x"),
        "{refused}"
    );
    fs::set_permissions(&check, fs::Permissions::from_mode(0o755)).unwrap();
    let resumed = project.action(protocol, "resume").await.expect(200);
    assert_eq!(resumed["status"], "running");
    let step = project.next(protocol, "flow").await;
    project.qa(&step).await;
    assert_eq!(project.status(protocol).await, "completed");
    let codes = told(&project, protocol, "policy_blocked").await.len();
    assert_eq!(codes, 2);
}

#[tokio::test]
async fn what_is_mended_can_be_executed_as_before_and_a_script_gets_no_headings() {
    let overrides = json!({
        "requirements": {"step_sections": ["Verification"]}, "enforcement": {"mode": "block", "autofix": true},
    });
    let project = Project::with(&json!({"policy_overrides": overrides})).await;
    write(&project, "01-a.md", "# A\n");
    let may_run = fs::Permissions::from_mode(0o755);
    fs::set_permissions(project.workspace.join("01-a.md"), may_run).unwrap();
    project.script("run.md", "echo worked");
    commit_all(&project.workspace);
    let steps = json!([markdown("01-a"), shell_step("02-run", "run.md", json!({}))]);
    let protocol = project.planned(steps).await;
    let fixed = &told(&project, protocol, "policy_autofix").await[0]["metadata"];
    assert_eq!(fixed["files"], json!(["01-a.md"]));
    let branch = format!("millwright/{protocol}-0001-demo");
    let listed = git(&project.workspace, &["ls-tree", &branch, "01-a.md"]);
    assert!(listed.starts_with("100755 "), "{listed}");
}

#[tokio::test]
async fn what_can_be_added_is_added_on_the_protocols_branch() {
    let overrides = json!({
        "requirements": {"step_sections": ["Verification"], "protocol_files": ["plan.md", "data.json"]},
        "enforcement": {"mode": "block", "block_codes": ["policy.step.missing_section"], "autofix": true},
    });
    let project = Project::with(&json!({"policy_overrides": overrides})).await;
    write(&project, "01-a.md", "# A\n\n```\nnot closed\n");
    commit_all(&project.workspace);
    let protocol = project.protocol(json!([markdown("01-a")])).await;
    project.start(protocol).await;
    assert_eq!(project.status(protocol).await, "planned");

    let fixed = &told(&project, protocol, "policy_autofix").await[0]["metadata"];
    let files = json!([".protocols/0001-demo/plan.md", "01-a.md"]);
    assert_eq!(fixed["files"], files);
    assert_eq!(fixed["mode"], "block");
    let left = &told(&project, protocol, "policy_findings").await[0]["metadata"]["findings"];
    assert_eq!(codes(left), ["policy.protocol.missing_file"]);
    assert_eq!(left[0]["path"], ".protocols/0001-demo/data.json");

    assert_eq!(
        project.read("01-a.md"),
        "# A\n\n```\nnot closed\n",
        "the checkout is only read"
    );
    let branch = format!("millwright/{protocol}-0001-demo");
    let on_branch = |name: &str| git(&project.workspace, &["show", &format!("{branch}:{name}")]);
    assert_eq!(
        on_branch("01-a.md").trim(),
        "# A\n\n```\nnot closed\n```\n\n## Verification"
    );
    assert_eq!(on_branch(".protocols/0001-demo/plan.md").trim(), "# Plan");

    project.start(protocol).await;
    assert_eq!(told(&project, protocol, "policy_autofix").await.len(), 1);
}

#[tokio::test]
async fn files_are_looked_for_where_work_will_find_them() {
    let project = Project::with(&policy(&json!({"mode": "block"}))).await;
    mend(&project);
    write(&project, "02-b.md", "# B\n## Verification\n");
    commit_all(&project.workspace);
    // What is not committed is not in a worktree, but for the protocol's own folder.
    fs::remove_file(project.workspace.join("ci/test.sh")).unwrap();
    write(&project, "01-a.md", "# A\n");
    let protocol = project
        .protocol(json!([markdown("01-a"), markdown("02-b")]))
        .await;
    project.start(protocol).await;
    let found = findings(&project, protocol).await;
    assert_eq!(found["findings"], json!([]), "{found}");
    assert_eq!(project.status(protocol).await, "planned");
}

#[tokio::test]
async fn files_on_another_machine_are_told_of_and_block_nothing() {
    let mut more = policy(&json!({"mode": "block"}));
    more["local_path"] = "/there/is/no/such/folder".into();
    let project = Project::with(&more).await;
    let protocol = project.protocol(json!([markdown("01-a")])).await;
    project.start(protocol).await;
    assert_eq!(project.status(protocol).await, "planned");
    let found = &told(&project, protocol, "policy_findings").await[0]["metadata"]["findings"];
    assert_eq!(codes(found), ["policy.unverifiable"]);
}

#[tokio::test]
async fn who_switches_the_policy_off_lets_a_blocked_protocol_go_on() {
    let (project, protocol) = lacking(json!({"mode": "block"})).await;
    let path = format!("/projects/{}", project.id);
    let off = json!({"policy_overrides": {}, "policy_enforcement_mode": "off"});
    project.api.put(&path, &off).await.expect(200);
    let none = project.select(protocol, "flow").await;
    assert_eq!(none["status"], "blocked", "someone has to let it go on");
    project.start(protocol).await;
    assert_eq!(project.status(protocol).await, "planned");
    let Claimed { step, .. } = project.next(protocol, "flow").await;
    assert_eq!(step, 1);
}

#[tokio::test]
async fn whoever_plans_is_told_the_policy_and_the_plan_gets_what_it_lacks() {
    let mut more = policy(&json!({"mode": "block", "block_codes": [ALL[2]], "autofix": true}));
    more["policy_overrides"]["default_engine_id"] = "shell".into();
    let project = Project::with(&more).await;
    let script = r#"printf %s "$MILLWRIGHT_REQUEST" > ../asked
cat <<'X'
{"plan_md": "p for `prompts`, prompts/protocol-new.prompt.md: `make test`", "context_md": "c", "log_md": "l",
 "step_files": [{"filename": "01-build.md", "content": "Build."}]}
X"#;
    project.script("prompts/protocol-new.prompt.md", script);
    commit_all(&project.workspace);
    let body = json!({"protocol_name": "0001-demo", "description": "a greeting"});
    let path = format!("/projects/{}/protocols", project.id);
    let made = project.api.post(&path, &body).await.expect(200);
    let protocol = made["id"].as_i64().unwrap();
    project.start(protocol).await;
    assert_eq!(project.status(protocol).await, "planned");
    let asked = project.read("../work.worktrees/asked");
    let told = "a greeting\n\n## The project's policy\n\n- Every step's file has sections with these headings: Verification.";
    assert!(asked.starts_with(told), "{asked}");
    let order = project.story(protocol).await;
    assert_eq!(order, ["policy_autofix", "planned", "policy_findings"]);
    let branch = format!("millwright/{protocol}-0001-demo:.protocols/0001-demo/01-build.md");
    let step = git(&project.workspace, &["show", &branch]);
    assert_eq!(step, "Build.\n\n## Verification");
}
