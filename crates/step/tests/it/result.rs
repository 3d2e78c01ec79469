//! Where results and errors go, also when they cannot.
//!
//! Always so: after an error no draft of a result is left.

use std::fs;

use serde_json::json;

use crate::step::{JOB, PROGRAM, Step};

const ANALYZE: &str = "analyze_project";

#[test]
fn in_a_job_the_result_is_a_file_and_otherwise_it_is_printed() {
    let ended = Step::new([ANALYZE, "."]).in_a_job().run().exits(0);
    assert_eq!(
        (ended.files(), ended.stdout.as_str()),
        (vec!["result.json".to_owned()], "")
    );
    assert_eq!(ended.result()["language"], "unknown");

    let ended = Step::new([ANALYZE, "."])
        .env("WM_JOB_ID", "")
        .run()
        .exits(0);
    assert!(ended.files().is_empty());
    assert!(
        ended.stdout.contains("\"language\": \"unknown\""),
        "{}",
        ended.stdout
    );
}

#[test]
fn an_error_is_a_result_in_a_job_alone() {
    let ended = Step::new([ANALYZE]).in_a_job().run().exits(2);
    assert_eq!(
        ended.result(),
        json!({"name": "BadArguments", "message": "argument project_path is missing"})
    );
    let ended = Step::new([ANALYZE]).run().exits(2);
    assert_eq!(
        (ended.stdout.as_str(), ended.stderr.as_str()),
        ("", "error: argument project_path is missing\n")
    );
    assert!(ended.files().is_empty());
}

#[test]
fn an_old_result_is_replaced_whole() {
    let step = Step::new([ANALYZE, "."]).in_a_job();
    fs::write(step.folder().join("result.json"), "x".repeat(100_000)).unwrap();
    let ended = step.run().exits(0);
    assert_eq!(ended.result()["structure"]["total_files"], 1);
    assert_eq!(ended.files(), ["result.json"]);
}

#[test]
fn a_result_that_cannot_be_written_is_an_error_and_leaves_nothing() {
    let script = format!("trap '' XFSZ; ulimit -f 0; exec '{PROGRAM}' {ANALYZE} .");
    let ended = Step::of("sh", ["-c", &script])
        .env("WM_JOB_ID", JOB)
        .run()
        .exits(1);
    assert!(
        ended
            .stderr
            .starts_with("error: result.json cannot be written in /"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("File too large"), "{}", ended.stderr);
    assert!(ended.files().is_empty(), "{:?}", ended.files());
}

#[test]
fn what_is_in_the_way_of_the_result_is_left() {
    let step = Step::new([ANALYZE, "."]).in_a_job();
    fs::create_dir(step.folder().join("result.json")).unwrap();
    let ended = step.run().exits(1);
    assert!(ended.stderr.contains("Is a directory"), "{}", ended.stderr);
    assert_eq!(ended.files(), ["result.json"]);
}

#[test]
fn a_full_disk_behind_stdout_is_an_error() {
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let ended = Step::new([ANALYZE, "."]).stdout(full).run().exits(1);
    assert!(
        ended
            .stderr
            .contains("the result cannot be written to stdout: No space left"),
        "{}",
        ended.stderr
    );
}
