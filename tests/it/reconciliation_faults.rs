//! Reconciliation where Windmill is away, forgets jobs, or is another; where servers end, or are many.
//!
//! Always so: no run is closed but by what Windmill says of its job.

use std::time::Duration;

use axum::http::StatusCode;
use millwright::store::Timestamp;
use serde_json::{Value, json};

use crate::api_fixture::Api;
use crate::reconciliation_fixture::{TICK, ended, watched, watching};
use crate::wait::until;
use crate::windmill_double::{Asked, Job, Windmill};

#[tokio::test]
async fn a_job_that_was_there_and_is_deleted_fails_its_run() {
    let (windmill, api) = watched().await;
    let job = windmill.put(Job::default());
    let fresh = windmill.put(Job::default());
    windmill.delete(fresh);
    api.runs_of(&[job, fresh], Timestamp::now()).await;
    until("it was asked for", async || {
        windmill.asked().contains(&Asked::Job(job)).then_some(())
    })
    .await;
    tokio::time::sleep(TICK).await;
    windmill.delete(job);
    let run = api.closed(&job.to_string()).await;
    assert_eq!(run["status"], "failed");
    assert_eq!(run["error"]["name"], "JobDeleted");
    let message = run["error"]["message"].as_str().unwrap();
    assert!(message.contains(&job.to_string()), "{message}");
    let fresh = api.listed(&fresh.to_string()).await;
    assert_eq!(fresh["status"], "running", "it was never seen, and is new");
}

#[tokio::test]
async fn a_job_that_an_earlier_server_has_seen_is_known_to_be_deleted() {
    let (windmill, url) = Windmill::start().await;
    let api = Api::start_with(|_| watching(&url)).await;
    let jobs = [Job::default(), Job::default()].map(|job| windmill.put(job));
    api.runs_of(&jobs, Timestamp::now()).await;
    until("both were seen", async || {
        let asked = windmill.asked();
        let twice = |job| {
            asked
                .iter()
                .filter(|asked| **asked == Asked::Job(job))
                .count()
                > 1
        };
        jobs.into_iter().all(twice).then_some(())
    })
    .await;
    let folder = api.stop().await;
    windmill.delete(jobs[0]);
    let database = folder.path().join("test.db");
    let api = Api::on(&database, folder, watching(&url)).await;
    let run = api.closed(&jobs[0].to_string()).await;
    assert_eq!(run["error"]["name"], "JobDeleted");
    let other = api.listed(&jobs[1].to_string()).await;
    assert_eq!(other["status"], "running");
}

#[tokio::test]
async fn an_old_run_of_a_job_that_nobody_knows_fails_unless_the_workspace_is_another() {
    let (windmill, api) = watched().await;
    let job = windmill.put(Job::default());
    windmill.delete(job);
    windmill.rename("other");
    api.runs_of(&[job], Timestamp(0)).await;
    until("the workspace was asked for", async || {
        windmill.asked().contains(&Asked::Workspace).then_some(())
    })
    .await;
    tokio::time::sleep(TICK).await;
    assert_eq!(api.count("running"), 1);
    windmill.rename("starter");
    assert_eq!(api.closed(&job.to_string()).await["status"], "failed");
}

#[tokio::test]
async fn nothing_is_closed_while_windmill_answers_something_else() {
    let faults = [
        (StatusCode::UNAUTHORIZED, "Not authorized: Unauthorized"),
        (StatusCode::OK, "<!doctype html><title>Sign in</title>"),
        (StatusCode::NOT_FOUND, "<html>no such site</html>"),
        (StatusCode::SERVICE_UNAVAILABLE, ""),
    ];
    for fault in faults {
        let (windmill, api) = watched().await;
        windmill.fail_with(Some(fault));
        let jobs: Vec<_> = (0..20).map(|n| windmill.put(ended(json!(n)))).collect();
        api.runs_of(&jobs, Timestamp(0)).await;
        tokio::time::sleep(Duration::from_millis(600)).await;
        assert_eq!(api.count("running"), 20, "{fault:?}");
        let asked = windmill.take_asked().len();
        assert!((1..=20).contains(&asked), "{asked} requests to {fault:?}");
        windmill.fail_with(None);
        until("they are closed", async || {
            (api.count("succeeded") == 20).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn one_job_that_cannot_be_read_does_not_hold_up_the_others() {
    let (windmill, api) = watched().await;
    let broken = windmill.put(Job {
        broken: Some(StatusCode::INTERNAL_SERVER_ERROR),
        ..ended(Value::Null)
    });
    let good = windmill.put(ended(Value::Null));
    api.runs_of(&[broken, good], Timestamp(0)).await;
    api.closed(&good.to_string()).await;
    assert_eq!(api.listed(&broken.to_string()).await["status"], "running");
    windmill.change(broken, |job| job.broken = None);
    api.closed(&broken.to_string()).await;
}

#[tokio::test]
async fn a_windmill_that_does_not_listen_is_left_alone_and_found_again() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let api = Api::start_with(|_| watching(&format!("http://{address}"))).await;
    let windmill = Windmill::default();
    let job = windmill.put(ended(json!(1)));
    api.runs_of(&[job], Timestamp(0)).await;
    tokio::time::sleep(TICK * 4).await;
    assert_eq!(api.count("running"), 1);
    windmill.serve_at(address).await;
    api.closed(&job.to_string()).await;
}

#[tokio::test]
async fn a_server_that_ends_leaves_the_rest_to_the_next() {
    let (windmill, url) = Windmill::start().await;
    let api = Api::start_with(|_| watching(&url)).await;
    let jobs: Vec<_> = (0..600).map(|n| windmill.put(ended(json!(n)))).collect();
    api.runs_of(&jobs, Timestamp(0)).await;
    until("some are closed", async || {
        (api.count("succeeded") > 0).then_some(())
    })
    .await;
    let folder = api.stop().await;
    let asked = windmill.take_asked().len();
    tokio::time::sleep(TICK * 3).await;
    assert_eq!(windmill.asked(), [], "a server that has ended asks nothing");
    let database = folder.path().join("test.db");
    let api = Api::on(&database, folder, watching(&url)).await;
    until("all are closed", async || {
        (api.count("succeeded") == 600).then_some(())
    })
    .await;
    let again = windmill.take_asked().len();
    assert!(
        asked + again < 620,
        "few are asked for twice: {asked} + {again}"
    );
}

#[tokio::test]
async fn of_two_servers_one_asks_and_the_other_takes_over() {
    let (windmill, url) = Windmill::start().await;
    let one = Api::start_with(|_| watching(&url)).await;
    let database = one.folder.path().join("test.db");
    let other = Api::on(&database, tempfile::tempdir().unwrap(), watching(&url)).await;
    let jobs: Vec<_> = (0..50).map(|n| windmill.put(ended(json!(n)))).collect();
    one.runs_of(&jobs, Timestamp(0)).await;
    until("all are closed", async || {
        (other.count("succeeded") == 50).then_some(())
    })
    .await;
    let asked = windmill.take_asked();
    let single = asked.iter().filter(|asked| matches!(asked, Asked::Job(_)));
    assert_eq!(single.count(), 50, "each job is asked for by one server");
    let late = windmill.put(Job::default());
    other.runs_of(&[late], Timestamp(0)).await;
    until("it was asked for", async || {
        windmill.asked().contains(&Asked::Job(late)).then_some(())
    })
    .await;
    let _database = one.stop().await;
    windmill.change(late, |job| job.ended = Some(json!("late")));
    assert_eq!(other.closed(&late.to_string()).await["result"], "late");
}
