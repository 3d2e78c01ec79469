//! How the server executes steps.
//!
//! Always so: where nobody says otherwise, the clock is the machine's and the leases are the usual ones.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use millwright_step::runner::Settings;

use crate::store::Timestamp;
use crate::store::protocols::{Clock, Leases};

/// How the server executes steps.
#[derive(Clone)]
pub struct WorkOptions {
    /// How long claims last.
    pub leases: Leases,
    /// Tells the time to claims.
    pub clock: Clock,
    /// The folder of the executions' logs.
    pub logs: PathBuf,
    /// What the environment says about engines.
    pub settings: Settings,
}

impl Default for WorkOptions {
    fn default() -> Self {
        Self {
            leases: Leases::default(),
            clock: Arc::new(Timestamp::now),
            logs: ".millwright/logs".into(),
            settings: Settings::default(),
        }
    }
}

impl std::fmt::Debug for WorkOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorkOptions")
            .field("leases", &self.leases)
            .field("logs", &self.logs)
            .finish_non_exhaustive()
    }
}

impl WorkOptions {
    /// Work that keeps its logs beside a database's file, with what the environment says about engines.
    pub fn beside(database: &Path) -> Self {
        let folder = database.parent().unwrap_or(Path::new(""));
        Self {
            logs: folder.join("logs"),
            settings: Settings::read(|name| std::env::var(name).ok()),
            ..Self::default()
        }
    }

    /// Makes the folder of the logs, and gives it.
    ///
    /// # Errors
    /// What the system says.
    pub fn make_logs(&self) -> io::Result<PathBuf> {
        fs::create_dir_all(&self.logs)?;
        Ok(self.logs.clone())
    }
}
