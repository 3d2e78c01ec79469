//! The jobs by which Windmill looks for what a script or flow depends on.
//!
//! Always so: a wait has an end, and only a job that failed fails what was deployed.

use std::time::Duration;

use millwright_core::refs::JobId;
use tokio::time::Instant;

use super::Name;
use super::object::Object;
use super::plan::has_dependencies;
use crate::windmill::{Client, DeploymentStatus, ItemKind, WindmillError};

/// The first wait between two looks; each next one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(50);
/// The longest wait between two looks.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// A job that has not ended by then has no worker.
const PATIENCE: Duration = Duration::from_mins(5);
/// So much of a log is shown, from its end.
const SHOWN: usize = 2_000;

/// Waits for the job of something that was just written; `hash` is a script's. Gives why it failed, where it did.
pub(super) async fn wait(
    client: &Client,
    object: &Object,
    hash: &str,
) -> Result<Result<(), String>, WindmillError> {
    if !has_dependencies(object) {
        return Ok(Ok(()));
    }
    let begun = Instant::now();
    let mut pause = FIRST_WAIT;
    loop {
        let status = status(client, &object.name, hash).await?;
        if let Some(end) = end(client, &status).await? {
            return Ok(end);
        }
        if begun.elapsed() > PATIENCE {
            let job = status.job_id.unwrap_or_default();
            return Ok(Err(format!(
                "its dependency job {job} has not ended in {} minutes: is there a worker for the tag `dependency`?",
                PATIENCE.as_secs() / 60
            )));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_WAIT);
    }
}

async fn status(
    client: &Client,
    name: &Name,
    hash: &str,
) -> Result<DeploymentStatus, WindmillError> {
    match name {
        Name::Item(ItemKind::Flow, path) => client.flow_deployment(path).await,
        _ => {
            client
                .script_deployment(hash.trim().trim_matches('"'))
                .await
        }
    }
}

/// How the job ended; nothing while it runs.
async fn end(
    client: &Client,
    status: &DeploymentStatus,
) -> Result<Option<Result<(), String>>, WindmillError> {
    if let Some(log) = status
        .lock_error_logs
        .as_deref()
        .filter(|log| !log.is_empty())
    {
        return Ok(Some(Err(failed(log))));
    }
    let job = status.job_id.as_deref().and_then(|id| id.parse().ok());
    match job {
        Some(job) if status.lock.is_none() => end_of(client, job).await,
        _ => Ok(Some(Ok(()))),
    }
}

async fn end_of(client: &Client, job: JobId) -> Result<Option<Result<(), String>>, WindmillError> {
    let job = match client.job(job).await {
        // It is gone with the others of its age.
        Err(error) if error.is_not_found() => return Ok(Some(Ok(()))),
        job => job?,
    };
    Ok(match job["success"].as_bool() {
        Some(true) => Some(Ok(())),
        Some(false) => {
            let message = job["result"]["error"]["message"].as_str();
            Some(Err(failed(message.unwrap_or("its log is in Windmill"))))
        }
        None => None,
    })
}

fn failed(log: &str) -> String {
    let cut = log.char_indices().rev().nth(SHOWN).map_or(0, |(at, _)| at);
    format!("its dependency job failed:\n{}", log[cut..].trim())
}
