//! What becomes of an execution when its server ends.

use std::sync::{Mutex, mpsc};
use std::time::Duration;

use millwright::server;
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime;

use crate::api_fixture::client;
use crate::process::Process;
use crate::protocol_fixture::{Project, appears, process_ends, shell_step, write_script};
use crate::wait::until;

/// A server that is a process, in a folder whose one step is being executed.
struct Busy {
    folder: TempDir,
    client: reqwest::Client,
    server: Process,
    execution: String,
    engine: String,
}

impl Busy {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let workspace = folder.path().join("work");
        let script = "if [ -f child ]; then echo done; else sleep 600 & echo $! > child; wait; fi";
        write_script(&workspace, "work.sh", script);
        let mut busy = Self {
            server: Process::serve(folder.path()),
            client: client(),
            folder,
            execution: String::new(),
            engine: String::new(),
        };
        let project = json!({"name": "demo", "local_path": workspace});
        busy.post("/projects", &project).await;
        let steps = [shell_step("01-work", "work.sh", json!({}))];
        let protocol = json!({
            "protocol_name": "0001-demo", "template_config": {"protocol_spec": {"steps": steps}},
        });
        busy.post("/projects/1/protocols", &protocol).await;
        busy.post("/protocols/2/actions/start", &json!({})).await;
        until("the protocol is planned", async || {
            (busy.get("/protocols/2").await["status"] == "planned").then_some(())
        })
        .await;
        busy.execution = busy.execute().await;
        busy.engine = appears(&workspace.join("child")).await;
        busy
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let request = self.client.post(format!("{}{path}", self.server.url));
        let answer = request.json(body).send().await.unwrap();
        answer.json().await.unwrap()
    }

    async fn get(&self, path: &str) -> Value {
        self.server.get(&self.client, path).await
    }

    async fn execute(&self) -> String {
        let begun = self.post("/steps/1/actions/execute", &json!({})).await;
        begun["execution_id"].as_str().unwrap().to_owned()
    }

    /// Ends the server by a signal and starts another.
    async fn ended_by(mut self, signal: Signal) -> Self {
        self.server.signal(signal);
        let server = Mutex::new(&mut self.server.child);
        until("the server has ended", async || {
            server.lock().unwrap().try_wait().unwrap()
        })
        .await;
        self.server = Process::serve(self.folder.path());
        process_ends(&self.engine).await;
        self
    }

    async fn runs_again(&self) {
        let again = self.execute().await;
        let ended = self.get(&format!("/executions/{again}?wait=30")).await;
        assert_eq!(ended["status"], "succeeded", "{ended}");
        assert_eq!(self.get("/protocols/2").await["status"], "completed");
    }
}

#[tokio::test]
async fn a_server_that_was_killed_leaves_no_engine_and_the_step_runs_again() {
    let busy = Busy::start().await.ended_by(Signal::KILL).await;
    let lost = busy.get(&format!("/executions/{}", busy.execution)).await;
    assert_eq!(lost["error"]["name"], "ExecutionLost", "{lost}");
    busy.runs_again().await;
}

#[tokio::test]
async fn a_server_that_is_told_to_end_stops_its_engines_and_the_step_runs_again() {
    let busy = Busy::start().await.ended_by(Signal::TERM).await;
    let stopped = busy.get(&format!("/executions/{}", busy.execution)).await;
    assert_eq!(stopped["status"], "cancelled", "{stopped}");
    busy.runs_again().await;
}

#[test]
fn a_server_whose_runtime_ends_with_it_stops_its_engines_all_the_same() {
    let (ended, heard) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.unwrap();
        let project = runtime.block_on(served_in_a_crowd());
        // It waits for the thread that the engine runs in.
        drop(runtime);
        ended.send(project).unwrap();
    });
    let project = heard.recv_timeout(Duration::from_mins(1));
    drop(project.expect("the engine was not told to end"));
}

/// Serves until just now, where so many tasks want their turn that none of them has it before the server's end.
async fn served_in_a_crowd() -> Project {
    let project = Project::new().await;
    project.script("work.sh", "echo $$ > child; exec sleep 600");
    let steps = json!([shell_step("01-work", "work.sh", json!({}))]);
    let protocol = project.planned(steps).await;
    let step = project.next(protocol, "flow").await;
    project.begin(&step, "execute", json!({})).await;
    project.appears("child").await;
    for _ in 0..1000 {
        tokio::spawn(async {
            loop {
                tokio::task::yield_now().await;
            }
        });
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let app = project.api.app.clone();
    server::serve(listener, app, async {}).await.unwrap();
    project
}
