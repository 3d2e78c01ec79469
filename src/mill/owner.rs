//! Whose jobs they are: the process that runs a job, and what becomes of it when that process is gone.
//!
//! Always so: a process is known by its id and the moment it began, so that another with the same id is not taken for
//! it.

use std::time::Duration;

use millwright_core::refs::JobId;

use super::worker::kill_left_behind;
use crate::process::began;
use crate::store::{Store, StoreError, jobs};

/// How often a database that failed is tried again, and after what time.
const TRIES: usize = 600;
const PAUSE: Duration = Duration::from_secs(1);

/// Why a job has failed whose process is gone.
pub(super) const GONE: &str = "the process that ran this job ended before the job did";

/// This process, as the database knows it.
pub(super) fn this_process() -> String {
    let id = std::process::id();
    format!("{id}:{}", began(id).unwrap_or_default())
}

/// Ends the jobs of processes that are gone.
pub(super) async fn end_abandoned(store: &Store) -> Result<(), StoreError> {
    let gone = abandoned(store).await?;
    end_all(store, gone, GONE.to_owned()).await
}

/// The same for one run alone, of which this is a job.
pub(crate) async fn end_abandoned_run(store: &Store, job: JobId) -> Result<(), StoreError> {
    let of_run = move |connection: &rusqlite::Connection| {
        let root = jobs::get(connection, job)?.root;
        let open = jobs::unfinished_of(connection, root)?;
        let mut owned = jobs::unfinished(connection)?;
        owned.retain(|(id, _)| open.contains(id));
        Ok(owned)
    };
    let gone = gone(store.read(of_run).await?);
    kill(&gone).await;
    end_all(store, gone, GONE.to_owned()).await
}

/// Whether the process of a job is gone that has not ended.
pub(crate) async fn is_abandoned(store: &Store, job: JobId) -> Result<bool, StoreError> {
    Ok(gone(store.read(jobs::unfinished).await?).contains(&job))
}

/// The jobs of processes that are gone, the innermost first. Nothing of them runs any more.
pub(super) async fn abandoned(store: &Store) -> Result<Vec<JobId>, StoreError> {
    let gone = gone(store.read(jobs::unfinished).await?);
    kill(&gone).await;
    Ok(gone)
}

/// Those whose process is gone.
fn gone(unfinished: Vec<(JobId, String)>) -> Vec<JobId> {
    let gone = unfinished.into_iter().filter(|(_, owner)| !is_alive(owner));
    gone.map(|(job, _)| job).collect()
}

/// Kills what still runs of jobs whose process is gone.
async fn kill(gone: &[JobId]) {
    if gone.is_empty() {
        return;
    }
    let names = gone.iter().map(ToString::to_string).collect();
    let killed = tokio::task::spawn_blocking(move || kill_left_behind(&names));
    // What could not be looked for is not there to be killed.
    drop(killed.await);
}

/// Ends what has not ended of an outermost job. The database has just failed: it is tried again for a while, in the
/// background; where it fails to the end, the next mill ends the job.
pub(super) async fn end_run(store: &Store, root: JobId, reason: &str) {
    if try_end_run(store, root, reason).await.is_ok() {
        return;
    }
    let (store, reason) = (store.clone(), reason.to_owned());
    tokio::spawn(async move {
        for _ in 0..TRIES {
            tokio::time::sleep(PAUSE).await;
            if try_end_run(&store, root, &reason).await.is_ok() {
                return;
            }
        }
    });
}

async fn try_end_run(store: &Store, root: JobId, reason: &str) -> Result<(), StoreError> {
    let unfinished = store
        .read(move |connection| jobs::unfinished_of(connection, root))
        .await?;
    end_all(store, unfinished, reason.to_owned()).await
}

pub(super) async fn end_all(
    store: &Store,
    all: Vec<JobId>,
    reason: String,
) -> Result<(), StoreError> {
    if all.is_empty() {
        return Ok(());
    }
    store
        .write(move |connection| {
            for job in all {
                jobs::abandon(connection, job, &reason)?;
            }
            Ok(())
        })
        .await
}

fn is_alive(owner: &str) -> bool {
    let Some((id, begun)) = owner.split_once(':') else {
        return false;
    };
    let id = id.parse().ok();
    id.and_then(began).is_some_and(|found| found == begun)
}
