//! What each part of the builder becomes in OpenFlow.
//!
//! Always so: arguments stand inside a module's `value`, where Windmill reads them.

use serde_json::{Value, json};

use crate::catalog::scripts::protocol_select_next_step as select;
use crate::catalog::{Body, FlowBuilder, ForEach};

fn first_module(build: impl FnOnce(&mut Body)) -> Value {
    let mut flow = FlowBuilder::new("f/test/flow", "A flow", "A flow.");
    build(flow.body());
    let definition = flow.build().unwrap();
    definition.flow.to_value()["value"]["modules"][0].clone()
}

#[test]
fn a_step_with_all_that_can_be_said_of_it() {
    let module = first_module(|body| {
        let step = select::call(1).all(true).step();
        let step = step
            .summary("Claims")
            .retry(2, 5)
            .timeout(9)
            .continue_on_error();
        let step = step.fail_after_if("nothing came of it", |_| crate::catalog::Expr::fixed(&true));
        body.step("claim", step.skip_if(false));
    });
    assert_eq!(
        module,
        json!({
            "id": "claim",
            "summary": "Claims",
            "value": {
                "type": "script",
                "path": "u/devgodzilla/protocol_select_next_step",
                "input_transforms": {
                    "protocol_run_id": {"type": "static", "value": 1},
                    "all": {"type": "static", "value": true},
                },
            },
            "skip_if": {"expr": "false"},
            "stop_after_if": {"expr": "true", "skip_if_stopped": false, "error_message": "nothing came of it"},
            "retry": {"constant": {"attempts": 2, "seconds": 5}},
            "continue_on_error": true,
            "timeout": {"type": "static", "value": 9},
        })
    );
}

#[test]
fn loops_say_how_their_rounds_run() {
    let module = first_module(|body| {
        let each = ForEach::of(vec![1, 2], "Each").at_most(2).skip_failures();
        body.for_each("each", each, |body, number| {
            body.step("one", select::call(number))
        });
    });
    let value = &module["value"];
    assert_eq!(value["type"], "forloopflow");
    assert_eq!(
        value["iterator"],
        json!({"type": "static", "value": [1, 2]})
    );
    assert_eq!(value["parallelism"], json!({"type": "static", "value": 2}));
    assert_eq!([&value["parallel"], &value["skip_failures"]], [true, true]);
    let argument = &value["modules"][0]["value"]["input_transforms"]["protocol_run_id"];
    assert_eq!(argument["expr"], "flow_input.iter.value");
}

#[test]
fn branches_side_by_side_are_parallel() {
    let module = first_module(|body| {
        body.side_by_side("both", "Both", |branches| {
            for number in [1, 2] {
                branches.branch("One", |body| {
                    body.step(&format!("claim_{number}"), select::call(number));
                });
            }
        });
    });
    assert_eq!(module["value"]["type"], "branchall");
    assert_eq!(module["value"]["parallel"], true);
    assert_eq!(
        module["value"]["branches"][1]["modules"][0]["id"],
        "claim_2"
    );
}
