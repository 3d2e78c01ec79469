//! A protocol of several engines: programs, the real Codex, and an agent of CodeMachine's kind.
//!
//! Always so: Codex asks a model that is played here, which sees what the steps before it left.

use std::path::Path;

use played_model::Answer::{self, Run, Say};
use played_model::{KEY_VARIABLE, Model, settings_of_codex};
use serde_json::{Value, json};

use crate::journey::Journey;
use crate::protocol_fixture::shell_step;

/// Codex writes a file, judges it, and an agent tells of it.
fn play(question: &Value) -> Answer {
    let input = question["input"].as_array().unwrap();
    let has_run = input.last().unwrap()["type"] == "function_call_output";
    let asked = question["input"].to_string();
    if asked.contains("You judge.") {
        Say("As it is to be.\n\nVERDICT: PASS")
    } else if asked.contains("You write.") && !has_run {
        Run("sleep 1; tr a-z A-Z < seed.txt > loud.txt".to_owned())
    } else if asked.contains("You write.") {
        Say("I wrote loud.txt.")
    } else {
        assert!(asked.contains("You tell of small things."), "{asked}");
        Say("All is told.")
    }
}

fn steps() -> Value {
    json!([
        shell_step("01-seed", "seed.sh", json!({})),
        {
            "id": "02-write", "engine_id": "codex", "model": "played", "prompt_ref": "write.md",
            "qa": {"policy": "full", "prompt": "judge.md", "model": "played"},
        },
        {
            "id": "03-tell", "engine_id": "codemachine", "model": "played", "prompt_ref": "tell.md",
            "inputs": {"agent_id": "tell", "engine_id": "codex", "placeholders": {}},
            "qa": {"policy": "light", "engine_id": "shell", "prompt": "look.sh"},
        },
        shell_step("04-end", "end.sh", json!({})),
    ])
}

#[tokio::test]
#[ignore = "needs the agents: make test-agents"]
async fn programs_codex_and_an_agent_of_codemachine_share_one_protocol() {
    let model = Model::playing(play).unwrap();
    let home = tempfile::tempdir().unwrap();
    let settings = settings_of_codex(&model.url(), 0);
    std::fs::write(home.path().join("config.toml"), settings).unwrap();
    let agents = std::env::var("MILLWRIGHT_TEST_AGENTS").expect("`make test-agents` says where");
    let codex = Path::new(&agents).join(".bin/codex");
    let variables = [
        ("MILLWRIGHT_CODEX_BIN", codex.to_str().unwrap()),
        ("CODEX_HOME", home.path().to_str().unwrap()),
        (KEY_VARIABLE, "key-of-the-stub-4711"),
    ];
    let files = [
        ("seed.sh", "echo small > seed.txt; echo seeded"),
        ("write.md", "You write. Say the seed loudly."),
        ("judge.md", "You judge."),
        ("tell.md", "You tell of small things."),
        (
            "look.sh",
            "grep -q told \"$MILLWRIGHT_OUTPUT\" && echo 'VERDICT: PASS'",
        ),
        ("end.sh", "cat loud.txt"),
    ];
    let journey = Journey::told(&files, steps(), &variables).await;
    let rounds = journey.to_the_end().await;
    assert!(rounds.iter().all(|round| round.succeeded), "{rounds:#?}");
    assert_eq!(journey.status().await, "completed");
    let output = |name: &str| journey.read(&format!(".protocols/0001-demo/{name}"));
    assert_eq!(output("outputs/04-end.md"), "SMALL\n");
    assert_eq!(output("outputs/02-write.md"), "I wrote loud.txt.");
    assert_eq!(output("03-tell.md"), "All is told.");
    assert_eq!(output("aux/codemachine/tell.md"), "All is told.");

    let completed = journey.events_of("step_completed").await;
    let engines: Vec<&Value> = completed
        .iter()
        .map(|event| &event["metadata"]["engine_id"])
        .collect();
    assert_eq!(engines, ["shell", "codex", "codemachine", "shell"]);
    let judged = &journey.events_of("qa_passed").await[0];
    for (event, input) in [(&completed[1], 22), (judged, 11), (&completed[2], 11)] {
        let metadata = &event["metadata"];
        assert_eq!(metadata["model"], "played");
        assert_eq!(metadata["tokens"]["input"], input, "{event}");
        assert!(
            metadata["job_id"].is_string() && metadata["outputs"]["protocol"].is_string(),
            "{event}"
        );
    }
    let run = judged["metadata"]["run_id"].as_str().unwrap();
    assert_eq!(completed[1]["metadata"]["run_id"], run);
    let run = journey.get(&format!("/codex/runs/{run}")).await;
    // Two calls of the model to write and one to judge, 18 tokens each.
    assert_eq!(
        (&run["status"], &run["cost_tokens"]),
        (&json!("succeeded"), &json!(54))
    );
    let agents = journey.events_of("codemachine_step_completed").await;
    assert_eq!(agents[0]["step_run_id"], 3);
}
