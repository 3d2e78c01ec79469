//! What becomes of an execution when its server ends.
//!
//! Always so: a server is ended as a system ends it, and its engine's process is looked for.

use std::sync::{Mutex, mpsc};
use std::time::Duration;

use millwright::server;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime;

use crate::process::Process;
use crate::protocol_fixture::{Project, appears, process_ends, shell_step};
use crate::served_fixture::Served;
use crate::wait::until;

/// A server whose one step is being executed.
struct Busy {
    served: Served,
    execution: String,
    engine: String,
}

impl Busy {
    async fn start() -> Self {
        let script = "if [ -f child ]; then echo done; else sleep 600 & echo $! > child; wait; fi";
        let served = Served::start(script, json!({}), |command| command).await;
        Self {
            execution: served.execute().await,
            engine: appears(&served.workspace().join("child")).await,
            served,
        }
    }

    /// Ends the server by a signal and starts another.
    async fn ended_by(mut self, signal: Signal) -> Self {
        self.served.server.signal(signal);
        let server = Mutex::new(&mut self.served.server.child);
        until("the server has ended", async || {
            server.lock().unwrap().try_wait().unwrap()
        })
        .await;
        self.served.server = Process::serve(self.served.folder());
        process_ends(&self.engine).await;
        self
    }

    /// How the execution stands that the server's end broke off.
    async fn execution(&self) -> Value {
        self.served.ended(&self.execution).await
    }

    async fn runs_again(&self) {
        let again = self.served.execute().await;
        let ended = self.served.ended(&again).await;
        assert_eq!(ended["status"], "succeeded", "{ended}");
        assert_eq!(self.served.status().await, "completed");
    }
}

#[tokio::test]
async fn a_server_that_was_killed_leaves_no_engine_and_the_step_runs_again() {
    let busy = Busy::start().await.ended_by(Signal::KILL).await;
    let lost = busy.execution().await;
    assert_eq!(lost["error"]["name"], "ExecutionLost", "{lost}");
    busy.runs_again().await;
}

#[tokio::test]
async fn a_server_that_is_told_to_end_stops_its_engines_and_the_step_runs_again() {
    let busy = Busy::start().await.ended_by(Signal::TERM).await;
    let stopped = busy.execution().await;
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
