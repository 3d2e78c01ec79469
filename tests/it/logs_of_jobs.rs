//! Logs of the mill's jobs, of flows and of Windmill's jobs.
//!
//! Always so: a job's log comes from the database or from a double of Windmill, never from a real one.

use std::fs;

use millwright_core::refs::JobId;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::api_fixture::Api;
use crate::log_fixture::{MillJob, text_of};
use crate::windmill_double::{self, Job, Windmill};

#[tokio::test]
async fn a_mill_jobs_log_result_and_error() {
    let api = Api::with(None).await;
    let job = MillJob::new();
    job.begin(&api).await;
    job.log(&api, "h\u{e9}llo\n").await;
    api.run_of_job("r", job.id).await;
    let result = api
        .artifact(
            "r",
            "windmill.result",
            &format!("windmill://job/{}/result", job.id),
        )
        .await;
    let error = api
        .artifact(
            "r",
            "windmill.error",
            &format!("windmill://job/{}/error", job.id),
        )
        .await;
    let logs = api
        .artifact(
            "r",
            "windmill.logs",
            &format!("windmill://job/{}/logs", job.id),
        )
        .await;
    let early = api.get(&result).await.expect(404);
    assert_eq!(early["job"], json!({"id": job.id, "state": "running"}));
    job.end(
        &api,
        false,
        json!({"error": {"name": "E", "message": "no"}}),
    )
    .await;
    assert_eq!(
        api.get(&result).await.expect(200),
        json!({"error": {"name": "E", "message": "no"}})
    );
    assert_eq!(
        api.get(&error).await.expect(200),
        json!({"name": "E", "message": "no"})
    );
    assert_eq!(api.get(&logs).await.text, "h\u{e9}llo\n");
    let events = api.stream("r", "", None).await;
    assert_eq!(text_of(&events), "h\u{e9}llo\n");
    assert_eq!(events.last().unwrap().data["status"], "failed");
    let run = api.get("/codex/runs/r").await.expect(200);
    assert_eq!(run["status"], "failed", "the stream's end is the run's");

    let good = MillJob::new();
    good.begin(&api).await;
    good.end(&api, true, json!(1)).await;
    let error = api
        .artifact("r", "other", &format!("windmill://job/{}/error", good.id))
        .await;
    api.get(&error).await.expect(404);
}

fn status(modules: &Value) -> Value {
    json!({"step": 0, "modules": modules, "failure_module": {"id": "failure", "type": "WaitingForPriorSteps"}})
}

#[tokio::test]
async fn a_flows_log_is_its_story_and_only_grows() {
    let api = Api::with(None).await;
    let [emit, first, second, round] = [(); 4].map(|()| MillJob::new());
    let inner = MillJob {
        flow_status: Some(status(
            &json!([{"id": "x", "job": round.id, "type": "Success"}]),
        )),
        ..MillJob::new()
    };
    let waiting = json!([{"id": "a", "job": first.id, "type": "InProgress"}, {"id": "b", "type": "WaitingForPriorSteps"}]);
    let flow = MillJob {
        flow_status: Some(status(&waiting)),
        ..MillJob::new()
    };
    for job in [&emit, &flow, &first] {
        job.begin(&api).await;
    }
    api.run_of_job("r", emit.id).await;
    for resource in ["logs", "result"] {
        api.artifact(
            "r",
            &format!("windmill.flow.{resource}"),
            &format!("windmill://job/{}/{resource}", flow.id),
        )
        .await;
    }
    emit.log(&api, "emitted\n").await;
    first.log(&api, "first, no newline").await;
    let begin = api.tail_through("r", 1024).await;
    assert!(
        begin.contains(&format!(
            "=== a | job {} | running   ===\nfirst, no",
            first.id
        )),
        "{begin}"
    );

    first.end(&api, true, json!(1)).await;
    for job in [&second, &round, &inner] {
        job.begin(&api).await;
    }
    // Two rounds at once: the second's text waits for the first's end.
    let at_work = json!([
        {"id": "a", "job": first.id, "type": "Success"},
        {"id": "b", "flow_jobs": [second.id, inner.id], "job": inner.id, "type": "InProgress"},
    ]);
    flow.set_status(&api, &status(&at_work)).await;
    round.log(&api, "round\n").await;
    second.log(&api, "second\n").await;
    let middle = api.tail_through("r", 1024).await;
    assert_eq!(
        json!(middle.len()),
        api.tail("r", 1 << 40, "").await["offset"]
    );
    assert!(!middle.contains("round"), "{middle}");

    second.end(&api, true, json!(1)).await;
    round.end(&api, true, json!(1)).await;
    inner.end(&api, true, json!(1)).await;
    flow.log(&api, "Flow job completed with error\n").await;
    flow.end(&api, false, json!({"error": {"message": "why"}}))
        .await;
    let whole = api.tail_through("r", 1024).await;
    let story = [
        format!(
            "=== a | job {} | succeeded ===\nfirst, no newline\n",
            first.id
        ),
        format!("=== b/0 | job {} | succeeded ===\nsecond\n", second.id),
        format!("=== b/1/x | job {} | succeeded ===\nround\n", round.id),
        format!(
            "=== flow | job {} | failed    ===\nFlow job completed with error\n",
            flow.id
        ),
    ];
    assert_eq!(whole, story.concat());
    assert_eq!(api.get("/codex/runs/r/logs").await.text, whole);
    assert_eq!(text_of(&api.stream("r", "", None).await), whole);
    for earlier in [begin, middle] {
        let rest = api.tail("r", earlier.len() as u64, "").await;
        assert_eq!(
            rest["chunk"],
            whole[earlier.len()..],
            "an offset means the same place for ever"
        );
    }
    assert_eq!(
        api.get("/codex/runs/r/logs?source=job").await.text,
        "emitted\n"
    );
    assert_eq!(
        api.get("/codex/runs/r").await.expect(200)["status"],
        "failed",
        "the flow's job says so"
    );
}

#[tokio::test]
async fn a_windmill_jobs_log_and_result() {
    let (windmill, url) = Windmill::start().await;
    let api = Api::with(Some(&url)).await;
    let job = windmill.put(Job {
        log: "tick \u{e9} 1\n".into(),
        ..Job::default()
    });
    api.run_of_job("r", job).await;
    assert_eq!(api.tail("r", 0, "").await["chunk"], "tick \u{e9} 1\n");
    windmill.change(job, |job| job.log.push_str("tick 2\n"));
    assert_eq!(api.tail("r", 10, "").await["chunk"], "tick 2\n");
    assert_eq!(windmill.given(), 16, "no character is asked for twice");
    windmill.change(job, |job| job.ended = Some(json!({"ticks": 2})));
    let events = api.stream("r", "?offset=6", None).await;
    assert_eq!(
        text_of(&events),
        "\u{e9} 1\ntick 2\n",
        "inside a character: from its beginning"
    );
    assert_eq!(events.last().unwrap().data["status"], "succeeded");
    assert_eq!(
        api.get("/codex/runs/r").await.expect(200)["result"],
        json!({"ticks": 2})
    );
    let result = api
        .artifact(
            "r",
            "windmill.result",
            &format!("windmill://job/{job}/result"),
        )
        .await;
    assert_eq!(api.get(&result).await.expect(200), json!({"ticks": 2}));
}

#[tokio::test]
async fn a_recorded_windmill_flows_story() {
    let (windmill, url) = Windmill::start().await;
    let api = Api::with(Some(&url)).await;
    let answer = windmill_double::recorded("failed_flow");
    let status = answer["flow_status"].clone();
    let flow = windmill.put(Job {
        log: answer["logs"].as_str().unwrap().into(),
        ended: Some(answer["result"].clone()),
        failed: true,
        flow_status: Some(status.clone()),
        ..Job::default()
    });
    let job = |module: &Value, log: &str, failed: bool| {
        let ended = Some(Value::Null);
        let log = log.to_owned();
        windmill.put_as(
            module["job"].as_str().unwrap(),
            Job {
                log,
                ended,
                failed,
                ..Job::default()
            },
        )
    };
    let [a, b] =
        [(0, false), (1, true)].map(|(at, failed)| job(&status["modules"][at], "works", failed));
    // The handler's job was forgotten meanwhile.
    let handler = status["failure_module"]["job"].as_str().unwrap();
    api.run_of_job("r", flow).await;
    let story = [
        format!("=== a | job {a} | succeeded ===\nworks\n"),
        format!("=== b | job {b} | failed    ===\nworks\n"),
        format!("=== failure | job {handler} | gone      ===\n"),
        format!(
            "=== flow | job {flow} | failed    ===\n{}",
            answer["logs"].as_str().unwrap()
        ),
    ];
    assert_eq!(api.get("/codex/runs/r/logs").await.text, story.concat());
    assert_eq!(text_of(&api.stream("r", "", None).await), story.concat());
    assert_eq!(
        api.get("/codex/runs/r").await.expect(200)["status"],
        "failed"
    );
}

fn lost(job: JobId) -> String {
    format!(
        "\n[millwright] Older text of this log is lost: Windmill moved it to a file and does not give that out. \
         What the job's agent said is kept by itself, where it has one: /codex/runs/{job}/logs?source=agent\n"
    )
}

#[tokio::test]
async fn that_older_text_is_lost_is_told_once_at_the_end() {
    let (windmill, url) = Windmill::start().await;
    let api = Api::with(Some(&url)).await;
    let job = windmill.put(Job {
        moved: 10,
        ..Job::default()
    });
    let text = windmill_double::names_file(job, "1_10.txt") + "\none\n";
    windmill.change(job, |job| job.log = text.clone());
    api.run_of_job("r", job).await;
    assert_eq!(api.tail_through("r", 1024).await, text, "there may be more");
    windmill.change(job, |job| {
        job.log.push_str("two\n");
        job.ended = Some(Value::Null);
    });
    let whole = text + "two\n" + &lost(job);
    for _ in 0..2 {
        assert_eq!(api.tail_through("r", 1024).await, whole);
        assert_eq!(api.tail("r", whole.len() as u64, "").await["chunk"], "");
    }
    assert_eq!(text_of(&api.stream("r", "", None).await), whole);
    assert_eq!(api.get("/codex/runs/r/logs").await.text, whole);
}

#[tokio::test]
async fn codes_for_terminals_are_left_out_where_that_is_wanted() {
    let (windmill, url) = Windmill::start().await;
    let api = Api::with(Some(&url)).await;
    let line = "\u{1b}[1;31mr\u{e9}d\u{1b}[0m plain \u{1b}]0;title\u{7}end\n";
    let log = line.repeat(300);
    let job = windmill.put(Job {
        log: log.clone() + "\u{1b}[3",
        ..Job::default()
    });
    api.run_of_job("windmill", job).await;
    fs::write(api.folder.path().join("a.log"), &log).unwrap();
    api.run_with_log("file", "a.log").await;
    let plain = "r\u{e9}d plain end\n".repeat(300);
    for run_id in ["windmill", "file"] {
        let (mut text, mut offset) = (String::new(), 0);
        loop {
            let tail = api.tail(run_id, offset, "&ansi=strip&max_bytes=1024").await;
            text.push_str(tail["chunk"].as_str().unwrap());
            offset = tail["next_offset"].as_u64().unwrap();
            if tail["eof"] == true {
                break;
            }
        }
        assert_eq!(
            (text, offset),
            (plain.clone(), log.len() as u64),
            "{run_id}"
        );
        let whole = api
            .get(&format!("/codex/runs/{run_id}/logs?ansi=strip"))
            .await;
        assert_eq!(whole.text, plain, "{run_id}");
    }
    windmill.change(job, |job| {
        job.log.push_str("1mmore\n");
        job.ended = Some(Value::Null);
    });
    let end = log.len();
    let rest = api
        .stream("windmill", &format!("?ansi=strip&offset={end}"), None)
        .await;
    assert_eq!(text_of(&rest), "more\n", "a code is left out whole");
    let kept = api.tail("windmill", end as u64, "").await;
    assert_eq!(kept["chunk"], "\u{1b}[31mmore\n");
    api.get("/codex/runs/file/logs?ansi=no").await.expect(422);
}

#[tokio::test]
async fn a_job_that_waits_or_was_cancelled_has_a_log_too() {
    let (windmill, url) = Windmill::start().await;
    let api = Api::with(Some(&url)).await;
    let queued = windmill.put(Job {
        said: json!({"running": false}),
        ..Job::default()
    });
    api.run_of_job("queued", queued).await;
    assert_eq!(api.get("/codex/runs/queued/logs").await.text, "");
    let tail = api.tail("queued", 0, "").await;
    assert_eq!((&tail["eof"], &tail["chunk"]), (&json!(true), &json!("")));
    let text = "canceled by admin: (force cancel: false)";
    windmill.change(queued, |job| {
        job.log = text.to_owned();
        job.ended = Some(json!({"error": {"name": "Canceled"}}));
        job.said = json!({"success": false, "canceled": true, "started_at": null});
    });
    let events = api.stream("queued", "", None).await;
    assert_eq!(text_of(&events), text);
    assert_eq!(events.last().unwrap().data["status"], "cancelled");
}

#[tokio::test]
async fn the_story_of_a_running_flow_has_branches_within_rounds_and_grows() {
    let (windmill, url) = Windmill::start().await;
    let api = Api::with(Some(&url)).await;
    let step = |log: &str| {
        windmill.put(Job {
            log: log.to_owned(),
            ..Job::default()
        })
    };
    let flow = |modules: Value| {
        windmill.put(Job {
            flow_status: Some(status(&modules)),
            ..Job::default()
        })
    };
    let steps @ [left, right, next] = [step("left\n"), step("right\n"), step("next\n")];
    let branches =
        [left, right].map(|job| flow(json!([{"id": "x", "job": job, "type": "InProgress"}])));
    let round = flow(
        json!([{"id": "split", "flow_jobs": branches, "job": branches[1], "type": "InProgress"}]),
    );
    let rounds = json!([{"id": "loop", "flow_jobs": [round], "job": round, "type": "InProgress"}]);
    let outer = flow(rounds);
    api.run_of_job("r", outer).await;
    let begin = format!("=== loop/0/split/0/x | job {left} | running   ===\nleft\n");
    assert_eq!(api.tail_through("r", 1024).await, begin);
    let end = |job: JobId| windmill.change(job, |job| job.ended = Some(Value::Null));
    for job in steps.into_iter().take(2).chain(branches).chain([round]) {
        end(job);
    }
    let modules = json!([
        {"id": "loop", "flow_jobs": [round], "job": round, "type": "Success"},
        {"id": "b", "job": next, "type": "InProgress"},
    ]);
    windmill.change(outer, |job| job.flow_status = Some(status(&modules)));
    let grown = [
        begin.replace("running  ", "succeeded"),
        format!("=== loop/0/split/1/x | job {right} | succeeded ===\nright\n"),
        format!("=== b | job {next} | running   ===\nnext\n"),
    ];
    assert_eq!(api.get("/codex/runs/r/logs").await.text, grown.concat());
    let rest = api.tail("r", begin.len() as u64, "").await;
    assert_eq!(
        rest["chunk"],
        grown[1..].concat(),
        "it goes on where it was"
    );
}

#[tokio::test]
async fn what_windmill_moved_to_files_is_read_from_there() {
    let (windmill, url) = Windmill::start().await;
    let api = Api::with(Some(&url)).await;
    let job = windmill.put(Job {
        moved: 10,
        ended: Some(Value::Null),
        ..Job::default()
    });
    let line = |name: &str| {
        format!("\n[windmill] Previous logs have been saved to disk at logs/{job}/{name}")
    };
    windmill.change(job, |moved| moved.log = line("2_20.txt") + "\nthree\n");
    api.run_of_job("r", job).await;
    assert_eq!(
        api.get("/codex/runs/r/logs").await.text,
        line("2_20.txt") + "\nthree\n" + &lost(job),
        "where the file is not there"
    );
    windmill.put_file(format!("{job}/2_20.txt"), line("1_10.txt") + "\ntwo");
    windmill.put_file(format!("{job}/1_10.txt"), "one".into());
    api.run_of_job("again", job).await;
    assert_eq!(
        api.get("/codex/runs/again/logs").await.text,
        "one\ntwo\nthree\n"
    );
    assert_eq!(api.tail_through("again", 1024).await, "one\ntwo\nthree\n");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn parts_of_any_text_make_the_text(
        pieces in prop::collection::vec("([a-z\\n\"\\\\]|[\u{e9}\u{2192}\u{1d11e}]){0,900}", 1..5),
        most in 1024_u32..1100,
        offset: prop::sample::Index,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (windmill, url) = Windmill::start().await;
            let api = Api::with(Some(&url)).await;
            let text = pieces.concat();
            fs::write(api.folder.path().join("a.log"), &text).unwrap();
            let there = windmill.put(Job { log: text.clone(), ended: Some(Value::Null), ..Job::default() });
            let here = MillJob::new();
            here.begin(&api).await;
            for piece in &pieces {
                here.log(&api, piece).await;
            }
            here.end(&api, true, Value::Null).await;
            api.run_with_log("file", "a.log").await;
            api.run_of_job("windmill", there).await;
            api.run_of_job("mill", here.id).await;
            let from = text.floor_char_boundary(offset.index(text.len() + 1));
            for run_id in ["file", "windmill", "mill"] {
                assert_eq!(api.tail_through(run_id, most).await, text, "{run_id}");
                let rest = api.tail(run_id, from as u64, "&max_bytes=1048576").await;
                assert_eq!(rest["chunk"], text[from..], "{run_id}");
            }
        });
    }
}
