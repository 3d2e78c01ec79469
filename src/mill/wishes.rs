//! What other processes wish of this mill's jobs, as the database has it.
//!
//! Always so: a wish is heard within a second, and by the process that runs the job alone.

use std::sync::Weak;
use std::time::Duration;

use super::owner;
use super::service::Inner;
use crate::store::{Store, jobs};

/// How often it is looked for wishes.
const LOOK: Duration = Duration::from_secs(1);

/// Hears what other processes put into the database: wishes that jobs end, and answers to flows that wait.
pub(super) async fn hear(mill: Weak<Inner>, store: Store) {
    let owner = owner::this_process();
    loop {
        tokio::time::sleep(LOOK).await;
        let Some(mill) = mill.upgrade() else { return };
        if mill.running().is_empty() {
            continue;
        }
        let owner = owner.clone();
        let wishes = store.read(move |connection| jobs::wishes(connection, &owner));
        for (job, wish) in wishes.await.unwrap_or_default() {
            mill.stop(job, &wish);
        }
        if mill.answers.is_awaited()
            && let Ok(newest) = store.read(jobs::newest_resume).await
        {
            mill.answers.newest(newest);
        }
    }
}
