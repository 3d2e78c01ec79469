//! `millwright runs backfill`: registers runs of our flows that could not register themselves, because the API was away.
//!
//! Always so: a run is registered as the flow's own step would have done; a job that is registered is left alone.

mod job;
mod since;

use clap::Args;
use millwright_core::refs::{JobId, Resource, UpsertArtifact};
use serde_json::{Value, json};

use self::job::{FlowJob, jobs_since};
use crate::cli::output::{self, plain};
use crate::cli::remote::Remote;
use crate::cli::windmill_args::WindmillArgs;
use crate::cli::{CommandError, Exit};
use crate::deploy::Place;
use crate::windmill::{Client, ItemKind};

#[derive(Debug, Args)]
pub(super) struct BackfillArgs {
    /// Takes the jobs that Windmill has.
    #[arg(long, required = true)]
    from_windmill: bool,
    /// Jobs since then: a duration such as `12h` or `7d`, or a time such as `2026-11-21` or `2026-11-21T10:00:00Z`.
    #[arg(long, value_name = "DURATION|TIME", default_value = "30d", value_parser = since::parse)]
    since: jiff::Timestamp,
    /// The folder that the flows were deployed to, where it is another than `devgodzilla`.
    #[arg(long, value_name = "NAME")]
    folder: Option<Place>,
    /// Registers nothing, and says what would be.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    windmill: WindmillArgs,
}

/// What became of the jobs.
#[derive(Debug, Default)]
struct Told {
    registered: Vec<Value>,
    /// Jobs that are registered already.
    known: usize,
    /// Jobs that will register themselves.
    waiting: usize,
    /// Jobs whose caller chose the id of another run.
    taken: Vec<Value>,
    /// Jobs that Windmill or the API refused, with what was said.
    failed: Vec<Value>,
}

impl BackfillArgs {
    /// Registers what is missing, the oldest first.
    pub(super) async fn run(&self, is_json: bool, remote: &Remote) -> Result<(), CommandError> {
        let client = self.windmill.client()?;
        let place = self.folder.clone().unwrap_or_default();
        let beginning = place.beginning(ItemKind::Flow);
        let jobs = jobs_since(&client, &beginning, self.since).await?;
        if jobs.is_empty() {
            check_workspace(&client).await?;
        }
        let mut told = Told::default();
        for job in jobs {
            let id = job.id;
            if let Err(error) = self.take(job, &client, remote, &mut told).await {
                if error.exit == Exit::Unavailable {
                    return Err(error);
                }
                let failed = json!({"job_id": id, "error": error.message});
                told.failed.push(failed);
            }
        }
        if is_json {
            output::line(told.to_json());
        } else {
            told.registered.iter().for_each(row);
            told.note(self.dry_run);
        }
        told.refuse_failures()
    }

    async fn take(
        &self,
        job: FlowJob,
        client: &Client,
        remote: &Remote,
        told: &mut Told,
    ) -> Result<(), CommandError> {
        if is_registered(job.id, remote).await? {
            told.known += 1;
            return Ok(());
        }
        let details = client.job(job.id).await?;
        let job = job.with_details(&details);
        if job.may_still_register() {
            told.waiting += 1;
            return Ok(());
        }
        let start = job.start_run();
        let run_id = &start["run_id"];
        let path = format!("/codex/runs/{}", plain(run_id));
        let mut said = json!({
            "job_id": job.id, "run_id": run_id, "flow": job.flow, "created_at": job.created_at, "status": null,
        });
        let known = remote.find(&path).await?;
        let is_anothers = match &known {
            Some(run) if job.chose_run_id() => !is_without_job(run, &path, remote).await?,
            _ => false,
        };
        if is_anothers {
            told.taken.push(said);
            return Ok(());
        }
        if !self.dry_run {
            if known.is_none() {
                remote.post("/codex/runs/start", &start).await?;
            }
            register(&path, &job, remote).await?;
            said["status"] = remote.get(&path).await?["status"].clone();
        }
        told.registered.push(said);
        Ok(())
    }
}

/// The flow's references come first: they are what a registered job is known by.
async fn register(path: &str, job: &FlowJob, remote: &Remote) -> Result<(), CommandError> {
    let jobs = [
        Some(("windmill.flow", job.id)),
        job.emit.map(|emit| ("windmill", emit)),
    ];
    for (prefix, id) in jobs.into_iter().flatten() {
        for resource in Resource::ALL {
            let artifact = UpsertArtifact::of_job(prefix, id, resource);
            let artifact = serde_json::to_value(artifact).unwrap_or_default();
            let path = format!("{path}/artifacts/upsert");
            remote.post(&path, &artifact).await?;
        }
    }
    Ok(())
}

/// Whether a run is open and follows no job: whoever registered it left that to the flow, which could not do it.
async fn is_without_job(run: &Value, path: &str, remote: &Remote) -> Result<bool, CommandError> {
    let follows = |text: &Value| {
        text.as_str()
            .is_some_and(|path| path.starts_with("windmill:"))
    };
    if !run["finished_at"].is_null() || follows(&run["log_path"]) {
        return Ok(false);
    }
    let artifacts = remote.get(&format!("{path}/artifacts")).await?;
    Ok(!output::items(&artifacts).any(|artifact| follows(&artifact["path"])))
}

async fn is_registered(job: JobId, remote: &Remote) -> Result<bool, CommandError> {
    let runs = remote
        .get(&format!("/codex/runs?limit=1&job={job}"))
        .await?;
    Ok(output::items(&runs).next().is_some())
}

/// A token that may do everything is answered with empty lists where there is no such workspace.
async fn check_workspace(client: &Client) -> Result<(), CommandError> {
    if client.workspace_exists().await? {
        return Ok(());
    }
    let connection = client.connection();
    let (address, workspace) = (connection.address(), connection.workspace());
    let message = format!("Windmill at {address} has no workspace {workspace:?}");
    Err(CommandError::new(Exit::BadInput, message))
}

impl Told {
    fn to_json(&self) -> Value {
        json!({
            "registered": self.registered, "known": self.known, "waiting": self.waiting, "taken": self.taken,
            "failed": self.failed,
        })
    }

    fn note(&self, is_dry: bool) {
        for job in &self.taken {
            output::note(format_args!(
                "job {} is left alone: its caller chose the id of another run, {}",
                plain(&job["job_id"]),
                plain(&job["run_id"])
            ));
        }
        for job in &self.failed {
            let (id, error) = (plain(&job["job_id"]), plain(&job["error"]));
            output::note(format_args!("job {id} is not registered: {error}"));
        }
        let count = self.registered.len();
        let done = if is_dry {
            "would be registered"
        } else {
            "registered"
        };
        output::note(format_args!(
            "{count} {done}, {} known already, {} will register themselves",
            self.known, self.waiting
        ));
    }

    fn refuse_failures(&self) -> Result<(), CommandError> {
        if self.failed.is_empty() {
            return Ok(());
        }
        let count = self.failed.len();
        let message = format!("{count} of the jobs could not be registered; the others are");
        Err(CommandError::new(Exit::Failed, message))
    }
}

fn row(run: &Value) {
    let row = format!(
        "{}  {:<9}  {}  {}",
        plain(&run["run_id"]),
        plain(&run["status"]),
        plain(&run["created_at"]),
        plain(&run["flow"]),
    );
    output::line(row.trim_end());
}
