//! The other agents: each yields what its model says, fails where it is refused, and is ended whole.
//!
//! Always so: all of them are held to the same, whatever their events look like.

use std::time::Duration;

use millwright_step::engine::{Agent, Engine, Mode};

use super::processes;
use super::workbench::{KEY, Workbench, installed};
use played_model::Answer::{Refuse, Say, Silence};

const MACHINE: &str = if cfg!(target_arch = "aarch64") {
    "arm64"
} else {
    "x64"
};

fn opencode() -> Agent {
    Agent::opencode().at(installed("opencode-linux-x64-baseline/bin/opencode"))
}

fn claude_code() -> Agent {
    Agent::claude_code().at(installed(&format!(
        "@anthropic-ai/claude-code-linux-{MACHINE}/claude"
    )))
}

fn gemini() -> Agent {
    Agent::gemini().at(installed(".bin/gemini"))
}

fn succeeds_and_fails(agent: &Agent, model: &str, reasoning: u64) {
    for mode in [Mode::Execute, Mode::Qa] {
        let bench = Workbench::new([Say("All is done.")])
            .model(model)
            .mode(mode);
        let ran = bench.run(agent);
        let yielded = ran.outcome.as_ref().ok();
        let usage = yielded.and_then(|yielded| yielded.usage);
        let named = yielded.and_then(|yielded| yielded.model.as_deref());
        // A model may be named in short.
        let is_named = named.is_some_and(|named| named.contains(model));
        assert_eq!(is_named, agent.id() != "opencode", "{named:?}");
        assert!(
            ran.told(": All is done.") && !ran.told(KEY),
            "{:#?}",
            ran.log
        );
        processes::assert_none_with(&ran.mark);
        assert_eq!(ran.output(), "All is done.");
        let usage = usage.unwrap();
        assert_eq!((usage.input_tokens, usage.cached_input_tokens), (11, 3));
        assert_eq!(
            (usage.output_tokens, usage.reasoning_tokens),
            (7, reasoning)
        );
        let asked = bench.stub.asked();
        let prompt = "Do what is to be done.";
        assert!(
            asked
                .iter()
                .any(|question| question.to_string().contains(prompt))
        );
    }
    let ran = Workbench::new([Refuse(401)]).model(model).run(agent);
    processes::assert_none_with(&ran.mark);
    let error = ran.error();
    assert!(
        error.contains(" failed: ") && error.contains("the stub says 401"),
        "{error}"
    );
    assert!(!error.contains(KEY), "{error}");
}

fn is_ended_at_its_limit(agent: &Agent, model: &str) {
    let mut bench = Workbench::new([Silence]).model(model);
    bench.task.limit = Duration::from_secs(5);
    let ran = bench.run(agent);
    processes::assert_none_with(&ran.mark);
    assert!(ran.took < Duration::from_secs(30), "{:?}", ran.took);
    assert_eq!(ran.outcome.unwrap_err().kind(), "TimedOut");
}

#[test]
#[ignore = "needs the agents: make test-agents"]
fn opencode_does_its_work_or_says_why_not() {
    succeeds_and_fails(&opencode(), "stub/m", 2);
}

#[test]
#[ignore = "needs the agents: make test-agents"]
fn opencode_is_ended_at_its_limit() {
    is_ended_at_its_limit(&opencode(), "stub/m");
}

#[test]
#[ignore = "needs the agents: make test-agents"]
fn claude_code_does_its_work_or_says_why_not() {
    succeeds_and_fails(&claude_code(), "sonnet", 0);
}

#[test]
#[ignore = "needs the agents: make test-agents"]
fn claude_code_is_ended_at_its_limit() {
    is_ended_at_its_limit(&claude_code(), "sonnet");
}

#[test]
#[ignore = "needs the agents: make test-agents"]
fn gemini_does_its_work_or_says_why_not() {
    succeeds_and_fails(&gemini(), "gemini-2.5-pro", 2);
}

#[test]
#[ignore = "needs the agents: make test-agents"]
fn gemini_is_ended_at_its_limit() {
    is_ended_at_its_limit(&gemini(), "gemini-2.5-pro");
}
