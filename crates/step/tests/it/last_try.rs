//! What an engine is told of the last try, and of the task that its step is.
//!
//! Always so: a first try is told nothing of another.

use serde_json::json;

use crate::runner::Work;

const FAILED: &str = "src/x.py:3: the null check is missing\n\nVERDICT: FAIL\n";

#[test]
fn a_step_that_is_tried_again_is_told_what_failed_it() {
    let mut work = Work::answering("done");
    work.file("quality-report-01-work.md", FAILED);
    work.run("execute");
    assert!(!work.task().input.contains("null check"));

    work.more = json!({"last_summary": "the report's verdict is FAIL"});
    work.run("execute");
    let told =
        "## The last try\n\nthe report's verdict is FAIL\n\nsrc/x.py:3: the null check is missing";
    assert!(work.task().input.contains(told), "{}", work.task().input);
}

#[test]
fn a_step_that_another_sends_back_is_told_of_that_ones_check_and_of_none_that_passed() {
    let mut work = Work::answering("done");
    work.more = json!({"last_summary": "executed"});
    work.file("quality-report-01-work.md", "fine\nVERDICT: PASS\n");
    work.file("quality-report.md", FAILED);
    work.run("execute");
    let input = work.task().input;
    assert!(input.contains("null check"), "{input}");
    assert!(!input.contains("fine"), "{input}");
}

#[test]
fn whoever_checks_is_told_what_the_step_was_given() {
    let mut work = Work::answering("VERDICT: PASS");
    work.step["inputs"] = json!({"task": "T002"});
    work.run("qa");
    let told = "## What the step was given\n\n{\"task\":\"T002\"}";
    assert!(work.task().input.contains(told), "{}", work.task().input);
}
