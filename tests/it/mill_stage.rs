//! Flows in memory on virtual time, with something that takes the place of their scripts.
//!
//! Always so: the flow's way is that of the mill; only what its scripts do is said here.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use millwright::mill::{Act, Call, Ending, Prepared, Rehearsed, Reply, StandIn, on_stages};
use millwright_core::openflow::Flow;
use serde_json::{Map, Value, json};

use crate::mill_fixture::{Fixture, bash};

/// Answers by a function, and remembers who called.
struct Played<F>(F, Mutex<Vec<String>>);

impl<F: Fn(&Call<'_>) -> Reply + Send + Sync> StandIn for Played<F> {
    fn reply(&self, call: &Call<'_>) -> Reply {
        let called = format!("{}{} {:?}", call.within, call.step_id, call.rounds);
        self.1.lock().unwrap().push(called);
        (self.0)(call)
    }
}

/// How a flow ended, and the calls that were made.
fn play(
    fixture: &Fixture,
    value: &Value,
    reply: impl Fn(&Call<'_>) -> Reply + Send + Sync + 'static,
) -> (Rehearsed, Vec<String>) {
    let flow = Flow::from_value(json!({"value": value})).unwrap();
    let options = fixture.options();
    let prepared = Prepared::new(flow, None, &options.sources).unwrap();
    let played = Arc::new(Played(reply, Mutex::default()));
    let kept = Arc::clone(&played);
    let rehearsed = on_stages(&options, 10_000, &[played], |stage, played| {
        stage.run(&prepared, Map::new(), Arc::clone(played) as Arc<_>)
    });
    let rehearsed = rehearsed.unwrap().remove(0);
    let calls = kept.1.lock().unwrap().clone();
    (rehearsed, calls)
}

fn result_of(rehearsed: &Rehearsed) -> (bool, Value) {
    match &rehearsed.ending {
        Ending::Ended {
            success, result, ..
        } => (*success, (**result).clone()),
        other => panic!("{other:?}"),
    }
}

fn yields(value: Value) -> Reply {
    Act::Yield(value).into()
}

#[test]
fn a_step_yields_what_is_said_and_its_arguments_are_known() {
    let value = json!({"modules": [bash("a", "exit 1"), {
        "id": "b",
        "value": {"type": "script", "path": "u/not/there", "input_transforms": {
            "n": {"type": "javascript", "expr": "results.a.n + 1"},
        }},
    }]});
    let (rehearsed, calls) = play(&Fixture::new(), &value, |call| match call.step_id {
        "a" => yields(json!({"n": 41})),
        _ => yields(call.args["n"].clone()),
    });
    assert_eq!(result_of(&rehearsed), (true, json!(42)));
    assert_eq!(calls, ["a []", "b []"]);
    let jobs = rehearsed.ledger.take_jobs();
    let ended: Vec<_> = jobs
        .iter()
        .map(|job| job.end.as_ref().unwrap().success)
        .collect();
    assert_eq!(ended, [true, true, true]);
}

#[test]
fn rounds_and_sub_flows_are_known() {
    let fixture = Fixture::new();
    fixture.flow(
        "f/x/inner",
        &json!({"value": {"modules": [bash("x", "exit 1")]}}),
    );
    let value = json!({"modules": [{"id": "l", "value": {
        "type": "forloopflow", "skip_failures": false,
        "iterator": {"type": "javascript", "expr": "[7, 8]"},
        "modules": [{"id": "sub", "value": {"type": "flow", "path": "f/x/inner", "input_transforms": {}}}],
    }}]});
    let (rehearsed, calls) = play(&fixture, &value, |call| {
        match (call.step_id, call.rounds.as_slice()) {
            ("sub", [0]) => yields(json!("whole")),
            ("sub", _) => Act::Really.into(),
            _ => yields(json!("inside")),
        }
    });
    assert_eq!(result_of(&rehearsed), (true, json!(["whole", "inside"])));
    assert_eq!(calls, ["sub [0]", "sub [1]", "sub/x []"]);
}

#[test]
fn retries_of_hours_and_time_limits_cost_no_time() {
    let mut step = bash("a", "exit 1");
    step["retry"] = json!({"constant": {"attempts": 3, "seconds": 3600}});
    step["timeout"] = json!(60);
    let begun = Instant::now();
    let (rehearsed, calls) = play(&Fixture::new(), &json!({"modules": [step]}), |_| Reply {
        after: Duration::from_secs(61),
        act: Act::Yield(json!("too late")),
    });
    let (success, result) = result_of(&rehearsed);
    assert!(!success);
    let message = result["error"]["message"].as_str().unwrap();
    assert!(message.contains("timeout"), "{message}");
    assert_eq!(calls.len(), 4);
    assert_eq!(rehearsed.took.as_secs(), 3 * 3600 + 4 * 60);
    assert!(begun.elapsed() < Duration::from_mins(1));
}

#[test]
fn a_failure_runs_the_failure_handler_and_a_cancel_does_not() {
    let value =
        json!({"modules": [bash("a", "exit 1")], "failure_module": bash("failure", "exit 1")});
    let (rehearsed, calls) = play(&Fixture::new(), &value, |call| match call.step_id {
        "a" => Act::Fail(json!({"name": "Gone", "message": "away"})).into(),
        _ => yields(json!("handled")),
    });
    assert_eq!(result_of(&rehearsed), (false, json!("handled")));
    assert_eq!(calls, ["a []", "failure []"]);
    let (rehearsed, calls) = play(&Fixture::new(), &value, |_| Act::Cancel.into());
    assert!(matches!(
        rehearsed.ending,
        Ending::Ended {
            canceled: true,
            success: false,
            ..
        }
    ));
    assert_eq!(calls, ["a []"]);
}

#[test]
fn a_flow_that_would_go_on_for_ever_is_ended() {
    let value = json!({"modules": [{"id": "l", "value": {
        "type": "whileloopflow", "skip_failures": false, "modules": [bash("x", "exit 1")],
    }}]});
    let (rehearsed, calls) = play(&Fixture::new(), &value, |_| yields(json!(1)));
    assert!(matches!(rehearsed.ending, Ending::Endless));
    assert!(calls.len() <= 5_001, "{}", calls.len());
    let waits = json!({"modules": [bash("a", "exit 1")]});
    let (rehearsed, _) = play(&Fixture::new(), &waits, |_| Reply {
        after: Duration::from_hours(24 * 366),
        act: Act::Yield(json!(1)),
    });
    assert!(matches!(rehearsed.ending, Ending::Stuck));
}

#[test]
fn a_script_that_really_runs_holds_the_clock() {
    let mut step = bash("a", "exit 1");
    step["timeout"] = json!(3600);
    let (rehearsed, _) = play(&Fixture::new(), &json!({"modules": [step]}), |_| {
        Act::RunScript("sleep 0.3\necho said\necho '{\"n\": 7}' > result.json".to_owned()).into()
    });
    assert_eq!(result_of(&rehearsed), (true, json!({"n": 7})));
    let jobs = rehearsed.ledger.take_jobs();
    assert!(jobs[1].log.ends_with("said"), "{}", jobs[1].log);
    assert!(
        rehearsed.took < Duration::from_mins(1),
        "{:?}",
        rehearsed.took
    );
}

#[test]
fn steps_that_run_nothing_are_many_in_a_second() {
    let value = json!({"modules": [{"id": "l", "value": {
        "type": "forloopflow", "skip_failures": false,
        "iterator": {"type": "javascript", "expr": "Array.from({length: 4900}, (_, i) => i)"},
        "modules": [bash("x", "exit 1")],
    }}]});
    let begun = Instant::now();
    let (_, calls) = play(&Fixture::new(), &value, |_| yields(json!(1)));
    assert_eq!(calls.len(), 4900);
    assert!(begun.elapsed() < Duration::from_secs(30));
}
