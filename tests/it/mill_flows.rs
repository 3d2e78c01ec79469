//! Flows that go well: scripts by path, many rounds, long logs, and what is on record afterwards.
//!
//! Always so: scripts are run by bash, each in its own process.

use std::time::{Duration, Instant};

use millwright::mill::{Change, End};
use millwright::store::jobs::{self, Offset};
use serde_json::{Value, json};

use crate::mill_fixture::{Fixture, bash, bash_with, run};

#[tokio::test]
async fn a_script_by_its_path_gets_its_arguments_and_environment() {
    let fixture = Fixture::new();
    fixture.script(
        "u/x/hello",
        "who=\"$1\"\necho \"hello $who from $WM_JOB_PATH in $WM_WORKSPACE, home $HOME, secret [$MILL_SECRET]\"\n",
    );
    let value = json!({"modules": [{"id": "a", "value": {
        "type": "script", "path": "u/x/hello",
        "input_transforms": {"who": {"type": "javascript", "expr": "flow_input.who"}},
    }}]});
    let end = run(&fixture.mill().await, &value, &json!({"who": "ada"})).await;
    let home = std::env::var("HOME").unwrap_or_default();
    let expected = format!("hello ada from u/x/hello in starter, home {home}, secret []");
    assert_eq!(*end.result, expected);
}

#[tokio::test]
async fn parallel_rounds_run_side_by_side_and_no_more_than_asked() {
    let fixture = Fixture::new();
    let counter = fixture.folder("count");
    let text = format!(
        "v=\"$1\"\ntouch {0}/$v\nls {0} | wc -l >> {0}.most\nsleep 0.2\nrm {0}/$v\n",
        counter.display()
    );
    let transforms = json!({"v": {"type": "javascript", "expr": "flow_input.iter.value"}});
    let value = json!({"modules": [{"id": "l", "value": {
        "type": "forloopflow", "parallel": true, "parallelism": 3, "skip_failures": false,
        "iterator": {"type": "javascript", "expr": "[1, 2, 3, 4, 5, 6]"},
        "modules": [bash_with("x", &text, &transforms)],
    }}]});
    let begun = Instant::now();
    let end = run(&fixture.mill().await, &value, &json!({})).await;
    assert!(end.success, "{}", end.result);
    assert!(
        begun.elapsed() < Duration::from_millis(1100),
        "not side by side"
    );
    let most = std::fs::read_to_string(counter.with_extension("most")).unwrap();
    let most = most
        .lines()
        .filter_map(|line| line.trim().parse::<u32>().ok())
        .max();
    assert!(
        most.is_some_and(|most| (2..=3).contains(&most)),
        "{most:?} at once"
    );
}

#[tokio::test]
async fn a_long_log_is_kept_whole() {
    let fixture = Fixture::new();
    let mill = fixture.mill().await;
    let value = json!({"modules": [bash("a", "seq 1 200000\n")]});
    let mut events = mill.watch();
    assert_eq!(*run(&mill, &value, &json!({})).await.result, "200000");
    let mut step = None;
    while let Ok(event) = events.try_recv() {
        if event.label == "a" {
            step = Some(event.job);
        }
    }
    let step = step.expect("the step was told of");
    let store = mill.store();
    let size = store
        .read(move |connection| jobs::log_size(connection, step))
        .await
        .unwrap();
    let output: usize = (1..=200_000_u32).map(|n| n.to_string().len() + 1).sum();
    let from = Offset::Bytes(size.bytes - 13);
    let end = store
        .read(move |connection| jobs::read_log(connection, step, from, 100))
        .await
        .unwrap();
    assert_eq!(end.text, "199999\n200000");
    let preamble = size.bytes - output as u64;
    assert!(
        (100..200).contains(&preamble),
        "{preamble} bytes before the output"
    );
}

#[tokio::test]
async fn events_tell_of_every_job_in_its_order() {
    let fixture = Fixture::new();
    let mill = fixture.mill().await;
    let mut events = mill.watch();
    let value = json!({"modules": [
        {"id": "l", "value": {"type": "forloopflow", "skip_failures": true,
            "iterator": {"type": "static", "value": [1]},
            "modules": [bash("x", "exit 3")]}},
        {"id": "s", "value": {"type": "identity"}, "skip_if": {"expr": "true"}},
    ]});
    run(&mill, &value, &json!({})).await;
    let mut told = Vec::new();
    while let Ok(event) = events.try_recv() {
        let what = match event.change {
            Change::Began { .. } => "begins".to_owned(),
            Change::Waits(_) => "waits".to_owned(),
            Change::Again { .. } => "again".to_owned(),
            Change::Ended {
                end: End::Succeeded,
                ..
            } => "well".to_owned(),
            Change::Ended {
                end: End::Skipped, ..
            } => "skipped".to_owned(),
            Change::Ended {
                end: End::Failed(why),
                ..
            } => format!("failed: {why}"),
        };
        told.push(format!(
            "{}{} {what}",
            "  ".repeat(event.depth),
            event.label
        ));
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    flow begins
      l[0] begins
        x begins
        x failed: exit code for "bash run": 3, last log lines:
      l[0] failed: exit code for "bash run": 3, last log lines:
      s begins
      s skipped
    flow well
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn forty_steps_take_little_more_than_forty_processes() {
    let fixture = Fixture::new();
    let steps: Vec<Value> = (0..40)
        .map(|number| bash(&format!("s{number}"), "true"))
        .collect();
    let mill = fixture.mill().await;
    let value = json!({"modules": steps});
    let begun = Instant::now();
    assert!(run(&mill, &value, &json!({})).await.success);
    // Far above what it takes, for a busy machine; the bench measures.
    assert!(
        begun.elapsed() < Duration::from_secs(4),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn large_numbers_reach_a_script_as_windmill_writes_them() {
    let fixture = Fixture::new();
    let from = |expr: &str| json!({"type": "javascript", "expr": expr});
    let transforms = json!({
        "a": from("flow_input.a"), "b": from("flow_input.b"), "c": from("1e17 + 0"), "d": from("1e20 + 0"),
    });
    let script = "a=\"$1\"\nb=\"${2}\"\nc=\"${3:-none}\"\nd=\"$4\"\necho \"$a $b $c $d\"\n";
    let value = json!({"modules": [bash_with("a", script, &transforms)]});
    let end = run(
        &fixture.mill().await,
        &value,
        &json!({"a": 1e17, "b": 1e20}),
    )
    .await;
    let digits = "100000000000000000";
    assert_eq!(*end.result, json!(format!("{digits} 1e20 {digits} 1e20")));
}
