//! The signals by which a command is told to end.
//!
//! Always so: once asked for, none of them ends the process by itself.

use std::io;

use tokio::signal::unix::{SignalKind, signal};

use super::Exit;

/// Ends with Ctrl-C, SIGTERM, or the terminal's end, and says how the command then ends.
pub(super) fn told_to_end() -> io::Result<impl Future<Output = Exit> + Send> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => Exit::Interrupted,
            _ = terminate.recv() => Exit::Terminated,
            _ = hang_up.recv() => Exit::Terminated,
        }
    })
}
