//! Flows that run on the server.
//!
//! Always so: a flow is made by the test in a folder of its own.

use millwright::windmill::ItemKind;
use serde_json::{Map, json};

use super::Live;

tests![a_flow_runs_as_it_was_made];

async fn a_flow_runs_as_it_was_made(live: &Live) {
    let folder = live.make_folder("run").await;
    let flow = json!({"value": {"modules": [{"id": "a", "value": {"type": "rawscript", "language": "bash",
        "content": "echo hello", "input_transforms": {}}}]}});
    let path = live.flow(&folder, "hello", &flow).await;
    let job = live.client.run(ItemKind::Flow, &path, &Map::new()).await;
    let ended = live.ended(job.unwrap()).await;
    assert_eq!(
        (&ended["success"], &ended["result"]),
        (&json!(true), &json!("hello")),
        "{ended}"
    );
}
