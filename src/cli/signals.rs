//! The signals by which a command is told to end.
//!
//! Always so: once asked for, none of them ends the process by itself.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Exit;
use crate::mill::Mill;

/// Hears Ctrl-C, SIGTERM, and the terminal's end.
pub(super) struct Told {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

/// Hears the signals from now on.
pub(super) fn told_to_end() -> io::Result<Told> {
    Ok(Told {
        interrupt: signal(SignalKind::interrupt())?,
        terminate: signal(SignalKind::terminate())?,
        hang_up: signal(SignalKind::hangup())?,
    })
}

impl Told {
    /// Ends with the next signal, and says how the command then ends.
    pub(super) async fn next(&mut self) -> Exit {
        tokio::select! {
            _ = self.interrupt.recv() => Exit::Interrupted,
            _ = self.terminate.recv() => Exit::Terminated,
            _ = self.hang_up.recv() => Exit::Terminated,
        }
    }

    /// Waits for jobs of a mill that were told to end. With the next signal they get no more time for it.
    pub(super) async fn unless_again<T>(
        &mut self,
        mill: &Mill,
        ending: impl Future<Output = T>,
    ) -> T {
        let mut ending = std::pin::pin!(ending);
        tokio::select! {
            ended = &mut ending => return ended,
            _ = self.next() => mill.hurry(),
        }
        ending.await
    }
}
