//! `millwright serve`: the refs API on a socket.
//!
//! Always so: secrets come from the environment, never from arguments. The first line on stdout says where it listens.

use std::env;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::{CommandError, Exit, logging, output};
use crate::server::{self, App, AppState, ServerOptions, WindmillOptions, WorkOptions};
use crate::store::{Store, StoreOptions};

/// Serves the refs API.
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// Where to listen; port 0 lets the system choose.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8011")]
    listen: SocketAddr,
    /// The database.
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "sqlite://.millwright/millwright.db"
    )]
    database: String,
    /// A folder below which logs and artifacts may be read as files; may be given again.
    #[arg(long, value_name = "DIR")]
    log_root: Vec<PathBuf>,
    /// A file to write the address to, once it is known.
    #[arg(long, value_name = "FILE")]
    port_file: Option<PathBuf>,
}

/// Runs the command.
pub(super) fn run(args: &ServeArgs) -> Result<Exit, CommandError> {
    logging::start();
    let runtime = tokio::runtime::Runtime::new().map_err(unavailable)?;
    runtime.block_on(serve(args))
}

async fn serve(args: &ServeArgs) -> Result<Exit, CommandError> {
    let app = open(args)?;
    let address = args.listen;
    app.access
        .check_address(address)
        .map_err(|error| CommandError::new(Exit::BadInput, error))?;
    let listener = listen(address).await?;
    let told = until_told().map_err(unavailable)?;
    announce(&app, &listener, args.port_file.as_deref())?;
    server::serve(listener, app, told)
        .await
        .map_err(unavailable)?;
    Ok(Exit::Done)
}

fn open(args: &ServeArgs) -> Result<AppState, CommandError> {
    let database = StoreOptions::parse(&args.database)?;
    let store = Store::open(&database)?;
    let work = WorkOptions::beside(&database.path);
    let mut log_roots = args.log_root.clone();
    log_roots.push(work.make_logs().map_err(unavailable)?);
    let options = ServerOptions {
        token: env::var("TASKSGODZILLA_API_TOKEN").ok(),
        log_roots,
        windmill: windmill()?,
        mill: None,
        keep_alive: None,
        work,
    };
    App::new(store, options).map_err(|error| CommandError::new(Exit::BadInput, error))
}

/// The Windmill that the environment names.
fn windmill() -> Result<Option<WindmillOptions>, CommandError> {
    let set = |name| env::var(name).ok().filter(|value| !value.is_empty());
    let Some(url) = set("TASKSGODZILLA_WINDMILL_URL") else {
        return Ok(None);
    };
    let bad = |error: String| CommandError::new(Exit::BadInput, error);
    let workspace = set("TASKSGODZILLA_WINDMILL_WORKSPACE");
    let seconds = set("TASKSGODZILLA_WINDMILL_TIMEOUT_SECONDS").unwrap_or_else(|| "10".to_owned());
    let timeout = seconds
        .parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let timeout = timeout.filter(|timeout| !timeout.is_zero()).ok_or_else(|| {
        bad(format!("TASKSGODZILLA_WINDMILL_TIMEOUT_SECONDS is {seconds:?}: use a number of seconds above 0"))
    })?;
    let workspace = workspace.as_deref().unwrap_or("starter");
    let token = set("TASKSGODZILLA_WINDMILL_TOKEN");
    let options = WindmillOptions::new(&url, token, workspace, timeout);
    options.map(Some).map_err(|error| bad(error.to_string()))
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

/// Ends with Ctrl-C or SIGTERM.
fn until_told() -> io::Result<impl Future<Output = ()> + Send> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

fn announce(
    app: &AppState,
    listener: &TcpListener,
    port_file: Option<&Path>,
) -> Result<(), CommandError> {
    let address = listener.local_addr().map_err(unavailable)?;
    if !app.access.needs_token() {
        output::note(
            "TASKSGODZILLA_API_TOKEN is not set: only programs on this machine are served",
        );
    }
    if let Some(path) = port_file {
        write_whole(path, &format!("{address}\n")).map_err(|error| {
            CommandError::new(
                Exit::BadInput,
                format!("cannot write {}: {error}", path.display()),
            )
        })?;
    }
    output::line(format!("millwright serves http://{address}"));
    Ok(())
}

/// A reader sees the whole text or none.
fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_added_extension("new");
    fs::write(&new, text)?;
    fs::rename(new, path)
}

fn unavailable(error: io::Error) -> CommandError {
    CommandError::new(Exit::Unavailable, error)
}
