//! What goes wrong in flows and scripts, and what the mill makes of it.
//!
//! Always so: a fault is told in the flow's result, in words of which the test names the ones that matter.

use std::time::{Duration, Instant};

use millwright::mill::{Change, MillOptions};
use millwright::store::jobs;
use serde_json::{Map, Value, json};

use crate::mill_fixture::{Fixture, bash, bash_with, flow, refused, run};

async fn error_of(value: Value) -> Value {
    let fixture = Fixture::new();
    let end = run(&fixture.mill().await, &value, &json!({})).await;
    assert!(!end.success, "{}", end.result);
    end.result["error"].clone()
}

fn one(step: impl Into<Value>) -> Value {
    json!({"modules": [step.into()]})
}

#[tokio::test]
async fn a_result_that_is_no_json_fails_the_step_and_says_so() {
    let error = error_of(one(bash("a", "echo '{\"n\": ' > result.json"))).await;
    let message = error["message"].as_str().unwrap();
    assert!(
        message.starts_with("result.json is no JSON: EOF"),
        "{message}"
    );
    assert_eq!(error["step_id"], "a");
}

#[tokio::test]
async fn a_step_killed_by_a_signal_names_it() {
    let error = error_of(one(bash("a", "echo before\nkill -9 $$"))).await;
    assert_eq!(
        error["message"],
        "process terminated by signal 9 (SIGKILL), last log lines:\nbefore"
    );
}

#[tokio::test]
async fn a_script_that_says_what_is_wrong_is_quoted() {
    let text = "echo '{\"name\": \"Mine\", \"message\": \"m\"}' > result.json\nexit 4";
    assert_eq!(
        error_of(one(bash("a", text))).await,
        json!({"name": "Mine", "message": "m"})
    );
}

#[tokio::test]
async fn an_argument_that_is_too_long_is_named() {
    let fixture = Fixture::new();
    let transforms = json!({"text": {"type": "javascript", "expr": "flow_input.text"}});
    let step = bash_with("a", "text=\"$1\"\necho ${#text}\n", &transforms);
    let mill = fixture.mill().await;
    let end = run(
        &mill,
        &one(step.clone()),
        &json!({"text": "x".repeat(120_000)}),
    )
    .await;
    assert_eq!(end.result.to_string(), "\"120000\"");
    let end = run(&mill, &one(step), &json!({"text": "x".repeat(140_000)})).await;
    let message = end.result["error"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("Argument list too long: text has 140000 bytes"),
        "{message}"
    );
}

#[tokio::test]
async fn a_throwing_expression_names_itself() {
    let transforms = json!({"v": {"type": "javascript", "expr": "results.nope.x"}});
    let error = error_of(one(bash_with("a", "v=\"$1\"\n", &transforms))).await;
    let message = error["message"].as_str().unwrap();
    let expected = "Error during isolated evaluation of expression `results.nope.x`:\nNot found: ";
    assert!(message.starts_with(expected), "{message}");
}

#[tokio::test]
async fn an_endless_expression_is_ended() {
    let fixture = Fixture::new();
    let mill = fixture
        .mill_with(MillOptions {
            expression_limit: Duration::from_millis(150),
            ..fixture.options()
        })
        .await;
    let step = json!({"id": "a", "value": {"type": "identity"}, "skip_if": {"expr": "(() => { for (;;); })()"}});
    let end = run(&mill, &one(step), &json!({})).await;
    let message = end.result["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("took too long to execute (>150ms)"),
        "{message}"
    );
}

#[tokio::test]
async fn the_time_of_its_arguments_is_part_of_a_steps_time() {
    let fixture = Fixture::new();
    let limit = Duration::from_millis(150);
    let mill = fixture
        .mill_with(MillOptions {
            expression_limit: limit,
            ..fixture.options()
        })
        .await;
    let mut events = mill.watch();
    let endless = json!({"a": {"type": "javascript", "expr": "(() => { for (;;); })()"}});
    let step = bash_with("a", "a=\"$1\"\n", &endless);
    assert!(!run(&mill, &one(step), &json!({})).await.success);
    let took = loop {
        let event = events.recv().await.unwrap();
        if let (1, Change::Ended { took, .. }) = (event.depth, event.change) {
            break took;
        }
    };
    assert!(took >= limit, "{took:?}");
}

#[tokio::test]
async fn a_timeout_reaches_the_grandchildren() {
    let fixture = Fixture::new();
    let mark = fixture.folder("marks");
    // One child in the script's group, and one that has left it.
    let text = format!(
        "(trap '' TERM; sleep 2; touch {0}/child) &\nsetsid bash -c 'sleep 2; touch {0}/stray' &\nsleep 30\n",
        mark.display()
    );
    let mut step = bash("a", &text);
    step["timeout"] = json!(1);
    let begun = Instant::now();
    let end = run(&fixture.mill().await, &one(step), &json!({})).await;
    assert_eq!(
        end.result["error"]["message"],
        "execution error:\njob process terminated due to timeout after exceeding job-specific duration limit"
    );
    assert!(begun.elapsed() < Duration::from_secs(5));
    tokio::time::sleep_until((begun + Duration::from_secs(3)).into()).await;
    assert_eq!(mark.read_dir().unwrap().count(), 0, "a process lived on");
}

#[tokio::test]
async fn what_a_script_leaves_behind_ends_with_it() {
    let fixture = Fixture::new();
    let step = bash("a", "sleep 600 &\necho $! > result.json\n");
    let end = run(&fixture.mill().await, &one(step), &json!({})).await;
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", end.result));
    // Where nobody waits for it, what has ended stays in the list as a zombie.
    let gone = stat.as_ref().map_or(true, |stat| stat.contains(") Z "));
    assert!(gone, "{stat:?} is left");
    let jobs = fixture.options().folder;
    assert!(
        jobs.read_dir().map_or(0, Iterator::count) == 0,
        "a job's folder is left"
    );
}

#[tokio::test]
async fn what_the_mill_does_not_do_is_refused_before_the_first_step() {
    let fixture = Fixture::new();
    let mark = fixture.folder("marks").join("ran");
    let go = json!({"type": "rawscript", "language": "go", "content": "", "input_transforms": {}});
    let reasons = refused(
        &fixture.mill().await,
        &json!({
            "modules": [
                bash("a", &format!("touch {}", mark.display())),
                {"id": "b", "value": go, "suspend": {"required_events": 1}},
                {"id": "c", "value": {"type": "aiagent"}, "input_transforms": {"x": {"type": "static"}}},
                {"id": "d", "value": {"type": "script", "path": "u/x/missing", "input_transforms": {}}},
                {"id": "e", "value": {"type": "identity"}, "priority": 5, "cache_ttl": 0, "colour": "red"},
                {"id": "f", "value": {"type": "script", "path": "../../etc/passwd", "input_transforms": {
                    "secret": {"type": "static", "value": "$var:f/x/secret"},
                }}},
            ],
            "flow_env": ["A"],
        }),
    )
    .await;
    let complaints = reasons.join("\n");
    for expected in [
        "/value/flow_env: it is no object of names and values",
        "/value/modules/1/value: the mill runs bash, bun, nativets, deno and python3, and not `go`",
        "/value/modules/2/input_transforms: arguments belong inside `value`: here Windmill drops them",
        "/value/modules/2/value/type: the mill does not run steps of type `aiagent`",
        "/value/modules/3/value/path: there is no script u/x/missing: looked for ",
        "/value/modules/4/colour: the mill does not know this field",
        "/value/modules/5/value/path: \"../../etc/passwd\" is not a path",
        "/value/modules/5/value/input_transforms/secret: there is no variable f/x/secret",
    ] {
        assert!(
            complaints.contains(expected),
            "{expected}\nis not in\n{complaints}"
        );
    }
    assert_eq!(reasons.len(), 8, "{complaints}");
    assert!(!mark.exists(), "a step ran");
}

#[tokio::test]
async fn harmless_fields_are_left_out_with_a_note() {
    let fixture = Fixture::new();
    let mill = fixture.mill().await;
    let value = json!({"modules": [{"id": "a", "value": {"type": "identity"}, "priority": 5}], "notes": [{}]});
    let started = mill.run_flow(None, flow(&value), Map::new()).await.unwrap();
    assert_eq!(
        started.notes,
        [
            "/value/notes: left out, it is for the editor",
            "/value/modules/0/priority: left out, the mill has one queue, in the order of arrival",
        ]
    );
    assert!(started.wait().await.unwrap().success);
}

#[tokio::test]
async fn what_a_flow_says_in_vain_is_noted_and_the_flow_runs() {
    let fixture = Fixture::new();
    fixture.script("u/x/s", "a=\"${1}\"\necho \"$a\"\n");
    let given = json!({"a": {"type": "static", "value": 1}, "b": {"type": "static", "value": 2}});
    let value = json!({"modules": [
        {"id": "s", "value": {"type": "script", "path": "u/x/s", "input_transforms": given}},
        bash_with("t", "b=\"$1\"\necho \"$b\"\n", &given),
        {"id": "l", "value": {"type": "forloopflow", "skip_failures": false,
            "iterator": {"type": "static", "value": [1]}, "modules": [bash("s", "echo 3")]}},
    ]});
    let mill = fixture.mill().await;
    let started = mill.run_flow(None, flow(&value), Map::new()).await.unwrap();
    let place = "/value/modules/2/value/modules/0/id";
    let both = "/value/modules/0 has the id \"s\" as well: `results.s` is of either";
    assert_eq!(
        started.notes,
        [
            format!("{place}: {both}; give each step its own id").as_str(),
            "/value/modules/0/value/input_transforms/b: left out, the script has no line that takes it, such as `b=\"$1\"`",
            "/value/modules/1/value/input_transforms/a: left out, the script has no line that takes it, such as `a=\"$1\"`",
        ]
    );
    assert_eq!(*started.wait().await.unwrap().result, json!(["3"]));
}

#[tokio::test]
async fn a_flow_that_leads_back_to_itself_is_refused() {
    let fixture = Fixture::new();
    let call = |path: &str| {
        json!({"value": {"modules": [
            {"id": "s", "value": {"type": "flow", "path": path, "input_transforms": {}}},
        ]}})
    };
    fixture.flow("f/x/a", &call("f/x/b"));
    fixture.flow("f/x/b", &call("f/x/a"));
    let mill = fixture.mill().await;
    let error = mill.run_flow_at("f/x/a", Map::new()).await.unwrap_err();
    let expected =
        "f/x/b: /value/modules/0/value/path: the flow leads back to itself: f/x/a → f/x/b → f/x/a";
    assert!(error.to_string().contains(expected), "{error}");
}

#[tokio::test]
async fn same_worker_and_side_by_side_are_refused_together() {
    let fixture = Fixture::new();
    let value = json!({"same_worker": true, "modules": [{"id": "b", "value": {
        "type": "branchall", "parallel": true, "branches": [],
    }}]});
    let reasons = refused(&fixture.mill().await, &value).await;
    assert_eq!(reasons.len(), 1);
}

#[tokio::test]
async fn a_locked_database_ends_the_flow_and_its_state_is_mended() {
    let fixture = Fixture::new();
    let mill = fixture.mill().await;
    let mark = fixture.folder("marks").join("lived");
    let text = format!(
        "for n in 1 2 3 4 5 6 7 8; do echo $n; sleep 0.3; done; touch {}",
        mark.display()
    );
    let started = mill
        .run_flow(None, flow(&one(bash("a", &text))), Map::new())
        .await
        .unwrap();
    let job = started.job;
    let other = rusqlite::Connection::open(fixture.database()).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let error = started.wait().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the database is locked by another process: stop it, or use another database"
    );
    assert!(!mark.exists(), "the script lived on");
    other.execute_batch("ROLLBACK").unwrap();
    let begun = Instant::now();
    let store = mill.store();
    while !store.read(jobs::unfinished).await.unwrap().is_empty() {
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "the jobs stay unfinished"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let job = store
        .read(move |connection| jobs::get(connection, job))
        .await
        .unwrap();
    assert!(
        job.result
            .unwrap()
            .contains("the mill could not go on: the database is locked")
    );
}

#[tokio::test]
async fn what_left_a_script_and_writes_for_ever_does_not_hold_its_step() {
    let fixture = Fixture::new();
    let stray = fixture.folder("stray").join("id");
    let text = format!(
        "setsid sh -c 'echo $$ > {0}; exec yes' &\nwhile [ ! -s {0} ]; do :; done\necho done\n",
        stray.display()
    );
    let end = run(&fixture.mill().await, &one(bash("a", &text)), &json!({})).await;
    let id = std::fs::read_to_string(stray).unwrap().trim().parse();
    let id = rustix::process::Pid::from_raw(id.unwrap()).unwrap();
    // It may have ended by itself: nobody reads what it writes.
    let _ = rustix::process::kill_process(id, rustix::process::Signal::KILL);
    assert!(end.success, "{}", end.result);
}
