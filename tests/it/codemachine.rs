//! `/projects/{id}/codemachine/import`: workspaces that become protocols, and how their agents run.
//!
//! Always so: the workspace's programs are files on disk, as a person would have written them.

use std::fs;

use serde_json::{Value, json};

use crate::protocol_fixture::Project;
use crate::wait::until;

const AGENTS: &str = "
    const path = require('node:path');
    const prompt = (name) => path.join(__dirname, '..', 'prompts', name);
    module.exports = [{ id: 'work', name: 'Work', engine: 'shell', promptPath: prompt('work.sh') }];
";
const MODULES: &str = "module.exports = [{
    id: 'check', name: 'Check', engine: 'shell', promptPath: '.codemachine/prompts/check.sh',
    behavior: { type: 'loop', action: 'stepBack' },
}];";
const WORKFLOW: &str = "export default {
    name: 'Small',
    steps: [resolveStep('work'), resolveModule('check', { loopSteps: 1, loopMaxIterations: 3 })],
};";

/// A project whose folder holds a workspace of two agents, of which the second sends the first back once.
pub(crate) async fn project() -> Project {
    let project = Project::new().await;
    for (name, text) in [
        ("config/main.agents.js", AGENTS),
        ("config/modules.js", MODULES),
        ("templates/workflows/small.workflow.js", WORKFLOW),
    ] {
        write(&project, name, text);
    }
    fs::create_dir(project.workspace.join(".codemachine/prompts")).unwrap();
    project.script(
        ".codemachine/prompts/work.sh",
        "echo round >> rounds.txt; echo worked",
    );
    project.script(
        ".codemachine/prompts/check.sh",
        "mkdir -p .codemachine/memory
         if [ \"$(wc -l < rounds.txt)\" -lt 2 ]; then action=loop; else action=stop; fi
         echo \"{\\\"action\\\": \\\"$action\\\", \\\"reason\\\": \\\"rounds\\\"}\" > .codemachine/memory/directive.json
         echo checked",
    );
    project
}

pub(crate) fn write(project: &Project, name: &str, text: &str) {
    let path = project.workspace.join(".codemachine").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

pub(crate) async fn import(project: &Project, more: Value) -> crate::api_fixture::Answer {
    let mut body = json!({"protocol_name": "0001-small", "workspace_path": "."});
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    let path = format!("/projects/{}/codemachine/import", project.id);
    project.api.post(&path, &body).await
}

#[tokio::test]
async fn a_workspace_becomes_a_planned_protocol() {
    let project = project().await;
    let answer = import(&project, json!({"description": "A small one."}))
        .await
        .expect(200);
    let run = &answer["protocol_run"];
    assert_eq!(run["status"], "planned");
    assert_eq!(run["description"], "A small one.");
    assert_eq!(run["template_source"]["type"], "codemachine");
    assert_eq!(
        (&answer["job"], &answer["warnings"]),
        (&Value::Null, &json!([]))
    );
    let steps = project
        .api
        .get(&format!("/protocols/{}/steps", run["id"]))
        .await
        .expect(200);
    let names: Vec<&Value> = steps
        .as_array()
        .unwrap()
        .iter()
        .map(|step| &step["step_name"])
        .collect();
    assert_eq!(names, ["00-work", "01-check"]);
    let event = project
        .event(run["id"].as_i64().unwrap(), "codemachine_imported")
        .await;
    let metadata = &event["metadata"];
    assert_eq!(metadata["steps_created"], 2);
    assert_eq!(metadata["template"]["name"], "Small");
    assert_eq!(metadata["spec_validated"], true);
    assert_eq!(metadata["spec_hash"], run["spec_hash"]);
}

#[tokio::test]
async fn agents_without_an_engine_get_the_projects() {
    let project = Project::with(&json!({"policy_overrides": {"default_engine_id": "shell"}})).await;
    write(
        &project,
        "config/main.agents.js",
        "module.exports = [{ id: 'a', promptPath: '.codemachine/prompts/a.sh' },
            { id: 'b', engine: 'codex', promptPath: '.codemachine/prompts/a.sh' }]",
    );
    fs::create_dir(project.workspace.join(".codemachine/prompts")).unwrap();
    project.script(".codemachine/prompts/a.sh", "echo done by a");
    let answer = import(&project, json!({})).await.expect(200);
    let protocol = answer["protocol_run"]["id"].as_i64().unwrap();
    let spec = project
        .api
        .get(&format!("/protocols/{protocol}/spec"))
        .await
        .expect(200);
    let engine = |nth: usize| &spec["spec"]["steps"][nth]["inputs"]["engine_id"];
    assert_eq!((engine(0), engine(1)), (&json!("shell"), &json!("codex")));
    let claimed = project.next(protocol, "flow").await;
    assert_eq!(project.execute(&claimed).await["status"], "succeeded");
    assert_eq!(project.read(".protocols/0001-small/00-a.md"), "done by a\n");
}

#[tokio::test]
async fn its_agents_run_and_loop_as_they_decide() {
    let project = project().await;
    let answer = import(&project, json!({})).await.expect(200);
    let protocol = answer["protocol_run"]["id"].as_i64().unwrap();
    for expected in [1, 2, 1, 2] {
        let claimed = project.next(protocol, "flow").await;
        assert_eq!(claimed.step, expected);
        project.execute(&claimed).await;
    }
    assert_eq!(project.status(protocol).await, "completed");
    let story = project.story(protocol).await;
    let count = |word: &str| story.iter().filter(|found| *found == word).count();
    assert_eq!((count("loop_decision"), count("qa_failed_inline")), (1, 1));
    let outputs = project.workspace.join(".protocols/0001-small");
    for name in ["00-work.md", "aux/codemachine/work.md"] {
        assert_eq!(fs::read_to_string(outputs.join(name)).unwrap(), "worked\n");
    }
}

#[tokio::test]
async fn a_workspace_that_is_wrong_blocks_its_protocol() {
    let project = project().await;
    write(&project, "config/modules.js", "require('fs')");
    let answer = import(&project, json!({})).await.expect(422);
    let detail = answer["detail"].as_str().unwrap();
    assert!(
        detail.starts_with(
            ".codemachine/config/modules.js: it cannot be run: Error: require(\"fs\")"
        ),
        "{detail}"
    );
    let run = &answer["protocol_run"];
    assert_eq!(run["status"], "blocked");
    let event = project
        .event(run["id"].as_i64().unwrap(), "codemachine_import_failed")
        .await;
    let message = event["message"].as_str().unwrap();
    assert!(message.contains("config/modules.js"), "{message}");
}

#[tokio::test]
async fn a_spec_that_is_wrong_blocks_its_protocol_too() {
    let project = project().await;
    let agents = AGENTS.replace("engine: 'shell'", "qa: { policy: 'sometimes' }");
    write(&project, "config/main.agents.js", &agents);
    let answer = import(&project, json!({})).await.expect(422);
    assert!(
        answer["detail"].as_str().unwrap().contains("/steps/0/qa"),
        "{answer}"
    );
    let run = &answer["protocol_run"];
    assert_eq!(run["status"], "blocked");
    let event = project
        .event(run["id"].as_i64().unwrap(), "codemachine_imported")
        .await;
    let metadata = &event["metadata"];
    assert_eq!(
        (&metadata["spec_validated"], &metadata["steps_created"]),
        (&json!(false), &json!(0))
    );
}

#[tokio::test]
async fn an_import_may_be_done_in_the_background() {
    let project = project().await;
    let answer = import(&project, json!({"enqueue": true})).await.expect(200);
    let protocol = answer["protocol_run"]["id"].as_i64().unwrap();
    until("it is planned", async || {
        (project.status(protocol).await == "planned").then_some(())
    })
    .await;
    let event = project.event(protocol, "codemachine_import_enqueued").await;
    assert_eq!(event["metadata"]["job_id"], answer["job"]["job_id"]);
}

#[tokio::test]
async fn what_is_no_workspace_of_the_project_is_refused() {
    let project = project().await;
    let outside = tempfile::tempdir().unwrap();
    for (more, expected) in [
        (
            json!({"workspace_path": outside.path()}),
            "this is no CodeMachine workspace",
        ),
        (json!({"workspace_path": "nowhere"}), "it cannot be opened"),
        (
            json!({"workflow": "large"}),
            "there is no workflow \"large\"",
        ),
    ] {
        let answer = import(&project, more).await.expect(422);
        let detail = answer["detail"].as_str().unwrap();
        assert!(detail.contains(expected), "{detail}");
        assert_eq!(answer["protocol_run"]["status"], "blocked");
    }
    let named = import(&project, json!({"protocol_name": "../up"})).await;
    named.expect(422);
    let path = "/projects/99/codemachine/import";
    let body = json!({"protocol_name": "x", "workspace_path": "."});
    project.api.post(path, &body).await.expect(404);
}
