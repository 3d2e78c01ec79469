//! The prompts that a spec names are looked for when it is taken, where it is known what is there.
//!
//! Always so: what is told names the file, the step, and where it was looked for.

use serde_json::{Value, json};

use crate::git_fixture::{commit_all, git};
use crate::protocol_fixture::{Project, shell_step, write_script};

const SCRIPT: &str = "echo done";

async fn bare(project: &Project) -> i64 {
    let path = format!("/projects/{}/protocols", project.id);
    let new = json!({"protocol_name": "0003-prompts"});
    let made = project.api.post(&path, &new).await;
    made.expect(200)["id"].as_i64().unwrap()
}

async fn import(project: &Project, protocol: i64, steps: &Value, status: u16) -> Value {
    let path = format!("/protocols/{protocol}/spec");
    let body = json!({"spec": {"steps": steps}});
    project.api.post(&path, &body).await.expect(status)
}

/// What is wrong, by pointer.
fn pointers(refused: &Value) -> Vec<&str> {
    let errors = refused["errors"].as_array().unwrap().iter();
    errors
        .map(|error| error["pointer"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_prompt_is_there_or_another_steps_output() {
    let project = Project::new().await;
    let protocol = bare(&project).await;
    project.script("there.sh", SCRIPT);
    std::fs::create_dir(project.workspace.join("folder")).unwrap();
    let named = |prompt: &str, qa: Value| {
        let mut step = shell_step(prompt, prompt, json!({}));
        step["qa"] = qa;
        step
    };
    let skipped = json!({"policy": "skip"});
    let own = |key: &str, prompt: &str| {
        let mut qa = json!({"policy": "full", "prompt": "there.sh", "fix_prompt": "there.sh"});
        qa[key] = json!(prompt);
        qa
    };
    let steps = json!([
        named(
            "there.sh",
            own("prompt", "prompts/quality-validator.prompt.md")
        ),
        named(
            "missing.sh",
            own("fix_prompt", "prompts/auto-fix.prompt.md")
        ),
        named("folder", own("prompt", "no-check.md")),
        named("made.md", own("fix_prompt", "no-fix.md")),
        shell_step(
            "last",
            "there.sh",
            json!({"outputs": {"protocol": "made.md"}, "qa": skipped})
        ),
    ]);
    let refused = import(&project, protocol, &steps, 422).await;
    assert_eq!(
        pointers(&refused),
        [
            "/steps/1/prompt_ref",
            "/steps/2/prompt_ref",
            "/steps/2/qa/prompt",
            "/steps/3/qa/fix_prompt"
        ]
    );
    let workspace = project.workspace.display();
    assert_eq!(
        refused["errors"][0]["message"],
        format!(
            "there is no file \"missing.sh\" in .protocols/0003-prompts or elsewhere in {workspace}, and no other step has it as an output"
        )
    );
    let kept = project.event(protocol, "spec_validation_error").await;
    let first = kept["metadata"]["errors"][0].as_str().unwrap();
    assert!(first.starts_with("/steps/1/prompt_ref: there is no file"));
}

#[tokio::test]
async fn a_name_with_placeholders_waits_for_the_step() {
    let project = Project::new().await;
    let protocol = bare(&project).await;
    let spec = json!({
        "placeholders": {"flavour": "sweet"},
        "steps": [shell_step("a", "{{flavour}}/a.sh", json!({}))],
    });
    let path = format!("/protocols/{protocol}/spec");
    let taken = project.api.post(&path, &json!({"spec": spec})).await;
    taken.expect(200);
}

#[tokio::test]
async fn a_project_may_let_prompts_come_later() {
    let later = json!({"policy_overrides": {"allow_missing_prompts": true}});
    let project = Project::with(&later).await;
    let protocol = bare(&project).await;
    let steps = json!([shell_step("a", "later.sh", json!({}))]);
    import(&project, protocol, &steps, 200).await;
}

#[tokio::test]
async fn a_folder_of_another_machine_is_not_looked_into() {
    let project = Project::new().await;
    std::fs::remove_dir_all(&project.workspace).unwrap();
    let protocol = bare(&project).await;
    let steps = json!([shell_step("a", "elsewhere.sh", json!({}))]);
    import(&project, protocol, &steps, 200).await;
}

#[tokio::test]
async fn a_protocol_that_is_started_with_its_spec_is_blocked() {
    let project = Project::new().await;
    let steps = json!([shell_step("a", "missing.sh", json!({}))]);
    let protocol = project.protocol(steps).await;
    project.start(protocol).await;
    assert_eq!(project.status(protocol).await, "blocked");
    let event = project.event(protocol, "spec_validation_error").await;
    let first = event["metadata"]["errors"][0].as_str().unwrap();
    assert!(first.starts_with("/steps/0/prompt_ref: "), "{first}");
}

#[tokio::test]
async fn in_git_only_what_is_committed_is_there() {
    let project = Project::new().await;
    project.script("one.sh", SCRIPT);
    commit_all(&project.workspace);
    let protocol = bare(&project).await;
    project.script("two.sh", SCRIPT);
    write_script(
        &project.workspace.join(".protocols/0003-prompts"),
        "own.sh",
        SCRIPT,
    );
    let steps = json!([
        shell_step("a", "one.sh", json!({})),
        shell_step("b", "./prompts/../two.sh", json!({})),
        shell_step("c", "own.sh", json!({})),
    ]);
    let refused = import(&project, protocol, &steps, 422).await;
    assert_eq!(pointers(&refused), ["/steps/1/prompt_ref"]);
    assert_eq!(
        refused["errors"][0]["message"],
        "there is no file \"./prompts/../two.sh\" in .protocols/0003-prompts or elsewhere on main, where its branch will \
         begin (in git, work finds what is committed), and no other step has it as an output"
    );
    git(&project.workspace, &["add", "two.sh"]);
    git(&project.workspace, &["commit", "--quiet", "-m", "Two"]);
    import(&project, protocol, &steps, 200).await;
}

#[tokio::test]
async fn what_a_step_writes_itself_comes_too_late() {
    let project = Project::new().await;
    let protocol = bare(&project).await;
    let own = json!({"outputs": {"protocol": "nowhere.sh"}});
    let steps = json!([shell_step("a", "nowhere.sh", own)]);
    let refused = import(&project, protocol, &steps, 422).await;
    assert_eq!(pointers(&refused), ["/steps/0/prompt_ref"]);
}

#[tokio::test]
async fn a_large_repository_is_known_whole_and_nothing_is_made_by_looking() {
    let project = Project::new().await;
    let folder = project
        .workspace
        .join("a-folder-with-a-long-name/".repeat(4));
    std::fs::create_dir_all(&folder).unwrap();
    for nth in 0..12_000 {
        std::fs::write(folder.join(format!("{nth}")), "").unwrap();
    }
    write_script(&project.workspace.join("zz"), "last.sh", SCRIPT);
    commit_all(&project.workspace);
    let protocol = bare(&project).await;
    let steps = json!([shell_step("a", "zz/last.sh", json!({}))]);
    import(&project, protocol, &steps, 200).await;
    let beside = project.workspace.with_file_name("work.worktrees");
    assert!(!beside.exists(), "{}", beside.display());
}
