//! Runs that begin again in the middle, and runs that go on after their process was killed.
//!
//! Always so: every script leaves a line in a file when it runs, so that one that ran twice is seen.

use std::fs;
use std::path::PathBuf;
use std::process::{Output, Stdio};

use serde_json::{Value, json};

use crate::api_fixture::client;
use crate::mill_fixture::{Fixture, bash, bash_with};
use crate::process::{Process, millwright};
use crate::protocol_fixture::{appears, process_ends};
use crate::wait::until;

/// A project whose scripts leave lines in `done`.
struct Project {
    fixture: Fixture,
    folder: PathBuf,
}

impl Project {
    fn new() -> Self {
        let fixture = Fixture::new();
        let folder = fixture.folder(".");
        Self { fixture, folder }
    }

    /// A step that leaves its id and yields it.
    fn step(&self, id: &str, more: &str) -> Value {
        bash(id, &self.script(id, more))
    }

    fn script(&self, id: &str, more: &str) -> String {
        let folder = self.folder.display();
        format!("cd {folder}\necho {id} >> done\n{more}\necho {id}\n")
    }

    fn flow(&self, value: &Value) {
        self.fixture.flow("f/team/flow", &json!({"value": value}));
    }

    /// What ran, in its order.
    fn done(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.join("done")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn run(&self, words: &[&str]) -> Output {
        millwright(&self.folder, words)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// The newest outermost job.
    fn newest(&self) -> String {
        let listed = self.run(&["jobs", "list", "--json"]);
        let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
        listed[0]["id"].as_str().unwrap().to_owned()
    }

    fn shown(&self, job: &str) -> Value {
        let shown = self.run(&["jobs", "show", job, "--json"]);
        serde_json::from_slice(&shown.stdout).unwrap()
    }

    fn up(&self) -> Process {
        Process::start(millwright(&self.folder, &["up", "--listen", "127.0.0.1:0"]))
    }

    async fn started(&self, server: &Process) -> String {
        let url = format!("{}/api/w/starter/jobs/run/f/f/team/flow", server.url);
        let answer = client().post(url).json(&json!({"x": 7})).send().await;
        let answer = answer.unwrap();
        assert_eq!(answer.status(), 201);
        answer.text().await.unwrap()
    }

    /// Kills a server in the middle of a step and starts another, which goes on until the flow has ended.
    async fn killed(&self, child: &str) -> Value {
        let mut server = self.up();
        let job = self.started(&server).await;
        let child = appears(&self.folder.join(child)).await;
        server.child.kill().unwrap();
        server.child.wait().unwrap();
        let server = self.up();
        // What was running does not go on beside what takes its place.
        process_ends(&child).await;
        let path = format!("/api/w/starter/jobs_u/get/{job}");
        until("the flow has ended", async || {
            let job = server.get(&client(), &path).await;
            (job["type"] == "CompletedJob").then_some(())
        })
        .await;
        self.shown(&job)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A step that takes the place of its process for ever the first time that it runs.
fn stays_once(project: &Project, id: &str) -> Value {
    let folder = project.folder.display();
    let script = project.script(
        id,
        &format!("[ -e {folder}/child ] || {{ echo $$ > {folder}/child; exec sleep 600; }}"),
    );
    bash(id, &script)
}

#[test]
fn a_run_begins_again_at_a_step_with_what_was_before_it() {
    let project = Project::new();
    let each = json!({"id": "each", "value": {"type": "forloopflow", "skip_failures": false,
        "iterator": {"type": "static", "value": ["p", "q"]}, "modules": [project.step("inner", "")]}});
    let transforms = json!({
        "seen": {"type": "javascript", "expr": "[results.first, results.each, results.inner, flow_input.x, previous_result]"},
    });
    let last = format!(
        "seen=\"$1\"\n{}echo \"$seen\"\n",
        project.script("last", "[ -e mended ] || exit 3")
    );
    project.flow(&json!({"modules": [
        project.step("first", ""), each, bash_with("last", &last, &transforms), project.step("after", ""),
    ]}));
    let failed = project.run(&["run", "f/team/flow", "-i", "x=7", "--json"]);
    assert_eq!(failed.status.code(), Some(1));
    let job = project.newest();
    fs::write(project.folder.join("mended"), "").unwrap();
    // What is run is what ran, whatever the file says by now.
    project.flow(&json!({"modules": []}));

    let again = project.run(&["run", "--from", "last", "--of", &job]);
    assert_eq!(again.status.code(), Some(0), "{}", text(&again.stderr));
    assert_eq!(
        project.done(),
        ["first", "inner", "inner", "last", "last", "after"]
    );
    let run = project.shown(&project.newest());
    assert_eq!(run["args"], json!({"x": 7}));
    assert_eq!(
        run["flow_status"]["restarted_from"],
        json!({"flow_job_id": job, "step_id": "last"})
    );
    let steps = &run["flow_status"]["modules"];
    assert_eq!(
        steps[0]["job"],
        project.shown(&job)["flow_status"]["modules"][0]["job"]
    );
    assert_eq!(steps[1]["type"], "Success");
    let shown = project.run(&["jobs", "show", steps[2]["job"].as_str().unwrap(), "--json"]);
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    let seen: Value = serde_json::from_str(shown["result"].as_str().unwrap()).unwrap();
    assert_eq!(
        seen,
        json!(["first", ["inner", "inner"], "inner", 7, ["inner", "inner"]])
    );
}

#[test]
fn where_a_run_cannot_begin_again_is_said() {
    let project = Project::new();
    project.flow(&json!({"modules": [
        project.step("a", "exit 3"), project.step("b", ""), project.step("c", ""),
    ]}));
    project.run(&["run", "f/team/flow"]);
    let job = project.newest();
    let step = project.shown(&job)["steps"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let unknown = "0199d7a5-1111-4222-8333-444455556666";
    for (of, from, problem) in [
        (
            job.as_str(),
            "x",
            "no step \"x\" on the outermost level: it has a, b, c",
        ),
        (
            &job,
            "c",
            "it did not come past \"b\", which is before \"c\"",
        ),
        (&step, "a", "it is the outermost job of no flow"),
        (unknown, "a", "the database does not know it"),
    ] {
        let output = project.run(&["run", "--from", from, "--of", of]);
        let said = text(&output.stderr);
        assert!(said.contains(problem), "{said}");
        assert_eq!(output.status.code(), Some(2));
    }
    assert_eq!(project.done(), ["a"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_whose_server_was_killed_goes_on_and_tries_again_what_it_may() {
    let project = Project::new();
    let mut stays = stays_once(&project, "stays");
    stays["retry"] = json!({"constant": {"attempts": 1, "seconds": 0}});
    let each = json!({"id": "each", "value": {"type": "forloopflow", "skip_failures": false,
        "iterator": {"type": "static", "value": [1, 2]}, "modules": [project.step("inner", ""), stays]}});
    project.flow(&json!({"modules": [project.step("first", ""), each, project.step("last", "")]}));
    let run = project.killed("child").await;
    assert_eq!(run["status"], "succeeded", "{run}");
    assert_eq!(run["result"], "last");
    assert_eq!(
        project.done(),
        ["first", "inner", "stays", "stays", "inner", "stays", "last"]
    );
    let steps = run["steps"].as_array().unwrap();
    let failed: Vec<&Value> = steps
        .iter()
        .filter(|step| step["status"] == "failed")
        .collect();
    assert_eq!(failed.len(), 1, "{steps:?}");
    assert_eq!(failed[0]["step_id"], "stays");
    assert!(steps.iter().all(|step| step["completed_at"].is_string()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_may_not_be_tried_again_has_failed_with_its_server() {
    let project = Project::new();
    let handler =
        json!({"id": "failure", "value": bash("failure", &project.script("failure", ""))["value"]});
    project.flow(&json!({"modules": [project.step("first", ""), stays_once(&project, "stays")], "failure_module": handler}));
    let run = project.killed("child").await;
    assert_eq!(run["status"], "failed");
    assert_eq!(project.done(), ["first", "stays", "failure"]);
    assert_eq!(run["result"], "failure");
    let died = project.shown(run["steps"][1]["id"].as_str().unwrap());
    let message = died["result"]["error"]["message"].as_str().unwrap();
    assert_eq!(
        message,
        "the process that ran this job ended before the job did"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_go_on_has_failed_with_the_reason() {
    let project = Project::new();
    project.flow(&json!({"same_worker": true, "modules": [stays_once(&project, "stays")]}));
    let run = project.killed("child").await;
    assert_eq!(run["status"], "failed");
    let message = run["result"]["error"]["message"].as_str().unwrap();
    assert!(
        message.ends_with("it cannot go on: the folder that its steps shared is gone"),
        "{message}"
    );
    assert_eq!(project.done(), ["stays"]);
}
