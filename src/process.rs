//! What the system knows about processes.
//!
//! Always so: a process is told from another one of the same id by the moment it began.

use std::fs;

/// When a process began, in the system's clock ticks; `None` where there is no such process, or no `/proc`. One that has ended is
/// none, also where nobody has asked for its exit code yet, as in a container without an init.
pub(crate) fn began(id: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The program's name is in parentheses and may hold anything; the state follows it, and the 20th word is the moment.
    let (_, words) = stat.rsplit_once(')')?;
    let mut words = words.split_ascii_whitespace();
    let has_ended = matches!(words.next()?, "Z" | "X");
    words.nth(18).filter(|_| !has_ended).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::process::{Command, id};

    use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

    use super::*;

    #[test]
    fn a_process_has_one_beginning_whatever_its_name_and_one_that_is_gone_has_none() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("a) S 1 (b");
        symlink("/bin/sleep", &program).unwrap();
        let mut child = Command::new(program).arg("100").spawn().unwrap();
        let ticks = |id| began(id).unwrap().parse::<u64>().unwrap();
        assert_eq!(ticks(id()), ticks(id()));
        assert!(ticks(child.id()) >= ticks(id()));
        child.kill().unwrap();
        let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        waitid(WaitId::Pid(Pid::from_child(&child)), ended).unwrap();
        assert_eq!(began(child.id()), None, "it has ended");
        child.wait().unwrap();
        assert_eq!(began(child.id()), None);
    }
}
