//! What it costs Windmill that logs are read: how often it is asked, and from where on.
//!
//! Always so: the figures are counts of requests and places in a log, and no times.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use millwright::server::ServerOptions;
use millwright_core::refs::JobId;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::api_fixture::Api;
use crate::log_fixture::text_of;
use crate::windmill_double::{self, Asked, Job, Windmill, names_file};

const KIB: u64 = 1024;
/// Two marks of a log of 4 MiB are so far apart, and a part that arrives is at most so long.
const STEP: u64 = 64 * KIB + 128 * KIB;

fn ended(log: &str) -> Job {
    Job {
        log: log.to_owned(),
        ended: Some(Value::Null),
        ..Job::default()
    }
}

fn loop_status(rounds: &[JobId]) -> Value {
    let module =
        json!({"id": "l", "type": "InProgress", "job": rounds.last(), "flow_jobs": rounds});
    json!({"step": 0, "modules": [module]})
}

fn times_asked(asked: &[Asked], job: JobId) -> usize {
    let of_job = |asked: &&Asked| matches!(asked, Asked::Job(id) | Asked::Log(id, _) if *id == job);
    asked.iter().filter(of_job).count()
}

#[tokio::test]
async fn a_flow_of_many_rounds_is_asked_for_a_few_times_and_each_round_once() {
    const ROUNDS: usize = 500;
    let (windmill, url) = Windmill::start().await;
    let api = Api::with(Some(&url)).await;
    let steps: Vec<_> = (0..ROUNDS)
        .map(|round| windmill.put(ended(&format!("round {round}\n"))))
        .collect();
    let rounds: Vec<_> = steps
        .iter()
        .map(|step| {
            let status =
                json!({"step": 1, "modules": [{"id": "s", "job": step, "type": "Success"}]});
            windmill.put(Job {
                flow_status: Some(status),
                ..ended("")
            })
        })
        .collect();
    let flow = windmill.put(Job {
        flow_status: Some(loop_status(&rounds)),
        ..ended("the flow's own\n")
    });
    api.run_of_job("r", flow).await;
    windmill.take_asked();

    let whole = api.get("/codex/runs/r/logs").await.text;
    let asked = windmill.take_asked();
    assert_eq!(whole.matches("\nround ").count(), ROUNDS);
    assert!(
        times_asked(&asked, flow) <= 4,
        "{}",
        times_asked(&asked, flow)
    );
    // How the round stands; how its step stands and its step's log.
    assert!(asked.len() <= 3 * ROUNDS + 4, "{}", asked.len());

    // In small parts it costs no more but the question of each part who has the log.
    assert_eq!(api.tail_through("r", 4096).await, whole);
    let parts = whole.len() / 4096 + 1;
    let asked = windmill.take_asked();
    assert!(asked.len() <= 3 * ROUNDS + 8 + parts, "{}", asked.len());

    // A client that was left behind goes on near where it is.
    let from = whole.len() * 2 / 3;
    let rest = api.tail("r", from as u64, "").await;
    assert!(whole[from..].starts_with(rest["chunk"].as_str().unwrap()));
    let asked = windmill.take_asked();
    // Two marks are a sixty-fourth of the log from each other, and this part is the rest of it.
    let (way, rest) = (ROUNDS / 64, ROUNDS / 3);
    assert!(asked.len() <= 3 * (way + rest) + 16, "{}", asked.len());
}

#[tokio::test]
async fn a_flow_whose_rounds_arrive_is_asked_for_once_a_round() {
    const ROUNDS: usize = 60;
    let (windmill, url) = Windmill::start().await;
    let api = Api::with(Some(&url)).await;
    let flow = windmill.put(Job {
        flow_status: Some(loop_status(&[])),
        ..Job::default()
    });
    api.run_of_job("r", flow).await;
    windmill.take_asked();
    let (mut rounds, mut offset) = (Vec::new(), 0);
    for round in 0..ROUNDS {
        rounds.push(windmill.put(ended(&format!("round {round}\n"))));
        windmill.change(flow, |flow| flow.flow_status = Some(loop_status(&rounds)));
        let tail = api.tail("r", offset, "").await;
        assert!(
            tail["chunk"]
                .as_str()
                .unwrap()
                .ends_with(&format!("round {round}\n"))
        );
        offset = tail["next_offset"].as_u64().unwrap();
    }
    let asked = windmill.take_asked();
    // Who has the log, what has come, whether there is more.
    assert!(
        times_asked(&asked, flow) <= 3 * ROUNDS,
        "{}",
        times_asked(&asked, flow)
    );
    for round in rounds {
        assert_eq!(times_asked(&asked, round), 2);
    }
}

/// A line of 16 bytes and 13 characters.
const LINE: &str = "\u{e9}\u{2192} 123456789\n";

fn byte_of(character: u64) -> u64 {
    character.saturating_sub(1) * 16 / 13
}

/// Asks for a part from an offset on, and returns how far before it Windmill was asked to begin.
async fn way_to(api: &Api, windmill: &Windmill, offset: u64) -> u64 {
    windmill.take_asked();
    let tail = api.tail("r", offset, "&max_bytes=1024").await;
    assert_eq!(tail["offset"], offset);
    assert!(
        tail["chunk"].as_str().unwrap().starts_with(LINE),
        "{offset}"
    );
    way_of(windmill, offset)
}

fn way_of(windmill: &Windmill, offset: u64) -> u64 {
    let asked = windmill.take_asked().into_iter();
    let logs = asked.filter_map(|asked| match asked {
        Asked::Log(_, character) => Some(offset.saturating_sub(byte_of(character))),
        _ => None,
    });
    logs.sum()
}

#[tokio::test]
async fn who_comes_back_to_an_earlier_place_waits_for_a_part_and_not_for_the_log() {
    let (windmill, url) = Windmill::start().await;
    let api = Api::with(Some(&url)).await;
    let size = 4 * KIB * KIB;
    let job = windmill.put(Job {
        times: usize::try_from(size / 4096).unwrap(),
        ..ended(&LINE.repeat(256))
    });
    api.run_of_job("r", job).await;
    let cold = way_to(&api, &windmill, size / 2).await;
    assert_eq!(cold, size / 2, "one scan when nothing is known");
    let on = way_to(&api, &windmill, size / 2 + 1024).await;
    assert_eq!(on, 0, "the reader waits at its place");
    let again = way_to(&api, &windmill, size / 2).await;
    assert!(again <= STEP, "the scan left marks: {again}");

    let events = api.stream("r", "?max_bytes=1048576", None).await;
    assert_eq!(text_of(&events).len() as u64, size);
    for eighth in 1..8 {
        let way = way_to(&api, &windmill, size / 8 * eighth).await;
        assert!(way <= STEP, "{way} to {eighth}/8");
    }
    let lost = size - 64 * KIB;
    windmill.take_asked();
    let events = api.stream("r", "", Some(lost)).await;
    assert_eq!(text_of(&events).len() as u64, size - lost);
    assert!(way_of(&windmill, lost) <= STEP);
}

/// 5,120 lines, no two alike.
fn numbered(file: usize) -> String {
    let lines = (0..5 * 1024).map(|line| [LINE.trim(), &format!("{file}/{line}\n")].concat());
    lines.collect()
}

#[tokio::test]
async fn a_place_in_moved_text_is_found_by_its_file() {
    const FILES: usize = 8;
    let (windmill, url) = Windmill::start().await;
    let api = Api::with(Some(&url)).await;
    let job = windmill.put(ended(""));
    for file in 0..FILES {
        let before = match file {
            0 => String::new(),
            file => names_file(job, &format!("{}.txt", file - 1)),
        };
        windmill.put_file(format!("{job}/{file}.txt"), before + &numbered(file));
    }
    windmill.change(job, |now| {
        now.moved = 1_000_000;
        now.log = names_file(job, &format!("{}.txt", FILES - 1)) + LINE;
    });
    api.run_of_job("r", job).await;
    let whole = (0..FILES).map(numbered).collect::<String>() + LINE;
    assert!(api.get("/codex/runs/r/logs").await.text == whole);
    windmill.take_asked();
    for sixteenth in [15, 9, 8, 3] {
        let from = whole.floor_char_boundary(whole.len() / 16 * sixteenth);
        let tail = api.tail("r", from as u64, "&max_bytes=1024").await;
        assert_eq!(tail["offset"], from);
        let chunk = tail["chunk"].as_str().unwrap();
        assert!(chunk.len() > 1020 && whole[from..].starts_with(chunk));
        let asked = windmill.take_asked();
        let files = asked.iter().filter(|asked| matches!(asked, Asked::File(_)));
        // Each file says which is before it; three are at most between two marks.
        assert!(files.count() <= FILES + 4, "{asked:?}");
    }
}

#[tokio::test]
async fn text_that_was_moved_since_its_mark_is_read_from_its_file() {
    let (windmill, url) = Windmill::start().await;
    let api = Api::with(Some(&url)).await;
    let text = numbered(1);
    // A name tells where its text ends; one that does not is good enough to begin again.
    for (run_id, name) in [
        ("told", format!("1_{}.txt", text.chars().count())),
        ("not", "1.txt".into()),
    ] {
        let job = windmill.put(Job {
            log: text.clone(),
            ..Job::default()
        });
        api.run_of_job(run_id, job).await;
        let first = api.tail(run_id, 0, "&max_bytes=1048576").await;
        assert_eq!(first["next_offset"], text.len());
        windmill.put_file(format!("{job}/{name}"), text.clone());
        windmill.change(job, |now| {
            now.moved = text.chars().count() as u64;
            now.log = names_file(job, &name) + LINE;
            now.ended = Some(Value::Null);
        });
        windmill.take_asked();
        let from = text.floor_char_boundary(text.len() / 2);
        let tail = api.tail(run_id, from as u64, "&max_bytes=1048576").await;
        assert_eq!(tail["offset"], from);
        assert!(tail["chunk"].as_str().unwrap() == text[from..].to_owned() + LINE);
        let begins = Asked::Log(job, 0);
        assert_eq!(windmill.take_asked().contains(&begins), run_id == "not");
    }
}

#[tokio::test]
async fn who_follows_misses_nothing_that_is_moved_meanwhile() {
    let (windmill, url) = Windmill::start().await;
    let api = Api::with(Some(&url)).await;
    let job = windmill.put(Job {
        log: "one\ntw\u{f6}\n".into(),
        ..Job::default()
    });
    api.run_of_job("r", job).await;
    let mut followed = String::new();
    for round in 0..20 {
        let tail = api.tail("r", followed.len() as u64, "").await;
        followed.push_str(tail["chunk"].as_str().unwrap());
        for file in 0..round % 3 {
            windmill.move_away(job, &format!("uns\u{e9}en {round}/{file}\n"));
        }
        windmill.change(job, |now| writeln!(now.log, "seen {round}").unwrap());
    }
    windmill.change(job, |now| now.ended = Some(Value::Null));
    let tail = api.tail("r", followed.len() as u64, "").await;
    followed.push_str(tail["chunk"].as_str().unwrap());
    assert_eq!(followed.matches("seen ").count(), 20);
    assert_eq!(followed.matches("uns\u{e9}en ").count(), 19);
    let asked = windmill.take_asked();
    let files = asked.iter().filter(|asked| matches!(asked, Asked::File(_)));
    assert!(
        files.count() <= 2 * 19,
        "each is opened to see what is before it, and read"
    );
    assert_eq!(api.get("/codex/runs/r/logs").await.text, followed);
}

#[tokio::test]
async fn text_that_was_moved_out_of_reach_is_taken_for_gone() {
    let (windmill, url) = Windmill::start().await;
    let api = Api::with(Some(&url)).await;
    let text = LINE.repeat(20 * 1024);
    let job = windmill.put(Job {
        log: text.clone(),
        ..Job::default()
    });
    api.run_of_job("r", job).await;
    api.tail("r", 0, "&max_bytes=1048576").await;
    let rest = names_file(job, "1.txt") + &numbered(1);
    windmill.change(job, |now| {
        now.moved = text.chars().count() as u64;
        now.log.clone_from(&rest);
    });
    let tail = api.tail("r", text.len() as u64 / 2, "").await;
    assert_eq!(
        (&tail["offset"], &tail["chunk"]),
        (&json!(rest.len()), &json!(""))
    );
    for part in 1..4 {
        let from = rest.floor_char_boundary(rest.len() / 4 * part);
        let tail = api.tail("r", from as u64, "&max_bytes=1024").await;
        assert!(
            rest[from..].starts_with(tail["chunk"].as_str().unwrap()),
            "{from}"
        );
    }
}

#[tokio::test]
async fn a_stream_is_kept_alive_while_it_goes_to_its_place() {
    let (windmill, url) = Windmill::start().await;
    let api = Api::start_with(|_| ServerOptions {
        keep_alive: Some(Duration::from_millis(20)),
        reconcile_every: Some(Duration::ZERO),
        windmill: Some(windmill_double::options(&url, windmill_double::TOKEN)),
        ..ServerOptions::default()
    })
    .await;
    let held = Arc::new(Notify::new());
    let job = windmill.put(Job {
        held: Some(Arc::clone(&held)),
        ..ended("one\ntwo\n")
    });
    api.run_of_job("r", job).await;
    let request = api.request(Method::GET, "/codex/runs/r/logs/stream?offset=4");
    let mut stream = request.send().await.unwrap().bytes_stream();
    let alive = stream.next().await.unwrap().unwrap();
    assert_eq!(alive, ": keep-alive\n\n");
    held.notify_one();
    let rest: Vec<_> = stream.map(Result::unwrap).collect().await;
    let rest = String::from_utf8(rest.concat()).unwrap();
    assert!(
        rest.contains("\"chunk\":\"two\\n\"") && rest.contains("event: end"),
        "{rest}"
    );
}
