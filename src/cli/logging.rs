//! What the program tells about itself while it works.
//!
//! Always so: it goes to stderr, and nothing is told of a request that went well unless `MILLWRIGHT_LOG` asks for it.

use tracing_subscriber::EnvFilter;

/// Starts telling; `MILLWRIGHT_LOG=info` tells of every request, `MILLWRIGHT_LOG=millwright=debug` more.
pub(super) fn start() {
    let filter =
        EnvFilter::try_from_env("MILLWRIGHT_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // A second command in the same process keeps the first one's.
    drop(subscriber.try_init());
}
