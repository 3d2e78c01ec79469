//! Workers that have no disk in common, and a server beside them: each with a home and a cache of its own, and a bare repository
//! between them.
//!
//! Always so: the project's folder is on none of these machines.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use tokio::process::Command;

use crate::full_disk::with_room;
use crate::git_fixture::{commit_all, git};
use crate::protocol_fixture::{Project, checked_by, shell_step};
use crate::scripted_agent::{self, ScriptedAgent};
use crate::worker;

fn branch(protocol: i64) -> String {
    format!("millwright/{protocol}-0001-demo")
}

/// A project that lies in a repository alone.
struct Apart {
    project: Project,
    kept: tempfile::TempDir,
}

impl Apart {
    async fn new(files: &[(&str, &str)]) -> Self {
        let kept = tempfile::tempdir().unwrap();
        let more = json!({
            "local_path": "/nowhere/demo",
            "git_url": kept.path().join("demo.git"),
        });
        let cache = kept.path().join("server").display().to_string();
        let project = Project::told(&more, &[("MILLWRIGHT_CACHE", &cache)]).await;
        for (name, text) in files {
            project.script(name, text);
        }
        commit_all(&project.workspace);
        let from = project.workspace.to_str().unwrap();
        git(
            kept.path(),
            &["clone", "--quiet", "--bare", from, "demo.git"],
        );
        fs::remove_dir_all(&project.workspace).unwrap();
        Self { project, kept }
    }

    fn home(&self, worker: &str) -> PathBuf {
        let home = self.kept.path().join(worker);
        fs::create_dir_all(&home).unwrap();
        home
    }

    /// A step on one of the workers.
    fn on(&self, worker: &str, name: &str, args: &Value) -> Command {
        let mut command = worker::command(&self.project, name, args);
        command.env("HOME", self.home(worker));
        command.env_remove("XDG_CACHE_HOME");
        command.env_remove("MILLWRIGHT_CACHE");
        command
    }

    async fn run(&self, worker: &str, name: &str, args: &Value) -> Result<Value, String> {
        worker::outcome(self.on(worker, name, args)).await
    }

    fn there(&self, branch: &str, file: &str) -> String {
        let bare = self.kept.path().join("demo.git");
        git(&bare, &["show", &format!("{branch}:{file}")])
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_its_check_and_the_next_step_may_each_run_elsewhere() {
    let apart = Apart::new(&[
        ("build.sh", "echo built > built.txt; echo done"),
        ("check.sh", "cat built.txt; echo VERDICT: PASS"),
        ("say.sh", "cat built.txt > said.txt; echo said"),
    ])
    .await;
    let steps = json!([
        shell_step("01-build", "build.sh", checked_by("check.sh")),
        shell_step("02-say", "say.sh", json!({})),
    ]);
    let protocol = apart.project.planned(steps).await;
    let wanted = json!({"protocol_run_id": protocol, "step_id": "01-build"});
    let executed = apart.run("one", "execute_step", &wanted).await.unwrap();
    assert_eq!(executed["step_status"], "needs_qa");
    assert_eq!(apart.there(&branch(protocol), "built.txt"), "built");
    let qa = json!({"step_run_id": executed["step_run_id"], "claim": executed["claim"]});
    let checked = apart.run("other", "run_qa", &qa).await.unwrap();
    assert_eq!(checked["verdict"], "pass", "{checked}");
    // The server is one more that works.
    let step = apart.project.next(protocol, "flow").await;
    apart.project.execute(&step).await;
    assert_eq!(apart.project.status(protocol).await, "completed");
    assert_eq!(apart.there(&branch(protocol), "said.txt"), "built");
    let run = apart
        .project
        .api
        .get(&format!("/protocols/{protocol}"))
        .await;
    assert_eq!(run.expect(200)["template_config"]["branch_shared"], true);
    for home in ["one/.cache/millwright", "other/.cache/millwright", "server"] {
        let clones = fs::read_dir(apart.kept.path().join(home).join("projects"));
        assert!(clones.unwrap().count() > 0, "{home}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_on_different_workers_at_once_are_all_merged() {
    let meet = |own: &str, other: &str| {
        format!(
            "touch {{ROOT}}/{own}; while [ ! -e {{ROOT}}/{other} ]; do sleep 0.01; done; echo {own} > {own}.txt; echo done"
        )
    };
    let marks = tempfile::tempdir().unwrap();
    let text = |own, other| meet(own, other).replace("{ROOT}", marks.path().to_str().unwrap());
    let (a, b) = (text("a", "b"), text("b", "a"));
    let apart = Apart::new(&[("a.sh", &a), ("b.sh", &b)]).await;
    let steps = json!([
        shell_step("01-a", "a.sh", json!({})),
        shell_step("02-b", "b.sh", json!({})),
    ]);
    let protocol = apart.project.planned(steps).await;
    let wanted = |step: &str| json!({"protocol_run_id": protocol, "step_id": step});
    let (a, b) = (wanted("01-a"), wanted("02-b"));
    let both = tokio::join!(
        apart.run("one", "execute_step", &a),
        apart.run("other", "execute_step", &b),
    );
    assert_eq!(both.0.unwrap()["step_status"], "completed");
    assert_eq!(both.1.unwrap()["step_status"], "completed");
    assert_eq!(apart.there(&branch(protocol), "a.txt"), "a");
    assert_eq!(apart.there(&branch(protocol), "b.txt"), "b");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_planned_on_one_worker_runs_on_another_and_in_the_server() {
    let apart = Apart::new(&[("say.sh", "echo")]).await;
    let answers: [(&str, &[&str]); 4] = [
        ("# Write a specification", &["# Spec\nsay it"]),
        ("# Write a plan", &["# Plan\n\n`say.sh`: `make test`"]),
        ("# Write a task list", &["# Tasks\n- [ ] T001: say it"]),
        ("## Inputs", &["said"]),
    ];
    let agent = ScriptedAgent::new(apart.project.api.folder.path(), &answers);
    let args = json!({
        "project_id": apart.project.id, "feature_request": "Say it", "agent_id": "claude-code",
    });
    let mut command = apart.on("one", "plan_protocol", &args);
    command
        .env(scripted_agent::VARIABLE, agent.program())
        .env("TASKSGODZILLA_PLANNING_ENGINE_ID", "claude-code");
    let planned = worker::outcome(command).await.unwrap();
    let branch = planned["branch_name"].as_str().unwrap();
    let bare = apart.kept.path().join("demo.git");
    let files = git(&bare, &["ls-tree", "-r", "--name-only", branch]);
    assert!(files.contains("/tasks.md"), "{files}");
    let wanted = json!({"protocol_run_id": planned["protocol_run_id"], "step_id": "T001"});
    let mut command = apart.on("other", "execute_step", &wanted);
    command.env(scripted_agent::VARIABLE, agent.program());
    let executed = worker::outcome(command).await.unwrap();
    assert_eq!(executed["status"], "success", "{executed}");
    let judge = json!({"protocol_run_id": planned["protocol_run_id"]});
    let judged = apart.run("third", "run_quality", &judge).await.unwrap();
    assert_eq!(judged["protocol_run_id"], planned["protocol_run_id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_without_room_is_told_and_nothing_half_is_left() {
    let large = (0..60_000u64).map(|nth| (nth.wrapping_mul(0x9E37_79B9_7F4A_7C15)).to_string());
    let large = large.collect::<Vec<_>>().join("\n");
    let apart = Apart::new(&[("work.sh", "echo done"), ("large.txt", &large)]).await;
    let steps = json!([shell_step("01", "work.sh", json!({}))]);
    let protocol = apart.project.planned(steps).await;
    let wanted = json!({"protocol_run_id": protocol, "step_id": "01"});
    let command = with_room("64", apart.on("one", "execute_step", &wanted).as_std());
    let output = tokio::task::spawn_blocking({
        let mut command = command;
        move || command.output().unwrap()
    });
    let told = String::from_utf8(output.await.unwrap().stderr).unwrap();
    for part in ["the disk is full", "MILLWRIGHT_CACHE"] {
        assert!(told.contains(part), "{told}");
    }
    let clones = apart.home("one").join(".cache/millwright/projects");
    let left = fs::read_dir(clones).unwrap();
    let left = left.map(|entry| entry.unwrap().path());
    let is_lock = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "lock");
    let left: Vec<PathBuf> = left.filter(|path| !is_lock(path)).collect();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(apart.project.steps(protocol).await, ["failed"]);
}
