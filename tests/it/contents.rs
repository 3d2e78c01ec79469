//! `GET …/artifacts/{id}/content`: what jobs yielded, and files.
//!
//! Always so: what a job yielded is passed on as the job's server tells it.

use std::fs;

use serde_json::{Value, json};

use crate::api_fixture::{Answer, Api};
use crate::log_fixture::MillJob;
use crate::windmill_double::{Job, Windmill};

/// The paths of a job's result and error, as artifacts of a run.
async fn yields(api: &Api, job: impl std::fmt::Display) -> [String; 2] {
    let run_id = format!("run-{job}");
    api.run_with_log(&run_id, "a.log").await;
    let mut paths = ["result", "error"].map(|name| format!("windmill://job/{job}/{name}"));
    for path in &mut paths {
        *path = api.artifact(&run_id, &path.clone(), path).await;
    }
    paths
}

#[tokio::test]
async fn before_its_end_a_job_has_nothing_and_its_state_is_told() {
    let (windmill, url) = Windmill::start().await;
    let api = Api::with(Some(&url)).await;
    for (running, state) in [(false, "queued"), (true, "running")] {
        let said = json!({"running": running});
        let job = windmill.put(Job {
            said,
            ..Job::default()
        });
        for path in yields(&api, job).await {
            let nothing = api.get(&path).await.expect(404);
            assert_eq!(nothing["job"], json!({"id": job, "state": state}));
            let detail = nothing["detail"].as_str().unwrap();
            assert!(detail.contains(&format!("is {state}")), "{detail}");
        }
    }
}

#[tokio::test]
async fn a_result_of_any_shape_is_json_and_only_a_bad_end_has_an_error() {
    let (windmill, url) = Windmill::start().await;
    let api = Api::with(Some(&url)).await;
    let error = json!({"name": "ExecutionErr", "message": "no"});
    let rounds = json!([{"error": error}, 1]);
    let cases = [
        (json!({"n": 1}), json!({}), "succeeded", None),
        (json!([1, 2]), json!({}), "succeeded", None),
        (json!("text"), json!({}), "succeeded", None),
        (Value::Null, json!({}), "succeeded", None),
        (json!(1), json!({"is_skipped": true}), "skipped", None),
        (
            json!({"error": error}),
            json!({"success": false}),
            "",
            Some(error),
        ),
        (rounds.clone(), json!({"success": false}), "", Some(rounds)),
    ];
    for (result, said, state, error) in cases {
        let job = windmill.put(Job {
            ended: Some(result.clone()),
            failed: state != "succeeded",
            said,
            ..Job::default()
        });
        let [result_path, error_path] = yields(&api, job).await;
        let answer = api.get(&result_path).await;
        assert_eq!(answer.headers["content-type"], "application/json");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert_eq!(answer.expect(200), result);
        let answer = api.get(&error_path).await;
        match error {
            Some(error) => assert_eq!(answer.expect(200), error),
            None => assert_eq!(answer.expect(404)["job"]["state"], state),
        }
    }
}

#[tokio::test]
async fn a_job_of_the_mill_is_read_the_same_way() {
    let api = Api::with(None).await;
    let job = MillJob::new();
    job.begin(&api).await;
    let [result, error] = yields(&api, job.id).await;
    assert_eq!(
        api.get(&result).await.expect(404)["job"]["state"],
        "running"
    );
    job.end(&api, true, json!(["x"])).await;
    assert_eq!(api.get(&result).await.expect(200), json!(["x"]));
    assert_eq!(
        api.get(&error).await.expect(404)["job"]["state"],
        "succeeded"
    );
}

fn is_cut(answer: &Answer) -> bool {
    answer
        .headers
        .get("x-content-truncated")
        .is_some_and(|cut| cut == "true")
}

#[tokio::test]
async fn a_content_is_bounded_where_that_is_wanted_and_no_character_is_split() {
    let (windmill, url) = Windmill::start().await;
    let api = Api::with(Some(&url)).await;
    let long = "\u{e9}".repeat(3_000_000);
    let job = windmill.put(Job {
        ended: Some(json!(long)),
        ..Job::default()
    });
    let [path, _] = yields(&api, job).await;
    let whole = api.get(&path).await;
    assert_eq!((whole.text.len(), is_cut(&whole)), (6_000_002, false));
    let begin = api.get(&format!("{path}?max_bytes=1024")).await;
    assert_eq!((begin.text.len(), is_cut(&begin)), (1023, true));
    assert!(whole.text.starts_with(&begin.text));
    let most = api.get(&format!("{path}?max_bytes=6000002")).await;
    assert!(most.text == whole.text && !is_cut(&most));
    for name in ["a.txt", "a.bin"] {
        fs::write(api.folder.path().join(name), &long[..1400]).unwrap();
        let path = api.artifact(&format!("run-{job}"), name, name).await;
        let begin = api.get(&format!("{path}?max_bytes=1024")).await;
        assert_eq!((begin.text.len(), is_cut(&begin)), (1024, true), "{name}");
    }
    api.get(&format!("{path}?max_bytes=9")).await.expect(422);
    api.get(&format!("{path}?max_bytes=16777217"))
        .await
        .expect(422);
}

#[tokio::test]
async fn a_job_that_is_gone_is_said_to_be() {
    let (windmill, url) = Windmill::start().await;
    let api = Api::with(Some(&url)).await;
    let job = windmill.put(Job::default());
    windmill.delete(job);
    for path in yields(&api, job).await {
        let gone = api.get(&path).await.expect(404);
        assert_eq!(gone["detail"], format!("job {job} not found"));
    }
}
