//! Logs that are files: whole, in parts, and as they come.
//!
//! Always so: a log is read through the API, as its reader would.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use futures_util::StreamExt;
use millwright::server::ServerOptions;
use reqwest::Method;
use serde_json::json;

use crate::api_fixture::Api;
use crate::log_fixture::text_of;

#[tokio::test]
async fn files_are_read_below_a_log_root_alone() {
    let api = Api::with(None).await;
    let root = api.folder.path();
    fs::write(root.join("here.log"), "hello\n").unwrap();
    symlink("/etc/passwd", root.join("link.log")).unwrap();
    api.run_with_log("here", "here.log").await;
    assert_eq!(api.get("/codex/runs/here/logs").await.text, "hello\n");
    for (run_id, path) in [
        ("passwd", "/etc/passwd"),
        ("link", "link.log"),
        ("up", "../../../../../../etc/passwd"),
        (
            "around",
            &root.join("../../etc/passwd").display().to_string(),
        ),
    ] {
        api.run_with_log(run_id, path).await;
        for part in ["", "/tail", "/stream"] {
            let answer = api.get(&format!("/codex/runs/{run_id}/logs{part}")).await;
            assert!(!answer.text.contains("root:"), "{path}");
            answer.expect(404);
        }
        let content = api.artifact(run_id, "a", path).await;
        api.get(&content).await.expect(404);
    }
}

#[tokio::test]
async fn an_artifacts_file_is_what_its_name_says() {
    let api = Api::with(None).await;
    fs::write(api.folder.path().join("report.json"), "{\"a\":1}").unwrap();
    fs::write(api.folder.path().join("page.html"), "<script>").unwrap();
    api.run_with_log("r", "none").await;
    let report = api.artifact("r", "report", "report.json").await;
    assert_eq!(api.get(&report).await.expect(200), json!({"a": 1}));
    let page = api.artifact("r", "page", "page.html").await;
    let page = api.get(&page).await;
    assert_eq!(page.headers["content-type"], "application/octet-stream");
    let missing = api.artifact("r", "missing", "none.txt").await;
    api.get(&missing).await.expect(404);
}

#[tokio::test]
async fn a_file_is_followed_to_the_runs_end_and_resumed() {
    let api = Api::with(None).await;
    let path = api.folder.path().join("live.log");
    fs::write(&path, "one\n").unwrap();
    api.run_with_log("r", "live.log").await;
    let writing = async {
        // The reader has the first line before the second is there, and that before the run ends.
        let mut stream = api
            .request(Method::GET, "/codex/runs/r/logs/stream")
            .send()
            .await
            .unwrap()
            .bytes_stream();
        let first = stream.next().await.unwrap().unwrap();
        assert!(String::from_utf8_lossy(&first).contains("one"));
        fs::write(&path, "one\ntw\u{f6}\n").unwrap();
        let second = stream.next().await.unwrap().unwrap();
        assert!(String::from_utf8_lossy(&second).contains("tw\u{f6}"));
    };
    tokio::time::timeout(Duration::from_secs(10), writing)
        .await
        .unwrap();
    api.post("/codex/runs/r/finish", &json!({"status": "failed"}))
        .await
        .expect(200);
    let whole = api.stream("r", "", None).await;
    assert_eq!(text_of(&whole), "one\ntw\u{f6}\n");
    assert_eq!(whole.last().unwrap().event, "end");
    assert_eq!(
        whole.last().unwrap().data,
        json!({"run_id": "r", "status": "failed"})
    );
    assert_eq!(whole[0].id, Some(9));
    for (more, last_event_id) in [
        ("?offset=4", None),
        ("", Some(4)),
        ("?offset=0", Some(4)),
        ("?offset=7", None),
    ] {
        let resumed = api.stream("r", more, last_event_id).await;
        let expected = if more == "?offset=7" {
            "\u{f6}\n"
        } else {
            "tw\u{f6}\n"
        };
        assert_eq!(text_of(&resumed), expected, "{more} {last_event_id:?}");
    }
}

#[tokio::test]
async fn a_quiet_stream_is_kept_alive_and_ends_with_the_server() {
    let api = Api::start_with(|_| ServerOptions {
        keep_alive: Some(Duration::from_millis(20)),
        ..ServerOptions::default()
    })
    .await;
    api.run_with_log("r", "none.log").await;
    let mut stream = api
        .request(Method::GET, "/codex/runs/r/logs/stream")
        .send()
        .await
        .unwrap()
        .bytes_stream();
    let alive = stream.next().await.unwrap().unwrap();
    assert_eq!(alive, ": keep-alive\n\n");
    api.app.closing.cancel();
    let rest = tokio::time::timeout(Duration::from_secs(5), stream.collect::<Vec<_>>())
        .await
        .unwrap();
    assert!(
        rest.iter()
            .flatten()
            .all(|part| !part.starts_with(b"event: end"))
    );
}
