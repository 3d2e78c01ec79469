//! What is decided around steps: retries, sleeping, ending early, stand-ins, loops that fail.
//!
//! Always so: each rule is one that a Windmill server has, by its recordings or its source.

use serde_json::{Value, json};

use crate::mill_fixture::{Fixture, bash, run, yields};

async fn outcome(value: &Value, args: &Value) -> (bool, Value) {
    let fixture = Fixture::new();
    let end = run(&fixture.mill().await, value, args).await;
    (end.success, (*end.result).clone())
}

/// A step with more fields.
fn with(mut step: Value, fields: Value) -> Value {
    let Value::Object(fields) = fields else {
        panic!("no fields: {fields}");
    };
    step.as_object_mut().unwrap().extend(fields);
    step
}

fn fails(id: &str) -> Value {
    bash(id, "exit 3")
}

/// A loop over two items.
fn each(id: &str, steps: &Value) -> Value {
    json!({"id": id, "value": {
        "type": "forloopflow", "skip_failures": false,
        "iterator": {"type": "static", "value": [1, 2]}, "modules": steps,
    }})
}

fn handler() -> Value {
    yields("failure", "error.name")
}

#[tokio::test]
async fn a_retry_asks_first_whether_it_is_worth_it() {
    let fixture = Fixture::new();
    let mill = fixture.mill().await;
    let tries = fixture.folder("tries");
    let text = format!(
        "ls {0} | wc -l\ntouch {0}/$WM_JOB_ID\nexit 7",
        tries.display()
    );
    let retry = |expr: &str| json!({"retry": {"constant": {"attempts": 5, "seconds": 0}, "retry_if": {"expr": expr}}});
    let value = |expr: &str| json!({"modules": [with(bash("a", &text), retry(expr))], "failure_module": handler()});
    let count = || std::fs::read_dir(&tries).unwrap().count();
    let end = run(&mill, &value("!error.message.includes('\\n2')"), &json!({})).await;
    assert_eq!(
        (end.success, &*end.result, count()),
        (false, &json!("ExecutionErr"), 3)
    );
    let end = run(
        &mill,
        &value("result.error.exit_code == 7 && flow_input.again"),
        &json!({}),
    )
    .await;
    assert_eq!((end.success, count()), (false, 4));
    // What throws is a text, and the failure handler does not run.
    let end = run(&mill, &value("results.a.x"), &json!({})).await;
    let text = end.result["error"].as_str().unwrap();
    assert!(text.contains("results is not defined"), "{text}");
    assert_eq!(count(), 5);
}

#[tokio::test]
async fn a_further_try_has_the_arguments_of_the_first() {
    let fixture = Fixture::new();
    let seen = fixture.folder("seen").join("args");
    let text = format!("v=\"$1\"\necho $v >> {}\nexit 3", seen.display());
    let transforms = json!({"v": {"type": "javascript", "expr": "Math.random()"}});
    let step = crate::mill_fixture::bash_with("a", &text, &transforms);
    let retry = json!({"retry": {"constant": {"attempts": 2, "seconds": 0}}});
    run(
        &fixture.mill().await,
        &json!({"modules": [with(step, retry)]}),
        &json!({}),
    )
    .await;
    let seen = std::fs::read_to_string(seen).unwrap();
    let lines: Vec<&str> = seen.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(lines.iter().all(|line| *line == lines[0]), "{seen}");
}

#[tokio::test]
async fn a_flow_sleeps_between_two_steps_and_only_there() {
    let sleeps = |sleep: Value| json!({"modules": [with(yields("a", "2"), json!({"sleep": sleep})), bash("b", "echo b")]});
    let begun = std::time::Instant::now();
    let computed = json!({"type": "javascript", "expr": "previous_result / 4"});
    assert_eq!(
        outcome(&sleeps(computed), &json!({})).await,
        (true, json!("b"))
    );
    assert!(begun.elapsed().as_millis() >= 500);
    let last = json!({"modules": [with(bash("a", "echo a"), json!({"sleep": {"type": "static", "value": 3600}}))]});
    assert_eq!(outcome(&last, &json!({})).await, (true, json!("a")));
    for (sleep, why) in [
        (
            json!({"type": "static", "value": "1"}),
            "Expected an integer, found: \"1\"",
        ),
        (
            json!({"type": "static", "value": -1}),
            "Expected an integer, found: -1",
        ),
        (
            json!({"type": "javascript", "expr": "results.a"}),
            "results is not defined",
        ),
    ] {
        let mut value = sleeps(sleep);
        value["failure_module"] = handler();
        let (success, result) = outcome(&value, &json!({})).await;
        let message = result["error"]["message"].as_str().unwrap();
        assert!(!success && message.contains(why), "{result}");
        assert_eq!(result["error"]["name"], "InternalError");
    }
}

#[tokio::test]
async fn a_flow_that_sleeps_can_be_cancelled() {
    let fixture = Fixture::new();
    let mill = fixture.mill().await;
    let sleep = json!({"sleep": {"type": "static", "value": 3600}});
    let value = json!({"modules": [with(bash("a", "echo a"), sleep), bash("b", "echo b")]});
    let mut events = mill.watch();
    let started = mill
        .run_flow(
            None,
            crate::mill_fixture::flow(&value),
            serde_json::Map::new(),
        )
        .await
        .unwrap();
    while !matches!(events.recv().await.unwrap(), event if event.label == "a" && matches!(event.change, millwright::mill::Change::Ended { .. }))
    {
    }
    let wish = millwright::store::jobs::Cancellation {
        by: "ada".to_owned(),
        reason: String::new(),
    };
    mill.cancel(started.job, wish).await.unwrap();
    let end = started.wait().await.unwrap();
    assert_eq!(end.result["error"]["name"], "Canceled");
}

#[tokio::test]
async fn after_all_rounds_and_all_branches_a_flow_may_end() {
    let stop = |more: Value| {
        let mut stop = json!({"expr": "result.length == 2"});
        for (name, field) in more.as_object().unwrap() {
            stop[name] = field.clone();
        }
        json!({"stop_after_all_iters_if": stop})
    };
    let steps = json!([yields("x", "flow_input.iter.value")]);
    let branches = |parallel: bool| {
        json!({"id": "l", "value": {"type": "branchall", "parallel": parallel, "branches": [
            {"modules": [yields("x", "1")]}, {"modules": [yields("y", "2")]},
        ]}})
    };
    let mut parallel = each("l", &steps);
    parallel["value"]["parallel"] = true.into();
    for all in [each("l", &steps), parallel, branches(false), branches(true)] {
        let flow = |more: Value| json!({"modules": [with(all.clone(), stop(more)), bash("z", "echo after")], "failure_module": handler()});
        assert_eq!(
            outcome(&flow(json!({})), &json!({})).await,
            (true, json!([1, 2]))
        );
        let message = flow(json!({"error_message": "too many"}));
        assert_eq!(
            outcome(&message, &json!({})).await,
            (false, json!("EarlyStopError"))
        );
        let other = flow(json!({"expr": "false"}));
        assert_eq!(outcome(&other, &json!({})).await, (true, json!("after")));
    }
}

#[tokio::test]
async fn a_loop_may_end_by_all_rounds_so_far_and_a_message_in_it_says_nothing() {
    let steps = json!([yields("x", "flow_input.iter.index")]);
    let stop = json!({"stop_after_if": {"expr": "all_iters.length == 3", "error_message": "no"}});
    let value = json!({"modules": [with(json!({"id": "l", "value": {
        "type": "whileloopflow", "skip_failures": false, "modules": steps,
    }}), stop)]});
    assert_eq!(outcome(&value, &json!({})).await, (true, json!([0, 1, 2])));
}

#[tokio::test]
async fn a_message_that_ends_a_flow_is_final_without_a_handler() {
    let stop = |message: &str| json!({"stop_after_if": {"expr": "result == 1", "error_message": message}, "continue_on_error": true});
    let value = |message: &str| json!({"modules": [with(yields("a", "1"), stop(message)), bash("b", "echo b")]});
    let error = |message: &str| json!({"error": {"name": "EarlyStopError", "message": message}});
    assert_eq!(
        outcome(&value("no"), &json!({})).await,
        (false, error("no"))
    );
    assert_eq!(
        outcome(&value(""), &json!({})).await,
        (false, error("stop after if: result == 1"))
    );
    let mut handled = value("no");
    handled["failure_module"] = handler();
    assert_eq!(outcome(&handled, &json!({})).await, (true, json!("b")));
}

#[tokio::test]
async fn a_step_that_is_passed_over_may_still_end_the_flow() {
    let skip = json!({"skip_if": {"expr": "true"}, "stop_after_if": {"expr": "result == 1"}});
    let value = json!({"modules": [yields("a", "1"), with(bash("b", "echo b"), skip.clone()), bash("c", "echo c")]});
    assert_eq!(outcome(&value, &json!({})).await, (true, json!(1)));
    // A stand-in comes before skipping.
    let mock = with(
        skip,
        json!({"mock": {"enabled": true, "return_value": "mocked"}}),
    );
    let value = json!({"modules": [yields("a", "1"), with(bash("b", "echo b"), mock)]});
    assert_eq!(outcome(&value, &json!({})).await, (true, json!("mocked")));
    let mock = json!({"mock": {"enabled": true}, "stop_after_if": {"expr": "result === null"}});
    let value =
        json!({"modules": [with(each("l", &json!([fails("x")])), mock), bash("c", "echo c")]});
    assert_eq!(outcome(&value, &json!({})).await, (true, Value::Null));
}

#[tokio::test]
async fn a_failure_handler_may_recover_the_flow() {
    let value = |result: &str| json!({"modules": [fails("a"), bash("b", "echo b")], "failure_module": yields("failure", result)});
    assert_eq!(
        outcome(&value("({recover: true, n: 1})"), &json!({})).await,
        (true, json!({"n": 1, "recover": true}))
    );
    assert_eq!(
        outcome(&value("({recover: false})"), &json!({})).await,
        (false, json!({"recover": false}))
    );
}

#[tokio::test]
async fn a_while_loop_that_fails_yields_the_round_that_failed() {
    let steps = json!([
        with(yields("x", "flow_input.iter.index"), json!({})),
        with(fails("y"), json!({"skip_if": {"expr": "results.x < 1"}}))
    ]);
    let value = json!({"modules": [{"id": "l", "value": {"type": "whileloopflow", "skip_failures": false, "modules": steps}}]});
    let (success, result) = outcome(&value, &json!({})).await;
    assert_eq!((success, &result["error"]["step_id"]), (false, &json!("y")));
}

#[tokio::test]
async fn a_limit_that_cannot_be_computed_runs_no_handler() {
    let timeout = json!({"timeout": {"type": "javascript", "expr": "'soon'"}});
    let value =
        json!({"modules": [with(bash("a", "echo a"), timeout)], "failure_module": handler()});
    let (success, result) = outcome(&value, &json!({})).await;
    assert_eq!(
        (success, &result["error"]["name"]),
        (false, &json!("InternalError"))
    );
}

#[tokio::test]
async fn a_whole_flow_can_be_passed_over() {
    let value = json!({"skip_expr": "flow_input.skip", "modules": [bash("a", "echo a")], "failure_module": handler()});
    let fixture = Fixture::new();
    let mill = fixture.mill().await;
    let end = run(&mill, &value, &json!({"skip": 1})).await;
    assert_eq!(
        (end.success, end.skipped, &*end.result),
        (true, true, &json!("stopped early"))
    );
    assert_eq!(*run(&mill, &value, &json!({})).await.result, "a");
    fixture.flow("f/x/inner", &json!({"value": value}));
    let outer = json!({"modules": [
        {"id": "s", "value": {"type": "flow", "path": "f/x/inner", "input_transforms": {"skip": {"type": "static", "value": true}}}},
        yields("z", "previous_result + '!'"),
    ]});
    assert_eq!(
        *run(&mill, &outer, &json!({})).await.result,
        "stopped early!"
    );
    let throws = json!({"skip_expr": "flow_input.a.b", "modules": [bash("a", "echo a")], "failure_module": handler()});
    let end = run(&mill, &throws, &json!({})).await;
    assert_eq!(
        (end.success, &end.result["error"]["name"]),
        (false, &json!("InternalError"))
    );
}

#[tokio::test]
async fn flows_inside_share_the_folder_of_the_flow_around_them() {
    let fixture = Fixture::new();
    fixture.flow(
        "f/x/inner",
        &json!({"value": {"modules": [bash("i", "cat shared/word; echo inner > shared/word")]}}),
    );
    let inner = json!({"type": "flow", "path": "f/x/inner", "input_transforms": {}});
    let value = json!({"same_worker": true, "modules": [
        bash("a", "echo outer > shared/word"),
        {"id": "s", "value": inner},
        {"id": "b", "value": {"type": "branchone", "branches": [], "default": [
            each("l", &json!([{"id": "t", "value": inner}])),
        ]}},
        with(bash("w", "ls shared 2> /dev/null | wc -l"), json!({"suspend": {"required_events": 0}})),
        yields("z", "[results.s, results.b, results.w]"),
    ]});
    let end = run(&fixture.mill().await, &value, &json!({})).await;
    assert_eq!(
        *end.result,
        json!(["outer", ["inner", "inner"], "0"]),
        "{}",
        end.result
    );
}
