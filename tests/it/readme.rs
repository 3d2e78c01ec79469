//! The README's commands, run as they stand there.
//!
//! Always so: every `sh` block runs, in order, in one shell and an empty folder; only the port is another.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

const README: &str = include_str!("../../README.md");
const PORT: &str = "8011";

fn shell_blocks() -> Vec<&'static str> {
    let blocks = README.split("```sh\n").skip(1);
    blocks
        .map(|rest| rest.split_once("```").expect("a closed block").0)
        .collect()
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[test]
fn the_commands_do_what_the_readme_says() {
    let programs = Path::new(env!("CARGO_BIN_EXE_millwright"));
    let programs = programs.parent().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let blocks = shell_blocks();
    assert!(blocks.len() >= 4, "the README's blocks were not found");
    let commands = blocks.concat().replace(PORT, &free_port().to_string());
    let script =
        format!("set -euo pipefail\ntrap 'kill $(jobs -p)' EXIT\n{commands}\necho; echo THE END\n");
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(folder.path())
        .env("PATH", path)
        .env_remove("TASKSGODZILLA_API_TOKEN")
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && stdout.ends_with("THE END\n"),
        "{}\n--- stdout\n{stdout}\n--- stderr\n{stderr}",
        output.status
    );
    for expected in ["hello from ", "\"status\":\"succeeded\"", "42"] {
        assert!(
            stdout.contains(expected),
            "{expected:?} is not in\n{stdout}"
        );
    }
}
