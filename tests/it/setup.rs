//! The setup of projects: what the steps of `project_onboarding` tell of it, and what becomes of its protocol.
//!
//! Always so: the events are read as people read them, by `millwright protocol events` or `GET /events`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tokio::process::Command;

use crate::clarifications;
use crate::flow_spec_to_tasks::{flow, run};
use crate::git_fixture::git;
use crate::protocol_command::says;
use crate::protocol_fixture::{Project, shell_step};
use crate::work_in_git;
use crate::worker;

/// A project that is to be set up from a repository.
struct Setup {
    project: Project,
    origin: Project,
    id: i64,
}

impl Setup {
    async fn new(variables: &[(&str, &str)]) -> Self {
        let origin = work_in_git::project(&[("say.py", "print()")]).await;
        let project = Project::told(&json!({}), variables).await;
        let new = json!({"name": "clone"});
        let made = project.api.post("/projects", &new).await.expect(200);
        let id = made["id"].as_i64().unwrap();
        Self {
            project,
            origin,
            id,
        }
    }

    fn url(&self) -> String {
        format!("file://{}", self.origin.workspace.display())
    }

    fn root(&self) -> PathBuf {
        self.project.api.folder.path().join("checkouts")
    }

    /// Runs the flow.
    async fn onboard(&self, repo_url: &str, variables: &[(&str, &str)]) -> Result<Value, String> {
        let inputs = json!({"repo_url": repo_url, "project_name": "Clone", "project_id": self.id});
        let mut command: Command = flow(&self.project, "project_onboarding", &inputs);
        let names: Vec<_> = variables.iter().map(|(name, _)| *name).collect();
        command
            .envs(variables.iter().copied())
            .env("TASKSGODZILLA_PROJECTS_ROOT", self.root())
            .env(
                "WHITELIST_ENVS",
                format!("TASKSGODZILLA_PROJECTS_ROOT,{}", names.join(",")),
            );
        run(command).await
    }

    /// Tells of the setup as a worker does.
    async fn tells(&self, report: &Value) -> Value {
        let path = format!("/projects/{}/setup", self.id);
        self.project.api.post(&path, report).await.expect(200)
    }

    /// What happened, as the command tells it.
    async fn events(&self) -> Vec<Value> {
        let told = says(
            &self.project,
            &format!("events --json {}", self.protocol().await),
        )
        .await;
        told.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    async fn story(&self) -> Vec<String> {
        let events = self.events().await.into_iter();
        let names = events.map(|event| event["event_type"].as_str().unwrap().to_owned());
        names.filter(|name| name != "setup_enqueued").collect()
    }

    async fn metadata(&self, event_type: &str) -> Value {
        let mut events = self.events().await.into_iter();
        let found = events.find(|event| event["event_type"] == event_type);
        found.unwrap()["metadata"].clone()
    }

    async fn protocol(&self) -> i64 {
        let path = format!("/protocols?project_id={}", self.id);
        let found = self.project.api.get(&path).await.expect(200);
        found[0]["id"].as_i64().unwrap()
    }

    async fn status(&self) -> String {
        self.project.status(self.protocol().await).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_is_set_up_and_every_part_of_it_is_told() {
    let setup = Setup::new(&[]).await;
    setup.onboard(&setup.url(), &[]).await.unwrap();
    assert_eq!(setup.status().await, "completed");
    let first = [
        "setup_started",
        "setup_cloned",
        "setup_local_path_recorded",
        "setup_git_remote",
        "setup_git_identity",
        "setup_discovery_skipped",
        "setup_assets",
        "setup_completed",
    ];
    assert_eq!(setup.story().await, first);
    let root = setup.root();
    let path = root.join(setup.origin.workspace.file_name().unwrap());
    let place = json!({"git_url": setup.url(), "local_path": path, "projects_root": root});
    assert_eq!(setup.metadata("setup_started").await, place);
    let remote = json!({"path": path, "origin": setup.url()});
    assert_eq!(setup.metadata("setup_git_remote").await, remote);
    let assets = json!({"path": path.join(".specify")});
    assert_eq!(setup.metadata("setup_assets").await, assets);

    git(&path, &["config", "user.name", "Ada"]);
    git(&path, &["config", "user.email", "ada@example.invalid"]);
    setup.onboard(&setup.url(), &[]).await.unwrap();
    let story = setup.story().await;
    let again: Vec<_> = first
        .into_iter()
        .filter(|name| !["setup_cloned", "setup_completed"].contains(name))
        .collect();
    assert_eq!(story[first.len()..], again);
    assert_eq!(setup.status().await, "completed");
    let last = setup.events().await.into_iter().rev();
    let identity = last
        .clone()
        .find(|event| event["event_type"] == "setup_git_identity");
    let said = json!({"path": path, "user": "Ada", "email": "ada@example.invalid"});
    assert_eq!(identity.unwrap()["metadata"], said);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clone_that_fails_blocks_the_setup_until_it_is_tried_again() {
    let setup = Setup::new(&[]).await;
    let args = json!({"repo_url": "http://me:hush@127.0.0.1:1/demo.git", "project_id": setup.id,
        "workspace_path": setup.root().join("demo")});
    worker::run(&setup.project, "clone_repo", &args)
        .await
        .unwrap_err();
    assert_eq!(
        setup.story().await,
        ["setup_started", "setup_clone_failed", "setup_failed"]
    );
    assert_eq!(setup.status().await, "blocked");
    let last = setup.events().await.pop().unwrap();
    let why = last["message"].as_str().unwrap();
    assert!(why.contains("could not be brought up to date"), "{why}");
    let told = serde_json::to_string(&setup.events().await).unwrap();
    assert!(
        told.contains("git clone failed with 128") && !told.contains("hush"),
        "{told}"
    );

    setup.onboard(&setup.url(), &[]).await.unwrap();
    assert_eq!(setup.status().await, "completed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_that_is_set_up_stays_so_where_a_later_clone_fails() {
    let setup = Setup::new(&[]).await;
    setup.onboard(&setup.url(), &[]).await.unwrap();
    let before = setup.story().await.len();
    let path = setup.root().join("demo");
    let args = json!({"repo_url": "http://me:hush@127.0.0.1:1/demo.git", "project_id": setup.id,
        "workspace_path": path});
    worker::run(&setup.project, "clone_repo", &args)
        .await
        .unwrap_err();
    let story = setup.story().await;
    assert_eq!(story[before..], ["setup_started", "repo_clone_failed"]);
    let told = setup.metadata("repo_clone_failed").await;
    assert_eq!(told["git_url"], "http://127.0.0.1:1/demo.git");
    assert_eq!(told["local_path"], json!(path));
    assert_eq!(setup.status().await, "completed");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ssh_prints_for_a_terminal_is_told_as_text() {
    let setup = Setup::new(&[]).await;
    let args = json!({"repo_url": "git@127.0.0.1:a/b.git", "project_id": setup.id,
        "workspace_path": setup.root().join("b")});
    let mut command = worker::command(&setup.project, "clone_repo", &args);
    let ssh = r#"sh -c 'printf "no route\r\n\033[31mto host\007\r\n" >&2; exit 255'"#;
    command.env("GIT_SSH_COMMAND", ssh);
    worker::outcome(command).await.unwrap_err();
    let story = ["setup_started", "setup_clone_failed", "setup_failed"];
    assert_eq!(setup.story().await, story);
    assert_eq!(setup.status().await, "blocked");
    let events = setup.events().await.into_iter();
    let failed = events
        .filter(|event| event["event_type"] == "setup_clone_failed")
        .map(|event| event["message"].as_str().unwrap().to_owned());
    let message = failed.collect::<String>();
    assert!(message.contains("no route; [31mto host"), "{message:?}");
    assert!(!message.contains(char::is_control), "{message:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_people_clone_the_setup_waits_for_them() {
    let setup = Setup::new(&[]).await;
    let args =
        json!({"repo_url": setup.url(), "project_id": setup.id, "workspace_path": setup.root()});
    let mut command = worker::command(&setup.project, "clone_repo", &args);
    command.env("TASKSGODZILLA_AUTO_CLONE", "false");
    let error = worker::outcome(command).await.unwrap_err();
    assert!(
        error.contains("TASKSGODZILLA_AUTO_CLONE is off: clone file://"),
        "{error}"
    );
    assert_eq!(
        setup.story().await,
        ["setup_started", "setup_pending_clone"]
    );
    assert_eq!(setup.status().await, "blocked");
    assert!(!setup.root().exists());

    let url = setup.url();
    let target = setup.root().display().to_string();
    git(
        &setup.origin.workspace,
        &["clone", "--quiet", &url, &target],
    );
    let mut command = worker::command(&setup.project, "clone_repo", &args);
    command.env("TASKSGODZILLA_AUTO_CLONE", "false");
    worker::outcome(command).await.unwrap();
    assert_eq!(setup.status().await, "running");
}

#[tokio::test]
async fn a_setup_waits_for_answers_where_it_is_to_and_is_completed_by_them() {
    let wants = [("TASKSGODZILLA_REQUIRE_ONBOARDING_CLARIFICATIONS", "true")];
    for (variables, blocked) in [(&wants[..], true), (&[], false)] {
        let setup = Setup::new(variables).await;
        let about = json!({"project_id": setup.id, "applies_to": "onboarding"});
        let question = clarifications::asked(&setup.project, about).await;
        setup.tells(&json!({"events": [], "finished": true})).await;
        let asked = setup.metadata("setup_clarifications").await;
        assert_eq!(asked["questions"][0]["key"], "db");
        assert_eq!(asked["blocking"], blocked);
        let status = if blocked { "blocked" } else { "completed" };
        assert_eq!(setup.status().await, status);
        clarifications::answer(&setup.project, question).await;
        assert_eq!(setup.status().await, "completed");
        let story = setup.story().await;
        let waited = story.contains(&"setup_blocked".to_owned());
        assert_eq!(waited, blocked);
        let done = story.iter().filter(|name| *name == "setup_completed");
        assert_eq!(done.count(), 1, "{story:?}");
    }
}

#[tokio::test]
async fn an_answer_completes_no_setup_that_has_failed() {
    let wants = [("TASKSGODZILLA_REQUIRE_ONBOARDING_CLARIFICATIONS", "1")];
    let setup = Setup::new(&wants).await;
    let about = json!({"project_id": setup.id, "applies_to": "onboarding"});
    let question = clarifications::asked(&setup.project, about).await;
    setup.tells(&json!({"events": [], "finished": true})).await;
    let failed = json!({"event_type": "setup_failed", "message": "The disk is full."});
    setup.tells(&json!({"events": [failed]})).await;
    clarifications::answer(&setup.project, question).await;
    assert!(!setup.story().await.contains(&"setup_completed".to_owned()));
}

#[tokio::test]
async fn what_is_left_out_is_warned_of_and_what_fails_is_told() {
    let setup = Setup::new(&[]).await;
    let warning = json!({"event_type": "setup_warning", "message": "/w/x is left out", "metadata": {"path": "/w/x"}});
    let run = setup.tells(&json!({"events": [warning]})).await;
    assert_eq!(run["status"], "pending");
    assert_eq!(
        setup.metadata("setup_warning").await,
        json!({"path": "/w/x"})
    );

    let args = json!({"project_path": "/nowhere", "project_name": "x", "project_id": setup.id});
    worker::run(&setup.project, "initialize_speckit", &args)
        .await
        .unwrap_err();
    let told = setup.events().await;
    let last = told.last().unwrap();
    assert_eq!(last["event_type"], "setup_failed");
    assert!(
        last["message"].as_str().unwrap().contains("/nowhere"),
        "{last}"
    );
    assert_eq!(setup.status().await, "blocked");
}

#[tokio::test]
async fn a_message_tells_addresses_without_their_passwords() {
    let setup = Setup::new(&[]).await;
    let message = "from https://me:hush@host/x to ssh://me:hush@host/y";
    let event = json!({"event_type": "setup_warning", "message": message});
    setup.tells(&json!({"events": [event]})).await;
    let told = setup.events().await.pop().unwrap();
    assert_eq!(told["message"], "from https://host/x to ssh://me@host/y");
}

#[tokio::test]
async fn a_setup_is_completed_once_and_then_waits_for_nothing() {
    let wants = [("TASKSGODZILLA_REQUIRE_ONBOARDING_CLARIFICATIONS", "true")];
    let setup = Setup::new(&wants).await;
    let finished = json!({"events": [], "finished": true});
    setup.tells(&finished).await;
    setup.tells(&finished).await;
    assert_eq!(setup.story().await, ["setup_completed"]);
    let about = json!({"project_id": setup.id, "applies_to": "onboarding"});
    clarifications::asked(&setup.project, about).await;
    setup.tells(&finished).await;
    assert_eq!(setup.story().await.last().unwrap(), "setup_clarifications");
    assert_eq!(setup.status().await, "completed");
}

#[tokio::test]
async fn a_report_that_says_what_it_may_not_is_refused() {
    let setup = Setup::new(&[]).await;
    let path = format!("/projects/{}/setup", setup.id);
    let event = |event_type: &str, message: &str, metadata: Value| json!({"events": [{"event_type": event_type, "message": message, "metadata": metadata}]});
    let stages = |stages: Value| {
        let metadata = json!({"failed_stages": stages});
        (
            event("setup_discovery_warning", "m", metadata),
            "metadata.failed_stages",
        )
    };
    for (report, place) in [
        stages(json!({"a": "b"})),
        stages(json!([["a"]])),
        stages(json!(["at https://a:b@c/d"])),
        stages(json!(vec!["a"; 101])),
        (event("setup_completed", "m", json!({})), "event_type"),
        (event("step_started", "m", json!({})), "event_type"),
        (
            event("setup_assets", "m", json!({"origin": "x"})),
            "metadata.origin",
        ),
        (event("setup_assets", " ", json!({})), "message"),
        (event("setup_assets", "a\u{1b}[2J", json!({})), "message"),
        (
            event("setup_assets", &"x".repeat(4001), json!({})),
            "message",
        ),
        (
            event(
                "setup_git_remote",
                "m",
                json!({"origin": "https://a:b@c/d"}),
            ),
            "metadata.origin",
        ),
        (
            event(
                "setup_git_remote",
                "m",
                json!({"origin": "at ssh://a:b@c/d"}),
            ),
            "metadata.origin",
        ),
        (
            json!({"events": [{"event_type": "setup_failed", "message": "m"}], "finished": true}),
            "finished",
        ),
        (
            json!({"events": vec![json!({"event_type": "setup_assets", "message": "m"}); 101]}),
            "events",
        ),
        (json!({"events": [], "done": true}), "done"),
    ] {
        let refused = setup.project.api.post(&path, &report).await.expect(422);
        let said = refused.to_string();
        assert!(said.contains(place) && !said.contains("a:b@c"), "{said}");
    }
    assert_eq!(setup.story().await, [""; 0]);
    let nothing = json!({"events": []});
    let unknown = setup.project.api.post("/projects/99/setup", &nothing);
    unknown.await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protocols_first_worktree_is_told_of_once() {
    let project = work_in_git::project(&[("work.sh", "echo worked")]).await;
    let steps = ["01-a", "02-b"].map(|id| shell_step(id, "work.sh", json!({})));
    let protocol = project.planned(json!(steps)).await;
    for _ in steps {
        let step = project.next(protocol, "flow").await;
        project.execute(&step).await;
    }
    let story = project.story(protocol).await;
    let made = story
        .iter()
        .filter(|name| *name == "setup_worktree_created");
    assert_eq!(made.count(), 1, "{story:?}");
    let event = project.event(protocol, "setup_worktree_created").await;
    assert_eq!(event["metadata"]["protocol_name"], "0001-demo");
    assert_eq!(event["metadata"]["base_branch"], "main");
    let path = event["metadata"]["worktree_path"].as_str().unwrap();
    assert!(path.contains("0001-demo"), "{path}");
    let folder = Path::new(path).join(".protocols/0001-demo");
    folder_is_told_once(&project, protocol, &folder).await;
}

async fn folder_is_told_once(project: &Project, protocol: i64, folder: &Path) {
    let made = project.events(protocol).await;
    let made = made
        .iter()
        .filter(|event| event["event_type"] == "setup_protocols_dir_created");
    let made: Vec<_> = made.map(|event| &event["metadata"]).collect();
    let about = json!({"protocol_root": folder, "protocol_name": "0001-demo"});
    assert_eq!(made, [&about]);
    assert!(folder.is_dir());
}

#[tokio::test]
async fn a_protocols_folder_that_is_made_is_told_of_and_one_that_is_there_is_not() {
    for there in [false, true] {
        let project = Project::new().await;
        project.script("work.sh", "echo worked");
        let folder = project.workspace.join(".protocols/0001-demo");
        if there {
            fs::create_dir_all(&folder).unwrap();
        }
        let steps = ["01-a", "02-b"].map(|id| shell_step(id, "work.sh", json!({})));
        let protocol = project.planned(json!(steps)).await;
        for _ in steps {
            let step = project.next(protocol, "flow").await;
            project.execute(&step).await;
        }
        if there {
            let events = project.events(protocol).await;
            let told = |event: &Value| event["event_type"] == "setup_protocols_dir_created";
            assert!(!events.iter().any(told), "{events:#?}");
        } else {
            folder_is_told_once(&project, protocol, &folder).await;
        }
    }
}
