//! What the handlers share.
//!
//! Always so: it is made once, before the first request, and holds no state of a request.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio_util::sync::CancellationToken;

use super::auth::Access;
use super::jobs::JobClient;
use super::logs::{LogRoots, Parked};
use super::webhooks::WebhookOptions;
use super::work::{Work, WorkOptions};
use crate::executable::{Executables, beside};
use crate::mill;
use crate::store::Store;
use crate::windmill::Connection;

const KEEP_ALIVE: Duration = Duration::from_secs(15);
const RECONCILE_EVERY: Duration = Duration::from_secs(1);

/// The application, as handlers take it: `State(app): State<AppState>`.
pub type AppState = Arc<App>;

/// What the handlers share.
#[derive(Debug)]
pub struct App {
    /// The database.
    pub store: Store,
    /// The work on steps.
    pub work: Work,
    /// Who may call.
    pub access: Access,
    /// How deliveries of forges are taken.
    pub(super) webhooks: WebhookOptions,
    /// Who knows jobs: the mill, and Windmill.
    pub(super) jobs: JobClient,
    /// Where logs and artifacts may be read as files.
    pub(super) log_roots: LogRoots,
    /// Readers of logs that wait for who asks for the next part.
    pub(super) parked: Parked,
    /// How often open runs are looked at whose job may have ended in Windmill.
    pub(super) reconcile_every: Option<Duration>,
    /// How long a stream may be silent.
    pub(super) keep_alive: Duration,
    /// The step executables that workers may fetch.
    pub(super) executables: Executables,
    /// The mill's job routes, as they are mounted.
    pub(super) mill: Router,
    /// Cancelled when the server closes: streams and waiting requests end.
    pub closing: CancellationToken,
}

/// What a server needs besides its database.
#[derive(Debug, Clone, Default)]
pub struct ServerOptions {
    /// The bearer token that every request except `/health` and webhooks must bring; without one, only this machine is served.
    pub token: Option<String>,
    /// How deliveries of forges are taken; without a token they are not.
    pub webhooks: WebhookOptions,
    /// The folders below which logs and artifacts may be read as files.
    pub log_roots: Vec<PathBuf>,
    /// The Windmill that is asked about jobs that the mill does not know.
    pub windmill: Option<Connection>,
    /// The routes of a mill that starts jobs; without one, the jobs that the database holds are shown.
    pub mill: Option<Router>,
    /// Folders and files of step executables that workers may fetch, beside the one that lies with this program.
    pub dist: Vec<PathBuf>,
    /// How steps are executed.
    pub work: WorkOptions,
    /// How often open runs are looked at whose job may have ended in Windmill; every second where it is not said, and never where
    /// it is zero.
    pub reconcile_every: Option<Duration>,
    /// How long a stream may be silent before a comment keeps it alive; 15 s where it is not said.
    pub keep_alive: Option<Duration>,
}

/// Why a server cannot be what its options say.
#[derive(Debug, thiserror::Error)]
pub enum BadOptions {
    /// A log root is no folder.
    #[error("the log root {path} is no folder that can be read: {reason}", path = path.display())]
    LogRoot {
        /// The folder that was named.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// No client of Windmill can be made.
    #[error("cannot make a client of Windmill: {0}")]
    Client(reqwest::Error),
}

impl App {
    /// An application on an open database.
    ///
    /// # Errors
    /// [`BadOptions`].
    pub fn new(store: Store, options: ServerOptions) -> Result<AppState, BadOptions> {
        let shown = || mill::routes(store.clone());
        let mill = options.mill.unwrap_or_else(shown);
        let jobs = JobClient::new(mill.clone(), options.windmill).map_err(BadOptions::Client)?;
        let log_roots = LogRoots::new(options.log_roots)
            .map_err(|(path, reason)| BadOptions::LogRoot { path, reason })?;
        Ok(Arc::new(Self {
            work: Work::new(store.clone(), options.work),
            log_roots,
            webhooks: options.webhooks,
            executables: Executables::new(std::iter::once(beside()).chain(options.dist)),
            reconcile_every: Some(options.reconcile_every.unwrap_or(RECONCILE_EVERY))
                .filter(|every| !every.is_zero()),
            keep_alive: options.keep_alive.unwrap_or(KEEP_ALIVE),
            parked: Parked::default(),
            jobs,
            mill,
            store,
            access: Access::new(options.token),
            closing: CancellationToken::new(),
        }))
    }
}
