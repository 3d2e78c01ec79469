//! Steps of a project in git, through the API.
//!
//! Always so: the project's own checkout is as it was.

use serde_json::{Value, json};

use crate::git_fixture::{commit_all, git};
use crate::protocol_fixture::{Claimed, Project, appears, checked_by, shell_step};
use crate::wait::until;

/// A project whose scripts are committed.
pub(crate) async fn project(scripts: &[(&str, &str)]) -> Project {
    let project = Project::new().await;
    for (name, text) in scripts {
        project.script(name, text);
    }
    commit_all(&project.workspace);
    project
}

fn on_branch(project: &Project, protocol: i64, file: &str) -> String {
    let file = format!("millwright/{protocol}-0001-demo:{file}");
    git(&project.workspace, &["show", &file])
}

async fn claim_all(project: &Project, protocol: i64) -> Vec<Claimed> {
    let path = format!("/protocols/{protocol}/actions/run_next_step");
    let body = json!({"holder": "flow", "all": true});
    let answer = project.api.post(&path, &body).await.expect(200);
    let claimed = |step: &Value| Claimed {
        step: step["step_run_id"].as_i64().unwrap(),
        claim: step["claim"].as_str().unwrap().to_owned(),
    };
    answer["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(claimed)
        .collect()
}

/// Each waits until the other has begun: they are at work at the same time.
fn meeting(own: &str, other: &str, then: &str) -> String {
    let marks = r#"marks="$(git rev-parse --path-format=absolute --git-common-dir)/marks"; mkdir -p "$marks""#;
    format!(
        r#"{marks}; : > "$marks/{own}"; while [ ! -e "$marks/{other}" ]; do sleep 0.01; done; {then}"#
    )
}

#[tokio::test]
async fn two_steps_at_once_are_merged_and_the_checkout_stays() {
    let (a, b) = (
        meeting("a", "b", "echo a > a.txt; echo done"),
        meeting("b", "a", "echo b > b.txt; echo done"),
    );
    let check = "test -e a.txt && test -e b.txt && echo VERDICT: PASS";
    let project = project(&[
        ("a.sh", &a),
        ("b.sh", &b),
        ("c.sh", "cat a.txt b.txt"),
        ("check.sh", check),
    ])
    .await;
    std::fs::write(project.workspace.join("mine.txt"), "mine").unwrap();
    let skip = json!({"policy": "skip"});
    let mut last = shell_step("03-c", "c.sh", checked_by("check.sh"));
    last["depends_on"] = json!(["01-a", "02-b"]);
    let protocol = project
        .planned(json!([
            shell_step("01-a", "a.sh", json!({"qa": skip})),
            shell_step("02-b", "b.sh", json!({"qa": skip})),
            last,
        ]))
        .await;
    let steps = claim_all(&project, protocol).await;
    assert_eq!(steps.len(), 2);
    let begun = [
        project.begin(&steps[0], "execute", json!({})).await,
        project.begin(&steps[1], "execute", json!({})).await,
    ];
    for execution in &begun {
        let ended = project.ended(execution).await;
        assert_eq!(ended["status"], "succeeded", "{ended}");
    }
    let last = project.next(protocol, "flow").await;
    project.execute(&last).await;
    let checked = project.qa(&last).await;
    assert_eq!(checked["result"]["verdict"], "passed", "{checked}");
    assert_eq!(project.status(protocol).await, "completed");

    assert_eq!(on_branch(&project, protocol, "a.txt"), "a");
    let done = project.events(protocol).await;
    let done = done
        .iter()
        .rev()
        .find(|event| event["event_type"] == "step_completed");
    let output = &done.unwrap()["metadata"]["outputs"]["protocol"];
    assert_eq!(
        std::fs::read_to_string(output.as_str().unwrap()).unwrap(),
        "a\nb\n"
    );
    assert_eq!(
        git(&project.workspace, &["status", "--porcelain"]),
        "?? mine.txt"
    );
    let range = format!("main..millwright/{protocol}-0001-demo");
    let log = git(
        &project.workspace,
        &["log", "--format=%s", "--no-merges", &range],
    );
    let mut subjects: Vec<&str> = log.lines().collect();
    subjects.sort_unstable();
    subjects.retain(|subject| !subject.starts_with("Check of "));
    assert_eq!(subjects, ["01-a", "02-b", "03-c"]);
}

#[tokio::test]
async fn the_later_of_two_that_conflict_fails_with_the_files_and_can_be_run_again() {
    let (a, b) = (
        meeting("a", "b", "echo a > same.txt; echo done"),
        meeting("b", "a", "echo b > same.txt; echo done"),
    );
    let project = project(&[("a.sh", &a), ("b.sh", &b)]).await;
    let skip = json!({"qa": {"policy": "skip"}});
    let protocol = project
        .planned(json!([
            shell_step("01-a", "a.sh", skip.clone()),
            shell_step("02-b", "b.sh", skip)
        ]))
        .await;
    let steps = claim_all(&project, protocol).await;
    let mut begun = Vec::new();
    for step in &steps {
        begun.push(project.begin(step, "execute", json!({})).await);
    }
    let mut failures = Vec::new();
    for (execution, step) in begun.iter().zip(&steps) {
        let ended = project.ended(execution).await;
        if ended["status"] == "failed" {
            failures.push((ended, step.step));
        }
    }
    let [(failed, step)] = &failures[..] else {
        panic!("one of the two fails: {failures:?}");
    };
    assert_eq!(failed["error"]["name"], "MergeConflict");
    let message = failed["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("in same.txt; its work is kept on the branch"),
        "{message}"
    );
    assert_eq!(project.status(protocol).await, "blocked");

    let path = format!("/steps/{step}/actions/execute");
    let begun = project.api.post(&path, &json!({})).await.expect(202);
    let ended = project.ended(begun["execution_id"].as_str().unwrap()).await;
    assert_eq!(ended["status"], "succeeded", "{ended}");
    assert_eq!(project.status(protocol).await, "completed");
}

#[tokio::test]
async fn gates_and_checks_are_told_what_the_step_has_changed() {
    let gate = r#"test "$MILLWRIGHT_STEP_CHANGES" = a.txt && git diff --name-only "$MILLWRIGHT_STEP_BASE" | grep -q a.txt"#;
    let policy = json!({"policy_overrides": {"gates": {"test": gate}}});
    let project = Project::with(&policy).await;
    project
        .script("a.sh", "echo a > a.txt")
        .script("b.sh", "echo b > b.txt")
        .script(
            "check.sh",
            "test \"$MILLWRIGHT_STEP_CHANGES\" = a.txt && echo VERDICT: PASS",
        );
    commit_all(&project.workspace);
    let mut first = shell_step("01-a", "a.sh", checked_by("check.sh"));
    first["qa"]["gates"] = json!(["test"]);
    let other = shell_step("02-b", "b.sh", json!({}));
    let protocol = project.planned(json!([first, other])).await;
    let steps = claim_all(&project, protocol).await;
    for step in &steps {
        project.execute(step).await;
    }
    let checked = project.qa(&steps[0]).await;
    assert_eq!(checked["result"]["verdict"], "passed", "{checked}");
}

#[tokio::test]
async fn a_failure_passes_where_the_step_has_committed_nothing_but_the_protocols_own_files() {
    let policy = json!({"policy_overrides": {"qa_pass_protocol_only": true}});
    for (work, verdict) in [
        ("echo noted", "passed"),
        ("echo x > elsewhere.txt; echo noted", "failed"),
    ] {
        let project = Project::with(&policy).await;
        project
            .script("a.sh", work)
            .script("other.sh", "echo y > more.txt")
            .script("check.sh", "echo VERDICT: FAIL");
        commit_all(&project.workspace);
        let steps = json!([
            shell_step("01-a", "a.sh", checked_by("check.sh")),
            shell_step("02-other", "other.sh", json!({})),
        ]);
        let protocol = project.planned(steps).await;
        let steps = claim_all(&project, protocol).await;
        for step in &steps {
            project.execute(step).await;
        }
        let checked = project.qa(&steps[0]).await;
        assert_eq!(checked["result"]["verdict"], verdict, "{work}: {checked}");
        let story = project.story(protocol).await;
        let downgraded = story.contains(&"qa_downgraded_protocol_only".to_owned());
        assert_eq!(downgraded, verdict == "passed");
    }
}

/// Waits until a project has no worktrees any more.
async fn gone(project: &Project) {
    until("the worktrees are gone", async || {
        let listed = git(&project.workspace, &["worktree", "list"]);
        (listed.lines().count() == 1).then_some(())
    })
    .await;
}

async fn shown(project: &Project, protocol: i64) -> Value {
    let path = format!("/protocols/{protocol}");
    project.api.get(&path).await.expect(200)
}

#[tokio::test]
async fn a_protocol_tells_its_worktree_for_as_long_as_it_is_there() {
    let project = project(&[("a.sh", "echo a > a.txt; echo done")]).await;
    let steps = json!([
        shell_step("01-a", "a.sh", json!({})),
        shell_step("02-b", "a.sh", json!({"depends_on": ["01-a"]})),
    ]);
    let protocol = project.planned(steps).await;
    assert_eq!(
        shown(&project, protocol).await["worktree_path"],
        Value::Null
    );
    let step = project.next(protocol, "flow").await;
    project.execute(&step).await;
    let run = shown(&project, protocol).await;
    assert_eq!(run["worktree_made"], true);
    let worktree = std::path::PathBuf::from(run["worktree_path"].as_str().unwrap());
    assert_eq!(
        std::fs::read_to_string(worktree.join("a.txt")).unwrap(),
        "a\n"
    );
    let step = project.next(protocol, "flow").await;
    project.execute(&step).await;
    until("the branch is free", async || {
        let head = git(&worktree, &["rev-parse", "--abbrev-ref", "HEAD"]);
        (head == "HEAD").then_some(())
    })
    .await;
    let run = shown(&project, protocol).await;
    assert_eq!(
        (&run["worktree_path"], &run["worktree_made"]),
        (&Value::Null, &json!(false))
    );
    let output = worktree.join(".protocols/0001-demo/outputs/02-b.md");
    assert_eq!(std::fs::read_to_string(output).unwrap(), "done\n");
    assert_eq!(on_branch(&project, protocol, "a.txt"), "a");
}

#[tokio::test]
async fn a_cancelled_protocol_leaves_no_worktree_and_loses_no_work() {
    let project = project(&[("a.sh", "echo")]).await;
    let begun = project.workspace.parent().unwrap().join("begun");
    let script = format!(
        "echo half > half.txt; echo begun > '{}'; exec sleep 600",
        begun.display()
    );
    project.script("a.sh", &script);
    git(
        &project.workspace,
        &["commit", "--quiet", "--all", "-m", "Two"],
    );
    let protocol = project
        .planned(json!([shell_step("01-a", "a.sh", json!({}))]))
        .await;
    let step = project.next(protocol, "flow").await;
    let execution = project.begin(&step, "execute", json!({})).await;
    appears(&begun).await;
    project.action(protocol, "cancel").await.expect(200);
    project.ended(&execution).await;
    gone(&project).await;
    let kept = format!("millwright/{protocol}-0001-demo--01-a-unfinished:half.txt");
    assert_eq!(git(&project.workspace, &["show", &kept]), "half");
}

#[tokio::test]
async fn a_protocol_that_is_cancelled_while_it_is_planned_leaves_no_worktree() {
    let engine = json!({"policy_overrides": {"default_engine_id": "shell"}});
    let project = Project::with(&engine).await;
    let begun = project.workspace.parent().unwrap().join("begun");
    let script = format!(
        "echo half > half.txt; echo begun > '{}'; exec sleep 600",
        begun.display()
    );
    project.script("prompts/protocol-new.prompt.md", &script);
    commit_all(&project.workspace);
    let body = json!({"protocol_name": "0001-demo", "description": "x"});
    let path = format!("/projects/{}/protocols", project.id);
    let made = project.api.post(&path, &body).await.expect(200);
    let protocol = made["id"].as_i64().unwrap();
    project.action(protocol, "start").await.expect(200);
    appears(&begun).await;
    let listed = git(&project.workspace, &["worktree", "list"]);
    assert_eq!(listed.lines().count(), 2, "{listed}");
    project.action(protocol, "cancel").await.expect(200);
    gone(&project).await;
    let branches = git(&project.workspace, &["branch", "--list", "*-unfinished"]);
    let kept = format!("{}:half.txt", branches.trim());
    assert_eq!(git(&project.workspace, &["show", &kept]), "half");
}
