//! An API that looks often for open runs whose job has ended in a Windmill.
//!
//! Always so: a run's status is read from the list, which asks Windmill nothing.

use std::time::Duration;

use millwright::server::ServerOptions;
use millwright::store::{Timestamp, runs};
use millwright_core::refs::{JobId, Resource};
use serde_json::{Value, json};

use crate::api_fixture::Api;
use crate::wait::until;
use crate::windmill_double::{Job, TOKEN, Windmill, options};

/// Between two looks.
pub(crate) const TICK: Duration = Duration::from_millis(40);

/// Options of a server that looks for ended jobs.
pub(crate) fn watching(url: &str) -> ServerOptions {
    ServerOptions {
        windmill: Some(options(url, TOKEN)),
        reconcile_every: Some(TICK),
        ..ServerOptions::default()
    }
}

/// A Windmill, and an API that watches it.
pub(crate) async fn watched() -> (Windmill, Api) {
    let (windmill, url) = Windmill::start().await;
    let api = Api::start_with(|_| watching(&url)).await;
    (windmill, api)
}

/// A job that has ended well, with a result.
pub(crate) fn ended(result: Value) -> Job {
    Job {
        ended: Some(result),
        ..Job::default()
    }
}

impl Api {
    /// A run as the list tells it.
    pub(crate) async fn listed(&self, run_id: &str) -> Value {
        let runs = self.get("/codex/runs?limit=500").await.expect(200);
        let found = runs
            .as_array()
            .unwrap()
            .iter()
            .find(|run| run["run_id"] == run_id);
        found
            .unwrap_or_else(|| panic!("no run {run_id}: {runs}"))
            .clone()
    }

    /// A run, once the list says that it has ended.
    pub(crate) async fn closed(&self, run_id: &str) -> Value {
        until(&format!("{run_id} is closed"), async || {
            let run = self.listed(run_id).await;
            (run["status"] != "running").then_some(run)
        })
        .await
    }

    /// Many runs at once, one for each job, that began at some moment.
    pub(crate) async fn runs_of(&self, jobs: &[JobId], began: Timestamp) {
        let starts: Vec<_> = jobs
            .iter()
            .map(|job| {
                let log_path = job.reference(Resource::Logs);
                let run = json!({"job_type": "t", "run_id": job, "log_path": log_path});
                serde_json::from_value(run).unwrap()
            })
            .collect();
        let register = move |connection: &_| {
            for start in &starts {
                runs::start(connection, start, began)?;
            }
            Ok(())
        };
        self.app.store.write(register).await.unwrap();
    }

    /// How many runs stand so.
    pub(crate) fn count(&self, status: &str) -> u32 {
        let query = "SELECT count(*) FROM codex_runs WHERE status = ?1";
        let count = |connection: &rusqlite::Connection| {
            Ok(connection.query_row(query, [status], |row| row.get(0))?)
        };
        self.app.store.look_up(count).unwrap()
    }
}
