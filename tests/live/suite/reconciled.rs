//! Runs end as their jobs on the server do, without being asked for; flows that did not register are found.
//!
//! Always so: how a run stands is read from the list, which asks the server nothing.

use millwright::windmill::ItemKind;
use millwright_core::refs::JobId;
use serde_json::{Value, json};

use super::Live;
use super::api::Api;
use super::run::{bash, flow};

tests![
    runs_end_as_their_jobs_do,
    a_flow_that_did_not_register_is_backfilled,
];

impl Api<'_> {
    /// A run, once the list says that it has ended.
    async fn closed(&self, live: &Live, run_id: &str) -> Value {
        live.until(&format!("the run {run_id} is closed"), async || {
            let runs = self.get("/codex/runs?limit=500").await;
            let mut runs = runs.as_array().unwrap().iter();
            let run = runs.find(|run| run["run_id"] == run_id);
            run.filter(|run| run["status"] != "running").cloned()
        })
        .await
    }
}

/// A time to the second, however it is spelled.
fn second(time: &Value) -> &str {
    &time.as_str().unwrap()[.."2026-11-21T10:26:34".len()]
}

async fn runs_end_as_their_jobs_do(live: &Live) {
    let folder = live.make_folder("ends").await;
    let api = Api::serve(live, "127.0.0.1");
    let object = "echo said; echo '{\"n\": 1}' > result.json";
    let rounds = json!({"id": "l", "value": {"type": "forloopflow", "skip_failures": false,
        "iterator": {"type": "static", "value": [1, 2]}, "modules": [bash("x", "echo round")]}});
    let cases = [
        ("object", bash("a", object), "succeeded", json!({"n": 1})),
        ("rounds", rounds, "succeeded", json!(["round", "round"])),
        (
            "fails",
            bash("a", "echo why; exit 3"),
            "failed",
            Value::Null,
        ),
        (
            "waits",
            bash("a", "echo begun; sleep 120"),
            "cancelled",
            Value::Null,
        ),
    ];
    for (name, step, status, result) in cases {
        let path = live.flow(&folder, name, &flow(&[step])).await;
        let job = live.begin(ItemKind::Flow, &path).await;
        api.register(name, job, &["windmill.flow.logs", "windmill.flow.result"])
            .await;
        if status == "cancelled" {
            live.client.cancel(job, "the test wants it").await.unwrap();
        }
        let run = api.closed(live, name).await;
        let ended = live.ended(job).await;
        assert_eq!(
            (&run["status"], &run["result"]),
            (&json!(status), &result),
            "{name}"
        );
        assert_eq!(run["error"].is_null(), status == "succeeded", "{name}");
        assert_eq!(
            second(&run["finished_at"]),
            second(&ended["completed_at"]),
            "{name}"
        );
    }
}

async fn a_flow_that_did_not_register_is_backfilled(live: &Live) {
    let folder = live.make_folder("missed").await;
    let api = Api::serve(live, "127.0.0.1");
    let mut emit = bash("tgz_emit_refs", "echo no API; exit 1");
    emit["continue_on_error"] = json!(true);
    let steps = flow(&[emit, bash("a", "echo done")]);
    let path = live.flow(&folder, "run_next_step", &steps).await;
    let job: JobId = live.begin(ItemKind::Flow, &path).await;
    live.ended(job).await;
    let backfill = async || {
        let arguments = ["runs", "--json", "backfill", "--from-windmill"];
        let more = ["--since", "1h", "--folder", &folder];
        let said = api.ends(0, &[&arguments[..], &more].concat()).await;
        serde_json::from_str::<Value>(&said.stdout).unwrap()
    };
    let told = backfill().await;
    assert_eq!(told["registered"][0]["job_id"], json!(job), "{told}");
    let run_id = told["registered"][0]["run_id"].as_str().unwrap();
    let run = api.closed(live, run_id).await;
    assert_eq!(
        (&run["status"], &run["result"]),
        (&json!("succeeded"), &json!("done"))
    );
    let told = backfill().await;
    assert_eq!(
        (&told["registered"], &told["known"]),
        (&json!([]), &json!(1))
    );
}
