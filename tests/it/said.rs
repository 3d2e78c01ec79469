//! What `millwright` says to a command.
//!
//! Always so: the program has ended when it is known what it said.

use std::path::Path;
use std::process::Command;

/// What a command said.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs `millwright` in a folder.
pub(crate) fn millwright(folder: &Path, command: &[&str], args: &[&str]) -> Said {
    let output = Command::new(env!("CARGO_BIN_EXE_millwright"))
        .args(command)
        .args(args)
        .current_dir(folder)
        .output()
        .expect("a program that starts");
    Said {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).expect("text"),
        err: String::from_utf8(output.stderr).expect("text"),
    }
}
