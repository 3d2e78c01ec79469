//! `make demo` and `make demo ENGINE=codex`, with the executables of this build.
//!
//! Always so: it runs the very program that `make demo` runs.

use std::path::Path;
use std::process::Command;

fn demo() -> Command {
    let millwright = Path::new(env!("CARGO_BIN_EXE_millwright"));
    let demo = millwright.with_file_name("millwright-demo");
    assert!(
        demo.exists(),
        "run `cargo test --workspace`: it builds {}",
        demo.display()
    );
    let mut command = Command::new(demo);
    command.arg("--bin-dir").arg(millwright.parent().unwrap());
    command
}

/// What it prints, which holds all of this.
fn shown(mut command: Command, expected: &[&str]) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
    for expected in expected {
        assert!(text.contains(expected), "{expected:?} is not in\n{text}");
    }
    text.into_owned()
}

#[test]
fn the_demo_finishes_its_protocol() {
    let expected = [
        "03-release-notes",
        "loop_decision",
        "qa_failed",
        "windmill_run_next_step",
        "The branch millwright/2-0001-greeting",
    ];
    shown(demo(), &expected);
}

#[test]
fn without_codex_it_says_how_to_get_it() {
    let nothing = tempfile::tempdir().unwrap();
    let mut command = demo();
    command.args(["--engine", "codex"]);
    for name in ["PATH", "HOME", "XDG_CACHE_HOME"] {
        command.env(name, nothing.path());
    }
    let output = command.env_remove("MILLWRIGHT_CODEX_BIN").output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    let expected = "the demo failed: codex is not installed: run `npm install -g @openai/codex`";
    assert!(errors.starts_with(expected), "{errors}");
}

#[test]
#[ignore = "needs the agents: make test-agents"]
fn codex_and_an_agent_of_codemachine_finish_it_with_programs_beside_them() {
    let agents = std::env::var("MILLWRIGHT_TEST_AGENTS").expect("`make test-agents` says where");
    let mut command = demo();
    let codex = Path::new(&agents).join(".bin/codex");
    command
        .args(["--engine", "codex"])
        .env("MILLWRIGHT_CODEX_BIN", codex);
    let expected = [
        "QA of 02-test: the report's verdict is FAIL [codex, played: 22 tokens in, 14 out]",
        "Loop back-to-work of 02-test sends steps back.",
        "QA of 02-test: the report's verdict is PASS [codex, played: 22 tokens in, 14 out]",
        "executed. [codemachine, played: 22 tokens in, 14 out]",
        "millwright: agent release-notes by codex",
        "The tests pass.",
        "The branch millwright/2-0001-greeting",
    ];
    let text = shown(command, &expected);
    assert_eq!(
        text.matches("codex: I wrote greet.sh.").count(),
        2,
        "{text}"
    );
}
