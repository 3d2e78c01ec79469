//! The log of a run's agent: parts from a worker, put together by the API.
//!
//! Always so: a worker that does not know whether its part arrived sends it again.

use reqwest::Method;
use serde_json::{Value, json};

use crate::api_fixture::Answer;
use crate::log_fixture::text_of;
use crate::protocol_fixture::Project;

async fn project() -> Project {
    let project = Project::new().await;
    project.api.run_with_log("r", "none").await;
    project
}

impl Project {
    async fn append(&self, offset: u64, part: impl Into<reqwest::Body>) -> Answer {
        let path = format!("/codex/runs/r/logs?offset={offset}");
        let request = self.api.request(Method::POST, &path).body(part);
        self.api.send(request).await
    }

    async fn appended(&self, offset: u64, part: &str) -> Value {
        self.append(offset, part.to_owned()).await.expect(200)["next_offset"].clone()
    }

    async fn agent_log(&self) -> String {
        self.api.get("/codex/runs/r/logs?source=agent").await.text
    }
}

#[tokio::test]
async fn parts_become_one_log_and_a_part_counts_once() {
    let project = project().await;
    assert_eq!(project.agent_log().await, "");
    assert_eq!(project.appended(0, "one\n").await, 4);
    assert_eq!(project.appended(0, "one\n").await, 4);
    assert_eq!(project.appended(2, "e\ntw\u{f6}\n").await, 9);
    assert_eq!(project.appended(0, "").await, 9);
    assert_eq!(project.agent_log().await, "one\ntw\u{f6}\n");
    let artifacts = project.api.get("/codex/runs/r/artifacts?kind=log").await;
    let artifact = &artifacts.expect(200)[0];
    assert_eq!(
        (&artifact["name"], &artifact["bytes"]),
        (&json!("agent.log"), &json!(9))
    );
    let content = format!("/codex/runs/r/artifacts/{}/content", artifact["id"]);
    assert_eq!(project.api.get(&content).await.text, "one\ntw\u{f6}\n");
    let tail = project.api.tail("r", 4, "&source=agent").await;
    assert_eq!(
        (&tail["chunk"], &tail["next_offset"]),
        (&json!("tw\u{f6}\n"), &json!(9))
    );
    let end = json!({"status": "succeeded"});
    project
        .api
        .post("/codex/runs/r/finish", &end)
        .await
        .expect(200);
    let stream = project.api.stream("r", "?source=agent", None).await;
    assert_eq!(text_of(&stream), "one\ntw\u{f6}\n");
}

#[tokio::test]
async fn what_would_leave_a_gap_or_is_too_much_is_refused() {
    let project = project().await;
    project.appended(0, "one\n").await;
    let gap = project.append(5, "two").await.expect(409);
    let detail = gap["detail"].as_str().unwrap();
    assert!(detail.ends_with("go on at 4"), "{detail}");
    let large = vec![b'x'; 256 * 1024 + 1];
    project.append(4, large).await.expect(413);
    let path = "/codex/runs/none/logs?offset=0";
    project
        .api
        .send(project.api.request(Method::POST, path))
        .await
        .expect(404);
    let path = "/codex/runs/r/logs?offset=-1";
    project
        .api
        .send(project.api.request(Method::POST, path))
        .await
        .expect(422);
    assert_eq!(project.agent_log().await, "one\n");
}

#[tokio::test]
async fn a_log_takes_no_more_than_its_bound() {
    let project = project().await;
    project.appended(0, "one\n").await;
    let file = project.api.folder.path().join("logs/runs/r.log");
    let file = std::fs::File::options().write(true).open(file).unwrap();
    let bound = 64 * 1024 * 1024;
    file.set_len(bound - 2).unwrap();
    assert_eq!(project.appended(bound - 2, "ab").await, bound);
    project.append(bound, "c").await.expect(413);
}

#[tokio::test]
async fn bytes_that_are_no_characters_keep_their_places() {
    let project = project().await;
    project.append(0, vec![b'a', 0xff, b'b']).await.expect(200);
    assert_eq!(project.agent_log().await, "a?b");
    assert_eq!(project.appended(3, "c").await, 4);
}

#[tokio::test]
async fn many_at_once_who_send_the_same_parts_make_one_log() {
    let project = project().await;
    let senders = (0..8).map(async |_| {
        for part in 0..20_u64 {
            project.appended(part * 3, &format!("{part:02}\n")).await;
        }
    });
    futures_util::future::join_all(senders).await;
    let lines: Vec<String> = (0..20).map(|part| format!("{part:02}\n")).collect();
    assert_eq!(project.agent_log().await, lines.concat());
}
