//! Discovery: `analyze_project` has a project described by the engine that is named for it.
//!
//! Always so: what the engine writes is found in the project, and what became of it in the project's events.

use std::fs;

use serde_json::{Value, json};

use crate::protocol_command::says;
use crate::protocol_fixture::Project;
use crate::worker;

const STAGES: [&str; 4] = ["inventory", "architecture", "api_reference", "ci_notes"];
const PROMPT: &str = "prompts/discovery.prompt.md";
const DESCRIBES: &str = "echo \"Here it is:\"; echo \"# The $MILLWRIGHT_DOCUMENT\"; echo of this";
const BY_SHELL: [(&str, &str); 1] = [("TASKSGODZILLA_DISCOVERY_ENGINE_ID", "shell")];

/// Looks at the project with these variables: the events of its discovery, each with its metadata.
async fn discovered(project: &Project, variables: &[(&str, &str)]) -> Vec<(String, Value)> {
    let args = json!({"project_path": project.workspace, "project_id": project.id});
    let mut command = worker::command(project, "analyze_project", &args);
    command.envs(variables.iter().copied());
    worker::outcome(command).await.unwrap();
    let told = says(project, "events --json").await;
    let events = told.lines().map(|line| {
        let mut event: Value = serde_json::from_str(line).unwrap();
        let name = event["event_type"].as_str().unwrap().to_owned();
        (name, event["metadata"].take())
    });
    let of_discovery = events.filter(|(name, _)| name.starts_with("setup_discovery"));
    of_discovery.collect()
}

fn document(project: &Project, stage: &str) -> String {
    project.read(&format!(".specify/memory/{stage}.md"))
}

#[tokio::test]
async fn an_engine_describes_the_project_in_four_documents() {
    let project = Project::new().await;
    project.script(PROMPT, DESCRIBES);
    let events = discovered(&project, &BY_SHELL).await;
    let path = fs::canonicalize(&project.workspace).unwrap();
    let started =
        json!({"path": path, "engine_id": "shell", "timeout_seconds": 180, "stages": STAGES});
    let completed = json!({"completed_stages": STAGES, "failed_stages": []});
    assert_eq!(
        events,
        [
            ("setup_discovery_started".to_owned(), started),
            ("setup_discovery_completed".to_owned(), completed)
        ]
    );
    for stage in STAGES {
        let text = format!("# The {stage}\nof this\n");
        assert_eq!(document(&project, stage), text);
    }
    let context = project.read(".specify/memory/_runtime/context.json");
    let context: Value = serde_json::from_str(&context).unwrap();
    assert_eq!(context["inventory_generated"]["by"]["engine_id"], "shell");
}

#[tokio::test]
async fn what_fails_is_warned_of_and_what_someone_wrote_stays() {
    let project = Project::new().await;
    let fails_once = format!("test $MILLWRIGHT_DOCUMENT != ci_notes || exit 1\n{DESCRIBES}");
    project.script(PROMPT, &fails_once);
    discovered(&project, &BY_SHELL).await;
    assert!(
        !project
            .workspace
            .join(".specify/memory/ci_notes.md")
            .exists()
    );

    let own = project.workspace.join(".specify/memory/architecture.md");
    fs::write(&own, "# Ours\n").unwrap();
    project.script(PROMPT, &format!("{fails_once}; echo anew"));
    let events = discovered(&project, &BY_SHELL).await;
    let failed = json!(["architecture", "ci_notes"]);
    let (warning, completed) = (&events[events.len() - 2], &events[events.len() - 1]);
    assert_eq!(warning.0, "setup_discovery_warning");
    assert_eq!(warning.1, json!({"failed_stages": failed}));
    let done = json!(["inventory", "api_reference"]);
    assert_eq!(
        completed.1,
        json!({"completed_stages": done, "failed_stages": failed})
    );
    assert_eq!(document(&project, "architecture"), "# Ours\n");
    assert!(document(&project, "inventory").ends_with("anew\n"));
}

#[tokio::test]
async fn a_project_names_its_own_engine_and_one_that_is_not_known_fails_no_setup() {
    let more = json!({"policy_overrides": {"discovery_engine_id": "abacus"}});
    let project = Project::with(&more).await;
    let events = discovered(&project, &BY_SHELL).await;
    let names: Vec<&str> = events.iter().map(|(name, _)| &**name).collect();
    assert_eq!(
        names,
        ["setup_discovery_started", "setup_discovery_warning"]
    );
    assert_eq!(events[1].1, json!({"failed_stages": STAGES}));
    assert!(
        !project
            .workspace
            .join(".specify/memory/inventory.md")
            .exists()
    );
    let told = says(&project, "events").await;
    assert!(told.contains("the engine abacus is not known"), "{told}");
}

#[tokio::test]
async fn an_engine_that_takes_too_long_is_stopped() {
    let project = Project::new().await;
    let slow = format!("test $MILLWRIGHT_DOCUMENT != inventory || sleep 60\n{DESCRIBES}");
    project.script(PROMPT, &slow);
    let limit = ("TASKSGODZILLA_DISCOVERY_TIMEOUT", "1");
    let events = discovered(&project, &[BY_SHELL[0], limit]).await;
    assert_eq!(events[0].1["timeout_seconds"], 1);
    assert_eq!(events[1].1, json!({"failed_stages": ["inventory"]}));
}

#[tokio::test]
async fn without_an_engine_the_project_is_left_as_it_is() {
    let project = Project::new().await;
    let events = discovered(&project, &[("TASKSGODZILLA_DEFAULT_ENGINE_ID", "shell")]).await;
    assert_eq!(
        events,
        [("setup_discovery_skipped".to_owned(), Value::Null)]
    );
    assert!(!project.workspace.join(".specify").exists());
}
