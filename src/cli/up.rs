//! `millwright up`: the refs API with the mill in it.
//!
//! Always so: when it ends, no process of a job is left, and the database says how each job ended.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use clap::Args;

use super::serve::{Opened, ServeArgs, block_on, unavailable};
use super::{CommandError, Exit, check_root, logging, signals};
use crate::mill::{Mill, MillOptions, Sources};

/// Serves the refs API, and runs flows.
#[derive(Debug, Args)]
pub(super) struct UpArgs {
    #[command(flatten)]
    serve: ServeArgs,
    /// The project's folder, with flows/ and scripts/.
    #[arg(long, value_name = "DIR", default_value = ".")]
    root: PathBuf,
}

/// Runs the command.
pub(super) fn run(args: &UpArgs) -> Result<Exit, CommandError> {
    logging::start();
    block_on(up(args))
}

async fn up(args: &UpArgs) -> Result<Exit, CommandError> {
    check_root(&args.root)?;
    let mut opened = Opened::open(&args.serve).await?;
    let mut told = signals::told_to_end().map_err(unavailable)?;
    let url = format!("http://{}", reachable(opened.address()?));
    let sources = Sources::of_project(&args.root);
    let mut options =
        MillOptions::of_this_process(sources).with_variable("TASKSGODZILLA_API_URL", &url);
    options.base_url = url;
    let (mill, taken_up) = Mill::take_up(opened.store.clone(), options).await?;
    for flow in taken_up {
        tracing::info!(job = %flow.job, "a flow goes on whose process had ended before it did");
    }
    opened.options.mill = Some(mill.routes());
    // Jobs that end report to the API, so it serves until they have.
    let ended = async move {
        // A server that is told to end has done its work, however it was told.
        let _ = told.next().await;
        let ending = mill.shut_down("the server was told to end");
        told.unless_again(&mill, ending).await;
    };
    opened.serve(ended).await
}

/// An address on this machine for one that means all of its addresses.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}
