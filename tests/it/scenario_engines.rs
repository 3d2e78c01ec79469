//! Engines that are not there, and steps that are checked by engines of their own.
//!
//! Always so: no agent that is installed on this machine is started.

use serde_json::{Value, json};

use crate::journey::Journey;
use crate::protocol_fixture::shell_step;

#[tokio::test]
async fn an_engine_that_nobody_knows_fails_its_step_by_name() {
    let step = shell_step("01-work", "work.sh", json!({"engine_id": "abacus"}));
    let journey = Journey::begin(&[("work.sh", "true")], json!([step])).await;
    let round = journey.flow("run_next_step").await;
    assert!(!round.succeeded, "{round:?}");
    let message = round.result["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("the engine abacus is not known: this version has "),
        "{message}"
    );
    assert_eq!(journey.status().await, "blocked");
    let failed = &journey.events_of("step_execution_failed").await[0]["metadata"];
    assert_eq!(failed["error_type"], "UnknownEngine");
    assert_eq!(failed["engine_id"], Value::Null);
    assert!(failed["run_id"].is_string(), "{failed}");
}

#[tokio::test]
async fn an_engine_that_is_not_installed_fails_its_step_with_how_to_get_it_and_runs_once_it_is_there()
 {
    let step = shell_step("01-work", "work.md", json!({"engine_id": "codex"}));
    let codex = tempfile::tempdir().unwrap();
    let program = codex.path().join("codex.sh");
    let variables = [("MILLWRIGHT_CODEX_BIN", program.to_str().unwrap())];
    let files = [("work.md", "Do it.")];
    let journey = Journey::told(&files, json!([step]), &variables).await;
    let round = journey.flow("run_next_step").await;
    let message = round.result["error"]["message"].as_str().unwrap();
    let how = "codex is not installed: run `npm install -g @openai/codex`, or say in MILLWRIGHT_CODEX_BIN where it is";
    assert!(message.contains(how), "{message}");
    let failed = &journey.events_of("step_execution_failed").await[0]["metadata"];
    assert_eq!(failed["error_type"], "EngineNotInstalled");
    assert_eq!(
        (&failed["engine_id"], &failed["model"]),
        (&json!("codex"), &Value::Null)
    );

    let says =
        json!({"type": "item.completed", "item": {"type": "agent_message", "text": "Did it."}});
    let done = json!({"type": "turn.completed", "usage": {"input_tokens": 5, "output_tokens": 2}});
    crate::protocol_fixture::write_script(
        codex.path(),
        "codex.sh",
        &format!("cat > /dev/null; echo '{says}'; echo '{done}'"),
    );
    journey.protocol(&["retry", "2"]).await;
    journey.to_the_end().await;
    assert_eq!(journey.status().await, "completed");
    let completed = &journey.events_of("step_completed").await[0]["metadata"];
    assert_eq!(completed["tokens"]["input"], 5);
    let run = completed["run_id"].as_str().unwrap();
    let run = journey.get(&format!("/codex/runs/{run}")).await;
    assert_eq!(run["cost_tokens"], 7, "{run}");
}

#[tokio::test]
async fn each_step_is_checked_as_its_own_entry_says() {
    let step = |id: &str, qa: Value| shell_step(id, "work.sh", json!({"qa": qa}));
    let by = |prompt: &str| json!({"policy": "full", "engine_id": "shell", "prompt": prompt});
    let steps = json!([
        step("01-not", json!({"policy": "skip"})),
        step(
            "02-at-once",
            json!({"policy": "light", "prompt": "lenient.sh", "gates": ["lint"]})
        ),
        step("03-by-one", by("lenient.sh")),
        step("04-by-another", by("strict.sh")),
    ]);
    let files = [
        ("work.sh", "echo worked"),
        ("lenient.sh", "echo 'fine by me'; echo 'VERDICT: PASS'"),
        ("strict.sh", "echo 'not good enough'; echo 'VERDICT: FAIL'"),
    ];
    let journey = Journey::begin(&files, steps).await;
    let rounds = journey.to_the_end().await;
    assert!(rounds.iter().all(|round| round.succeeded), "{rounds:?}");
    assert_eq!(
        journey.steps().await,
        ["completed", "completed", "completed", "failed"]
    );
    let judged = |events: Vec<Value>| -> Vec<i64> {
        events
            .iter()
            .map(|event| event["step_run_id"].as_i64().unwrap())
            .collect()
    };
    for (event_type, step) in [
        ("qa_skipped_policy", 1),
        ("qa_passed_inline", 2),
        ("qa_passed", 3),
        ("qa_failed", 4),
    ] {
        let events = journey.events_of(event_type).await;
        let metadata = &events[0]["metadata"];
        for key in ["engine_id", "run_id", "job_id", "spec_hash"] {
            assert!(
                metadata[key].is_string(),
                "{event_type} lacks {key}: {metadata}"
            );
        }
        assert!(
            metadata["outputs"]["protocol"].is_string(),
            "{event_type}: {metadata}"
        );
        assert_eq!(judged(events), [step], "{event_type}");
    }
    let version = |event: &Value| event["metadata"]["prompt_versions"]["qa"].clone();
    let passed = version(&journey.events_of("qa_passed").await[0]);
    assert_eq!(
        passed,
        version(&journey.events_of("qa_passed_inline").await[0])
    );
    assert_ne!(passed, version(&journey.events_of("qa_failed").await[0]));
    let report = journey.read(".protocols/0001-demo/quality-report-04-by-another.md");
    assert_eq!(report, "not good enough\nVERDICT: FAIL\n");
}
