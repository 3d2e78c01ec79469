//! Codex, in success and in each of its failures.
//!
//! Always so: what the engine yields is compared with what the model said, and nothing of a run is left over.

use std::fs;
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use millwright_step::engine::{Agent, Cancel, Mode, Usage};
use serde_json::json;

use super::processes;
use super::workbench::{KEY, Workbench, installed};
use played_model::Answer::{BreakOff, GiveUp, Refuse, Run, Say, Silence};

fn codex() -> Agent {
    Agent::codex().at(installed(".bin/codex"))
}

#[test]
#[ignore = "needs the agents: make test-agents"]
fn it_yields_what_the_model_says() {
    let bench = Workbench::new([Say("Done.")]).model("large");
    let ran = bench.run(&codex());
    let usage = Usage {
        input_tokens: 11,
        cached_input_tokens: 3,
        output_tokens: 7,
        reasoning_tokens: 2,
        cost_usd: None,
    };
    assert_eq!(ran.outcome.as_ref().unwrap().usage, Some(usage));
    assert!(ran.told("codex: Done."));
    processes::assert_none_with(&ran.mark);
    assert_eq!(ran.output(), "Done.");
    let [question] = bench.stub.asked().try_into().unwrap();
    assert_eq!(question["model"], "large");
    assert!(
        question["input"]
            .to_string()
            .contains("Do what is to be done.")
    );
}

#[test]
#[ignore = "needs the agents: make test-agents"]
fn a_prompt_may_be_longer_than_a_command_line() {
    let mut bench = Workbench::new([Say("Done.")]);
    bench.task.input = "All work and no play. ".repeat(20_000);
    assert_eq!(bench.run(&codex()).output(), "Done.");
    let asked = bench.stub.asked()[0].to_string();
    assert_eq!(asked.matches("All work and no play. ").count(), 20_000);
}

#[test]
#[ignore = "needs the agents: make test-agents"]
fn executing_it_writes_in_the_workspace_and_not_beside_it() {
    // Codex tells nothing of a command that ends at once.
    let command = "sleep 1; echo made > made.txt; echo x > ../outside.txt; echo x > \"${TMPDIR:-/tmp}/$(basename \"$PWD\")\"";
    let bench = Workbench::new([Run(command.to_owned()), Say("Done.")]);
    let ran = bench.run(&codex());
    let told = ran.told("codex: runs ") && ran.told("codex: exit code ");
    assert!(told, "{:#?}", ran.log);
    assert_eq!(ran.output(), "Done.");
    assert_eq!(
        fs::read_to_string(bench.workspace().join("made.txt")).unwrap(),
        "made\n"
    );
    assert!(!bench.outside("outside.txt").exists());
}

#[test]
#[ignore = "needs the agents: make test-agents"]
fn planning_and_checking_it_writes_nothing() {
    for mode in [Mode::Plan, Mode::Qa] {
        let command = Run("echo made > made.txt".to_owned());
        let bench = Workbench::new([command, Say("Done.")]).mode(mode);
        assert_eq!(bench.run(&codex()).output(), "Done.");
        assert!(!bench.workspace().join("made.txt").exists());
    }
}

#[test]
#[ignore = "needs the agents: make test-agents"]
fn an_error_that_passes_is_no_failure() {
    let bench = Workbench::new([BreakOff("Half."), Say("Whole.")]).codex_retries(2);
    let ran = bench.run(&codex());
    assert!(ran.told("error: Reconnecting"), "{:#?}", ran.log);
    assert_eq!(ran.output(), "Whole.");
    let bench = Workbench::new([Refuse(500), Say("Whole.")]).codex_retries(1);
    assert_eq!(bench.run(&codex()).output(), "Whole.");
}

#[test]
#[ignore = "needs the agents: make test-agents"]
fn an_answer_that_breaks_off_is_a_failure_whatever_it_said() {
    let ran = Workbench::new([BreakOff("Half.")]).run(&codex());
    assert!(ran.told("codex: Half."));
    let error = ran.error();
    assert!(
        error.starts_with("codex failed: stream disconnected"),
        "{error}"
    );
}

#[test]
#[ignore = "needs the agents: make test-agents"]
fn a_model_that_refuses_or_gives_up_is_a_failure_in_its_words() {
    for (answer, reason) in [
        (Refuse(401), "401 Unauthorized"),
        (Refuse(429), "429 Too Many Requests"),
        (Refuse(400), "the stub says 400"),
        (Refuse(500), "high demand"),
        (GiveUp, "the stub gives up"),
    ] {
        let error = Workbench::new([answer]).run(&codex()).error();
        assert!(
            error.starts_with("codex failed: ") && error.contains(reason),
            "{error}"
        );
    }
}

#[test]
#[ignore = "needs the agents: make test-agents"]
fn a_model_that_is_not_there_is_a_failure_and_not_waited_for() {
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let bench = Workbench::new([Say("Done.")]).codex_at(&format!("http://{free}"), 0);
    let ran = bench.run(&codex());
    assert!(ran.took < Duration::from_mins(1), "{:?}", ran.took);
    let error = ran.error();
    assert!(error.starts_with("codex failed: "), "{error}");
}

#[test]
#[ignore = "needs the agents: make test-agents"]
fn the_schema_reaches_the_model_and_promises_nothing() {
    let mut bench = Workbench::new([Say("no JSON at all")]).mode(Mode::Plan);
    let schema = json!({"type": "object", "properties": {"plan_md": {"type": "string"}},
        "required": ["plan_md"], "additionalProperties": false});
    bench.task.output_schema = Some(schema.clone());
    assert_eq!(bench.run(&codex()).output(), "no JSON at all");
    assert_eq!(bench.stub.asked()[0]["text"]["format"]["schema"], schema);
}

#[test]
#[ignore = "needs the agents: make test-agents"]
fn a_model_that_says_nothing_yields_an_empty_output() {
    assert_eq!(Workbench::new([Say("")]).run(&codex()).output(), "");
}

#[test]
#[ignore = "needs the agents: make test-agents"]
fn the_time_limit_ends_it_with_all_its_processes() {
    let mut bench = Workbench::new([Run("sleep 1000".to_owned()), Silence]);
    bench.task.limit = Duration::from_secs(6);
    let ran = bench.run(&codex());
    assert!(ran.told("codex: runs "), "{:#?}", ran.log);
    processes::assert_none_with(&ran.mark);
    assert!(ran.took < Duration::from_secs(30), "{:?}", ran.took);
    assert_eq!(ran.outcome.unwrap_err().kind(), "TimedOut");
}

#[test]
#[ignore = "needs the agents: make test-agents"]
fn it_can_be_stopped_while_it_waits_for_its_model() {
    let bench = Workbench::new([Silence]);
    let cancel = Cancel::default();
    let ran = thread::scope(|scope| {
        scope.spawn(|| {
            bench.stub.wait_until_asked();
            cancel.cancel();
        });
        bench.run_until(&codex(), &cancel)
    });
    processes::assert_none_with(&ran.mark);
    assert!(ran.took < Duration::from_secs(30), "{:?}", ran.took);
    assert_eq!(ran.outcome.unwrap_err().kind(), "Cancelled");
}

#[test]
#[ignore = "needs the agents: make test-agents"]
fn its_key_appears_nowhere() {
    let ran = Workbench::new([Say(KEY)]).run(&codex());
    assert!(!ran.told(KEY), "{:#?}", ran.log);
    let mut bench = Workbench::new([Say("Done.")]);
    bench.task.environment.remove("STUB_API_KEY");
    let error = bench.run(&codex()).error();
    assert!(
        error.contains("STUB_API_KEY") && !error.contains(KEY),
        "{error}"
    );
}
