//! `millwright serve`: the refs API on a socket.
//!
//! Always so: secrets come from the environment, never from arguments. The first line on stdout says where it listens.

use std::env;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use millwright_step::files::write_whole;
use tokio::net::TcpListener;

use super::{CommandError, Exit, logging, output, signals, windmill_args};
use crate::server::{self, Access, App, AppState, ServerOptions, WebhookOptions, WorkOptions};
use crate::store::{DEFAULT_ADDRESS, Store, StoreOptions};

/// Serves the refs API.
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// Where to listen; port 0 lets the system choose.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8011")]
    listen: SocketAddr,
    /// The database.
    #[arg(long, value_name = "ADDRESS", default_value = DEFAULT_ADDRESS)]
    database: String,
    /// A folder below which logs and artifacts may be read as files; may be given again.
    #[arg(long, value_name = "DIR")]
    log_root: Vec<PathBuf>,
    /// A folder of step executables that workers may fetch, beside the one that lies with this program; may be given again.
    #[arg(long, value_name = "DIR")]
    dist: Vec<PathBuf>,
    /// A file to write the address to, once it is known.
    #[arg(long, value_name = "FILE")]
    port_file: Option<PathBuf>,
}

/// Runs the command.
pub(super) fn run(args: &ServeArgs) -> Result<Exit, CommandError> {
    logging::start();
    block_on(serve(args))
}

/// Runs to the end on a runtime of its own.
pub(super) fn block_on<T>(
    work: impl Future<Output = Result<T, CommandError>>,
) -> Result<T, CommandError> {
    let runtime = tokio::runtime::Runtime::new().map_err(unavailable)?;
    runtime.block_on(work)
}

async fn serve(args: &ServeArgs) -> Result<Exit, CommandError> {
    let opened = Opened::open(args).await?;
    let mut told = signals::told_to_end().map_err(unavailable)?;
    // A server that is told to end has done its work, however it was told.
    let told = async move {
        let _ = told.next().await;
    };
    opened.serve(told).await
}

/// A server that is about to serve: its database is open, and its address known.
pub(super) struct Opened {
    pub(super) store: Store,
    pub(super) options: ServerOptions,
    listener: TcpListener,
    port_file: Option<PathBuf>,
}

impl Opened {
    /// Opens the database and the socket.
    pub(super) async fn open(args: &ServeArgs) -> Result<Self, CommandError> {
        let token = env::var("TASKSGODZILLA_API_TOKEN").ok();
        Access::new(token.clone())
            .check_address(args.listen)
            .map_err(|error| CommandError::new(Exit::BadInput, error))?;
        let database = StoreOptions::parse(&args.database)?;
        let windmill = windmill_args::of_environment(None, None)?;
        let listener = listen(args.listen).await?;
        let store = Store::open(&database)
            .map_err(|error| CommandError::in_database(error, &args.database))?;
        let work = WorkOptions::beside(&database.path);
        let mut log_roots = args.log_root.clone();
        log_roots.push(work.make_logs().map_err(unavailable)?);
        Ok(Self {
            store,
            options: ServerOptions {
                token,
                webhooks: WebhookOptions::read(|name| env::var(name).ok()),
                log_roots,
                windmill,
                dist: args.dist.clone(),
                work,
                ..ServerOptions::default()
            },
            listener,
            port_file: args.port_file.clone(),
        })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> Result<SocketAddr, CommandError> {
        self.listener.local_addr().map_err(unavailable)
    }

    /// Serves until `told` ends.
    pub(super) async fn serve(
        self,
        told: impl Future<Output = ()> + Send + 'static,
    ) -> Result<Exit, CommandError> {
        let address = self.address()?;
        let app = App::new(self.store, self.options)
            .map_err(|error| CommandError::new(Exit::BadInput, error))?;
        announce(&app, address, self.port_file.as_deref())?;
        server::serve(self.listener, app, told)
            .await
            .map_err(unavailable)?;
        Ok(Exit::Done)
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, CommandError> {
    TcpListener::bind(address).await.map_err(|error| {
        let hint = match error.kind() {
            io::ErrorKind::AddrInUse => {
                ": another program listens there; stop it, or use --listen with another port"
            }
            _ => "",
        };
        CommandError::new(
            Exit::Unavailable,
            format!("cannot listen on {address}: {error}{hint}"),
        )
    })
}

fn announce(
    app: &AppState,
    address: SocketAddr,
    port_file: Option<&Path>,
) -> Result<(), CommandError> {
    if !app.access.needs_token() {
        output::note(
            "TASKSGODZILLA_API_TOKEN is not set: only programs on this machine are served",
        );
    }
    if let Some(path) = port_file {
        write_whole(path, format!("{address}\n").as_bytes()).map_err(|error| {
            CommandError::new(
                Exit::BadInput,
                format!("cannot write {}: {error}", path.display()),
            )
        })?;
    }
    output::line(format!("millwright serves http://{address}"));
    Ok(())
}

pub(super) fn unavailable(error: io::Error) -> CommandError {
    CommandError::new(Exit::Unavailable, error)
}
