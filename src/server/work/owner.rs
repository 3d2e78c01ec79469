//! Who executes: a process, named so that a later one can tell whether it still runs.
//!
//! Always so: a process is called gone only when that is certain; for all others there are the leases.

use std::fs;

use crate::process::began;

/// Names this process: machine, id, and when it began, since ids come again.
pub(super) fn this_process() -> String {
    let id = std::process::id();
    let began = began(id).unwrap_or_default();
    format!("{}:{id}:{began}", machine())
}

/// Whether the process of this name is known to have ended. Of one on another machine nothing is known.
pub(super) fn is_gone(owner: &str) -> bool {
    let mut parts = owner.rsplitn(3, ':');
    let (Some(then), Some(id), Some(host)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let Ok(id) = id.parse() else { return false };
    host == machine() && began(std::process::id()).is_some() && began(id).as_deref() != Some(then)
}

fn machine() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname")
        .unwrap_or_default()
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_runs_and_its_predecessor_of_the_same_id_is_gone() {
        let this = this_process();
        assert!(!is_gone(&this));
        assert!(is_gone(&format!("{this}0")));
        assert!(!is_gone("elsewhere:1:1"));
        assert!(!is_gone(""));
    }
}
