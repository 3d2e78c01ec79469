//! `make demo`, with the executables of this build.
//!
//! Always so: it runs the very program that `make demo` runs.

use std::path::Path;
use std::process::Command;

#[test]
fn the_demo_finishes_its_protocol() {
    let millwright = Path::new(env!("CARGO_BIN_EXE_millwright"));
    let demo = millwright.with_file_name("millwright-demo");
    assert!(
        demo.exists(),
        "run `cargo test --workspace`: it builds {}",
        demo.display()
    );
    let output = Command::new(demo)
        .arg("--bin-dir")
        .arg(millwright.parent().unwrap())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
    for expected in [
        "03-release-notes",
        "loop_decision",
        "qa_failed",
        "windmill_run_next_step",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in\n{text}");
    }
}
