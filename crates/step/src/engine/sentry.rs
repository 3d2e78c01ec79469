//! A sentry beside an engine: it ends the engine's processes when this program is killed and can do that itself no more.
//!
//! Always so: it ends with what it watches over, and where it cannot be posted the work goes on without it.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

/// Reads a line when the work is over. The pipe's end without one says that this program is gone.
const WATCH: &str = r#"read -r _ || kill -s KILL -- "-$1""#;

/// Watches over a process group for as long as it lives.
pub(super) struct Sentry(Option<Child>);

impl Sentry {
    /// Posts one over the group with this id.
    pub(super) fn over(group: u32) -> Self {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", WATCH, "sentry", &group.to_string()])
            .env_clear()
            // Whoever ends this program's group is not to end the sentry with it.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Self(command.spawn().ok())
    }
}

impl Drop for Sentry {
    fn drop(&mut self) {
        let Some(sentry) = &mut self.0 else { return };
        if let Some(stdin) = &mut sentry.stdin {
            // It may have been killed: then there is nobody to relieve.
            let _ = stdin.write_all(b"\n");
        }
        let _ = sentry.wait();
    }
}
