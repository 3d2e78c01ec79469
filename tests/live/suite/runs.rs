//! `millwright runs`: the refs API tells of jobs on the server as they stand, whole and as they go on.
//!
//! Always so: what is registered are references alone; the rest is read from the server.

use millwright::windmill::ItemKind;
use serde_json::{Value, json};

use super::Live;
use super::api::Api;
use super::run::{bash, flow};

tests![
    the_run_of_a_script_is_told_from_references,
    the_run_of_a_flow_follows_the_flow,
    a_cancelled_job_is_a_cancelled_run,
];

async fn the_run_of_a_script_is_told_from_references(live: &Live) {
    let folder = live.make_folder("refs").await;
    let text = "echo 'first ü'\nsleep 2\necho last\necho '{\"n\": 7}' > result.json\n";
    let path = live.script(&folder, "says", text).await;
    let job = live.begin(ItemKind::Script, &path).await;
    let api = Api::serve(live, "127.0.0.1");
    api.register("says", job, &["windmill.result"]).await;
    let followed = api.ends(0, &["runs", "logs", "says", "-f"]).await;
    for line in ["first ü", "last"] {
        assert!(
            followed.stdout.contains(line),
            "{line} in {}",
            followed.stdout
        );
    }
    assert!(
        followed.stderr.contains("the run has succeeded"),
        "{}",
        followed.stderr
    );
    let whole = api.ends(0, &["runs", "logs", "says"]).await.stdout;
    assert_eq!(whole.trim_end(), followed.stdout.trim_end());
    let shown = api
        .ends(0, &["runs", "show", "says", "--json"])
        .await
        .stdout;
    let run: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(
        (&run["status"], &run["result"]),
        (&json!("succeeded"), &json!({"n": 7})),
        "{run}"
    );
    let content = ["runs", "artifacts", "says", "--content", "windmill.result"];
    let content = api.ends(0, &content).await.stdout;
    assert_eq!(
        serde_json::from_str::<Value>(&content).unwrap(),
        json!({"n": 7})
    );
}

async fn the_run_of_a_flow_follows_the_flow(live: &Live) {
    let folder = live.make_folder("story").await;
    let rounds = json!({"id": "l", "value": {"type": "forloopflow", "skip_failures": false, "parallel": true,
        "iterator": {"type": "static", "value": [1, 2]}, "modules": [bash("x", "echo in a round"), bash("y", "echo y")]}});
    let story = flow(&[bash("a", "echo at first"), rounds, bash("z", "exit 4")]);
    let path = live.flow(&folder, "story", &story).await;
    let job = live.begin(ItemKind::Flow, &path).await;
    let api = Api::serve(live, "127.0.0.1");
    let artifacts = ["logs", "result", "error"].map(|name| format!("windmill.flow.{name}"));
    let artifacts = artifacts.each_ref().map(String::as_str);
    api.register("story", job, &artifacts).await;
    let followed = api.ends(1, &["runs", "logs", "story", "-f"]).await;
    assert!(followed.stdout.contains("at first"), "{}", followed.stdout);
    assert_eq!(
        followed.stdout.matches("in a round").count(),
        2,
        "{}",
        followed.stdout
    );
    let run = api.get("/codex/runs/story").await;
    assert_eq!(run["status"], "failed", "{run}");
    assert!(run["error"].is_object(), "{run}");
}

async fn a_cancelled_job_is_a_cancelled_run(live: &Live) {
    let folder = live.make_folder("cancel").await;
    let path = live.script(&folder, "waits", "sleep 120\n").await;
    let job = live.begin(ItemKind::Script, &path).await;
    let api = Api::serve(live, "127.0.0.1");
    api.register("waits", job, &[]).await;
    live.until("the job runs", async || {
        let found = live.client.job(job).await.unwrap();
        (found["running"] == true).then_some(())
    })
    .await;
    live.client
        .cancel(job, "the test wants it so")
        .await
        .unwrap();
    live.ended(job).await;
    assert_eq!(api.get("/codex/runs/waits").await["status"], "cancelled");
}
