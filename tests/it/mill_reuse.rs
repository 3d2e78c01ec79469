//! Results that are kept, and jobs that wait for others which count with them.
//!
//! Always so: what ran is counted by what its script left in a file, not by what the mill says of it.

use std::path::Path;

use millwright::mill::Mill;
use millwright::store::jobs::JobState;
use serde_json::{Map, Value, json};

use crate::mill_fixture::{Fixture, bash_with, flow, object, run};
use crate::mill_routes::get_json;
use crate::wait::until;

/// A script that notes each run, and yields its argument.
fn noting(file: &Path, end: &str) -> Value {
    let text = format!(
        "v=\"$1\"\necho \"$v\" >> {}\n{end}\necho \"$v\"",
        file.display()
    );
    let transforms = json!({"v": {"type": "javascript", "expr": "flow_input.v"}});
    bash_with("a", &text, &transforms)
}

fn runs(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_result_is_kept_for_the_same_arguments() {
    let fixture = Fixture::new();
    let mill = fixture.mill().await;
    let file = fixture.folder("work").join("runs");
    let mut step = noting(&file, "");
    step["cache_ttl"] = 600.into();
    let value = json!({"modules": [step]});
    for (v, count) in [("p", 1), ("p", 1), ("q", 2), ("p", 2)] {
        let end = run(&mill, &value, &json!({"v": v})).await;
        assert_eq!(
            (end.success, &*end.result, runs(&file).len()),
            (true, &json!(v), count)
        );
    }
    let mut changed = value.clone();
    changed["modules"][0]["value"]["content"] = format!(
        "{}\n",
        value["modules"][0]["value"]["content"].as_str().unwrap()
    )
    .into();
    run(&mill, &changed, &json!({"v": "p"})).await;
    assert_eq!(runs(&file).len(), 3, "another script is other work");
}

#[tokio::test]
async fn a_kept_result_says_so_in_its_log() {
    let fixture = Fixture::new();
    let mill = fixture.mill().await;
    let file = fixture.folder("work").join("runs");
    let mut step = noting(&file, "");
    step["cache_ttl"] = 600.into();
    let value = json!({"modules": [step]});
    run(&mill, &value, &json!({"v": "p"})).await;
    let started = mill
        .run_flow(None, flow(&value), object(&json!({"v": "p"})))
        .await
        .unwrap();
    let job = started.job;
    started.wait().await.unwrap();
    let shown = get_json(&mill.routes(), &format!("jobs_u/get/{job}")).await;
    let step = shown["flow_status"]["modules"][0]["job"].as_str().unwrap();
    let shown = get_json(&mill.routes(), &format!("jobs_u/get/{step}")).await;
    assert!(
        shown["logs"]
            .as_str()
            .unwrap()
            .contains("found in cache and not expired"),
        "{shown}"
    );
}

#[tokio::test]
async fn failures_and_what_is_over_or_from_the_future_are_not_kept() {
    let fixture = Fixture::new();
    let mill = fixture.mill().await;
    let file = fixture.folder("work").join("runs");
    let with_ttl = |end: &str, seconds: u64| {
        let mut step = noting(&file, end);
        step["cache_ttl"] = seconds.into();
        json!({"modules": [step]})
    };
    for value in [with_ttl("exit 3", 600), with_ttl("true", 0)] {
        std::fs::write(&file, "").unwrap();
        run(&mill, &value, &json!({"v": "p"})).await;
        run(&mill, &value, &json!({"v": "p"})).await;
        assert_eq!(runs(&file).len(), 2);
    }
    std::fs::write(&file, "").unwrap();
    let value = with_ttl("", 600);
    run(&mill, &value, &json!({"v": "p"})).await;
    let hour = 3_600_000_000_i64;
    let back = mill.store().write(move |connection| {
        connection.execute(
            "UPDATE job_cache SET kept_at = kept_at + ?1, kept_until = kept_until + ?1",
            [hour],
        )?;
        Ok(())
    });
    back.await.unwrap();
    run(&mill, &value, &json!({"v": "p"})).await;
    assert_eq!(runs(&file).len(), 2, "the clock was set back by an hour");
}

#[tokio::test]
async fn a_whole_flow_is_kept_wherever_it_runs() {
    let fixture = Fixture::new();
    let mill = fixture.mill().await;
    let file = fixture.folder("work").join("runs");
    fixture.flow(
        "f/x/kept",
        &json!({"value": {"cache_ttl": 600, "modules": [noting(&file, "")]}}),
    );
    let step = json!({"id": "s", "value": {"type": "flow", "path": "f/x/kept",
        "input_transforms": {"v": {"type": "static", "value": "p"}}}});
    for _ in 0..2 {
        let end = run(&mill, &json!({"modules": [step]}), &json!({})).await;
        assert_eq!(*end.result, "p");
    }
    let end = mill
        .run_flow_at("f/x/kept", object(&json!({"v": "p"})))
        .await
        .unwrap();
    assert_eq!(*end.wait().await.unwrap().result, "p");
    assert_eq!(runs(&file).len(), 1);
}

/// Starts a flow so many times, and yields what its script noted, in the order in which it did.
async fn crowd(mill: &Mill, value: &Value, file: &Path, count: usize) -> Vec<String> {
    let mut started = Vec::new();
    for number in 0..count {
        let args = Map::from_iter([("v".to_owned(), number.into())]);
        started.push(
            mill.run_flow(Some("f/x/crowd"), flow(value), args)
                .await
                .unwrap(),
        );
    }
    for run in started {
        assert!(run.wait().await.unwrap().success);
    }
    runs(file)
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_of_a_flow_with_a_limit_follow_each_other_in_order() {
    let fixture = Fixture::new();
    let mill = fixture.mill().await;
    let file = fixture.folder("work").join("runs");
    let end = format!("sleep 0.05; echo end >> {}", file.display());
    let value = json!({"concurrent_limit": 1, "modules": [noting(&file, &end)]});
    let seen = crowd(&mill, &value, &file, 4).await;
    assert_eq!(seen, ["0", "end", "1", "end", "2", "end", "3", "end"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_with_one_key_count_together_and_wait_in_the_queue() {
    let fixture = Fixture::new();
    let mill = fixture.mill().await;
    let file = fixture.folder("work").join("runs");
    let go = fixture.folder("work").join("go");
    let mut step = noting(
        &file,
        &format!("while [ ! -e {} ]; do sleep 0.01; done", go.display()),
    );
    step["value"]["concurrent_limit"] = 1.into();
    step["value"]["custom_concurrency_key"] = "$workspace-$args[v]".into();
    let value = json!({"modules": [step]});
    let start = async |v: &str| {
        mill.run_flow(None, flow(&value), object(&json!({"v": v})))
            .await
            .unwrap()
    };
    let (first, second, other) = (start("p").await, start("p").await, start("q").await);
    until("two scripts that run", async || {
        (runs(&file).len() == 2).then_some(())
    })
    .await;
    let queued = mill.store().read(move |connection| {
        let mut statement =
            connection.prepare("SELECT count(*) FROM jobs WHERE state = ?1 AND step_id = 'a'")?;
        Ok(statement.query_row([JobState::Queued], |row| row.get::<_, i64>(0))?)
    });
    assert_eq!(queued.await.unwrap(), 1, "{:?}", runs(&file));
    std::fs::write(go, "").unwrap();
    for started in [first, second, other] {
        assert!(started.wait().await.unwrap().success);
    }
    assert_eq!(runs(&file).len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_waits_for_its_turn_can_be_cancelled() {
    let fixture = Fixture::new();
    let mill = fixture.mill().await;
    let file = fixture.folder("work").join("runs");
    let value = json!({"concurrent_limit": 1, "modules": [noting(&file, "exec sleep 3600")]});
    let start = async || {
        mill.run_flow(Some("f/x/crowd"), flow(&value), Map::new())
            .await
            .unwrap()
    };
    let (first, second) = (start().await, start().await);
    for started in [second, first] {
        let wish = millwright::store::jobs::Cancellation {
            by: "ada".to_owned(),
            reason: String::new(),
        };
        mill.cancel(started.job, wish).await.unwrap();
        let end = started.wait().await.unwrap();
        assert_eq!(end.result["error"]["name"], "Canceled", "{}", end.result);
    }
}
