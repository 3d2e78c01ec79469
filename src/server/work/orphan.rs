//! What an execution left behind: the engines of a server that was killed, and those that left their engine's group.
//!
//! Always so: they are found by the mark in their environment, which they have from their first moment on and hand on to
//! whatever they start; nothing has to be written down in time.

use std::fs;

use millwright_step::engine::EXECUTION_ID;
use rustix::process::{Pid, Signal, kill_process};

/// Looks that are taken: a process may start another between two of them.
const LOOKS: usize = 10;

/// Ends every process of an execution that runs on this machine.
pub(super) fn end(execution_id: &str) {
    let mark = format!("{EXECUTION_ID}={execution_id}");
    for _ in 0..LOOKS {
        let found: Vec<Pid> = processes().filter(|id| is_marked(*id, &mark)).collect();
        if found.is_empty() {
            return;
        }
        for id in found {
            // It may have ended meanwhile.
            let _ = kill_process(id, Signal::KILL);
        }
    }
}

fn processes() -> impl Iterator<Item = Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?))
}

/// A process that has ended, and one of somebody else, shows no environment.
fn is_marked(id: Pid, mark: &str) -> bool {
    let environment = fs::read(format!("/proc/{}/environ", id.as_raw_pid())).unwrap_or_default();
    environment
        .split(|byte| *byte == 0)
        .any(|variable| variable == mark.as_bytes())
}
