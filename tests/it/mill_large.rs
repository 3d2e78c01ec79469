//! Flows that are long or deep.
//!
//! Always so: what is too much is said before anything runs, and nothing overflows.

use millwright::mill::MillError;
use millwright_core::openflow::Flow;
use serde_json::{Map, Value, json};

use crate::mill_fixture::{Fixture, bash, flow, run};
use crate::mill_routes::get_json;

fn identity(id: &str) -> Value {
    json!({"id": id, "value": {"type": "identity"}})
}

/// A step so many levels deep in branches.
fn deep(levels: usize) -> Value {
    (1..levels).fold(identity("s0"), |inner, level| {
        json!({"id": format!("s{level}"), "value": {"type": "branchone", "branches": [], "default": [inner]}})
    })
}

#[tokio::test]
async fn a_flow_of_many_steps_runs_and_its_end_is_whole() {
    let fixture = Fixture::new();
    let mill = fixture.mill().await;
    let steps: Vec<Value> = (0..1500)
        .map(|number| identity(&format!("s{number}")))
        .collect();
    let started = mill
        .run_flow(None, flow(&json!({"modules": steps})), Map::new())
        .await
        .unwrap();
    let job = started.job;
    assert!(started.wait().await.unwrap().success);
    let shown = get_json(&mill.routes(), &format!("jobs_u/get/{job}")).await;
    let modules = shown["flow_status"]["modules"].as_array().unwrap();
    assert_eq!(modules.len(), 1500);
    assert!(modules.iter().all(|step| step["type"] == "Success"));
}

#[tokio::test]
async fn steps_as_deep_as_a_text_may_hold_run() {
    let fixture = Fixture::new();
    let mill = fixture.mill().await;
    let text = json!({"value": {"modules": [deep(30)]}}).to_string();
    let flow = Flow::from_json(&text).unwrap();
    let started = mill.run_flow(None, flow, Map::new()).await.unwrap();
    assert!(started.wait().await.unwrap().success);
}

#[tokio::test]
async fn flows_inside_flows_count_as_levels() {
    let fixture = Fixture::new();
    let mill = fixture.mill().await;
    let chain = |number: usize| {
        let next =
            json!({"type": "flow", "path": format!("f/x/n{}", number + 1), "input_transforms": {}});
        json!({"value": {"modules": [{"id": "s", "value": next}]}})
    };
    for number in 0..100 {
        fixture.flow(&format!("f/x/n{number}"), &chain(number));
    }
    fixture.flow("f/x/n100", &json!({"value": {"modules": []}}));
    let refused = mill.run_flow_at("f/x/n0", Map::new()).await.unwrap_err();
    assert!(refused.to_string().contains("levels deep"), "{refused}");
    let end = mill.run_flow_at("f/x/n70", Map::new()).await.unwrap();
    assert!(end.wait().await.unwrap().success);
}

#[test]
fn text_that_is_too_deep_is_no_flow() {
    let error =
        Flow::from_json(&json!({"value": {"modules": [deep(200)]}}).to_string()).unwrap_err();
    assert!(error.to_string().contains("recursion limit"), "{error}");
}

#[tokio::test]
async fn a_result_that_is_too_large_says_so() {
    let fixture = Fixture::new();
    let mill = fixture.mill().await;
    let text = "truncate -s 100M result.json";
    let end = run(&mill, &json!({"modules": [bash("a", text)]}), &json!({})).await;
    let message = end.result["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("104857600 bytes, and a result at most 64 MiB"),
        "{message}"
    );
}

#[tokio::test]
async fn a_flow_that_leads_back_to_itself_is_refused() {
    let fixture = Fixture::new();
    let mill = fixture.mill().await;
    let again = json!({"type": "flow", "path": "f/x/again", "input_transforms": {}});
    fixture.flow(
        "f/x/again",
        &json!({"value": {"modules": [{"id": "s", "value": again}]}}),
    );
    let error = mill.run_flow_at("f/x/again", Map::new()).await.unwrap_err();
    assert!(matches!(error, MillError::Refused(_)), "{error}");
}
