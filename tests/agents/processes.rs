//! The processes of this machine that carry a mark in their environment.
//!
//! Always so: a process that ended and was not yet waited for has no environment, and so does not count.

use std::fs;
use std::time::{Duration, Instant};

/// Asserts that no process with the mark is left. One that was killed may take a moment to end.
pub(crate) fn assert_none_with(mark: &str) {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let left = with(mark);
        if left.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "still there: {left:?}");
        std::thread::yield_now();
    }
}

/// The command lines of those with the mark.
pub(crate) fn with(mark: &str) -> Vec<String> {
    let folders = fs::read_dir("/proc").unwrap().flatten();
    let marked = folders.filter(|folder| {
        let environment = fs::read(folder.path().join("environ")).unwrap_or_default();
        String::from_utf8_lossy(&environment).contains(mark)
    });
    marked
        .map(|folder| fs::read(folder.path().join("cmdline")).unwrap_or_default())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .collect()
}
