//! The builder, tested through its public interface: what it refuses, and that what it lets pass is in scope.
//!
//! Always so: scope is judged here by reading the finished flow's text, not by the builder's own book-keeping.

use std::cell::RefCell;

use proptest::prelude::*;
use serde_json::Value;

use crate::catalog::scripts::protocol_select_next_step as select;
use crate::catalog::{
    Body, BuildError, Done, Expr, FlowBuilder, FlowDefinition, ForEach, flows, scripts,
};
use crate::openflow::{Module, ModuleValue};

fn flow() -> FlowBuilder {
    FlowBuilder::new("f/test/flow", "A flow", "A flow.")
}

fn step_run_id(done: &Done<select::Output>) -> Expr<i64> {
    done.get(select::Output::step_run_id).or(0)
}

fn error_of(build: impl FnOnce(&mut Body)) -> BuildError {
    let mut flow = flow();
    build(flow.body());
    flow.build().unwrap_err()
}

#[test]
fn ids_are_checked() {
    let twice = error_of(|body| {
        body.step("a", select::call(1));
        body.choose("b", "", |branches| {
            branches.otherwise(|body| {
                body.step("a", select::call(1));
            });
        });
    });
    assert_eq!(twice, BuildError::IdTaken("a".to_owned()));
    for bad in ["", "a-b", "a.b", "1a", "failure", "preprocessor"] {
        let error = error_of(|body| {
            body.step(bad, select::call(1));
        });
        assert_eq!(error, BuildError::BadId(bad.to_owned()));
    }
}

#[test]
fn a_step_inside_a_branch_cannot_be_read_from_outside() {
    let error = error_of(|body| {
        let mut inside = None;
        body.choose("choice", "", |branches| {
            branches.otherwise(|body| inside = Some(body.step("inside", select::call(1))));
        });
        body.step("outside", select::call(step_run_id(&inside.unwrap())));
    });
    assert_eq!(
        error.to_string(),
        "step \"outside\" reads the result of \"inside\", which does not come before it in the flow, its branch or its loop"
    );
}

#[test]
fn the_step_right_before_a_while_loop_cannot_be_read_in_it() {
    let error = error_of(|body| {
        let before = body.step("before", select::call(1));
        body.repeat("again", "", |body, _| {
            body.step("inside", select::call(step_run_id(&before)))
        });
    });
    assert!(
        matches!(error, BuildError::ChangesMeaning { .. }),
        "{error}"
    );
}

#[test]
fn a_round_is_seen_only_directly_inside_its_loop() {
    let error = error_of(|body| {
        body.repeat("outer", "", |body, number| {
            body.repeat("inner", "", |body, _| body.step("a", select::call(number)));
            body.step("b", select::call(1))
        });
    });
    assert!(matches!(error, BuildError::NotInRound { .. }), "{error}");
}

#[test]
fn inputs_are_checked() {
    for (names, expected) in [
        (["a b", "c"], BuildError::BadInput("a b".to_owned())),
        (["iter", "c"], BuildError::BadInput("iter".to_owned())),
        (["a", "a"], BuildError::InputTaken("a".to_owned())),
    ] {
        let mut flow = flow();
        for name in names {
            flow.input::<i64>(name, "").required();
        }
        assert_eq!(flow.build().unwrap_err(), expected);
    }
}

#[test]
fn what_belongs_to_another_flow_is_refused() {
    let foreign = flow().input::<i64>("elsewhere", "").required();
    let error = error_of(|body| {
        body.step("a", select::call(foreign));
    });
    assert!(matches!(error, BuildError::UnknownInput { .. }), "{error}");
}

#[test]
fn a_result_cannot_leave_the_condition_that_was_given_it() {
    let error = error_of(|body| {
        let mut kept = None;
        let step = select::call(1).step().stop_after_if(|own| {
            kept = Some(own.get(select::Output::step_run_id).or(0));
            own.get(select::Output::steps).is_empty()
        });
        body.step("a", step);
        body.step("b", select::call(kept.unwrap()));
    });
    assert!(matches!(error, BuildError::OutOfPlace { .. }), "{error}");
}

#[test]
fn every_flow_of_ours_reads_only_what_is_there() {
    for flow in flows::all().unwrap() {
        assert_eq!(out_of_scope(&flow), Vec::<String>::new(), "{}", flow.path);
    }
}

#[test]
fn every_flow_of_ours_gives_its_scripts_what_they_take() {
    let scripts = scripts::all();
    for flow in flows::all().unwrap() {
        flow.flow.value.walk("", &mut |_, module| {
            let ModuleValue::Script(step) = &module.value else {
                return;
            };
            let script = scripts.iter().find(|script| script.path == step.path);
            let known = script.expect(&step.path).arguments;
            for given in step.input_transforms.keys() {
                assert!(known.iter().any(|one| one.name == given), "{given}");
            }
            for required in known.iter().filter(|one| one.required) {
                assert!(step.input_transforms.contains_key(required.name));
            }
        });
    }
}

/// Every `results.x` in the flow's text that names no step before it, as `reader: read`.
fn out_of_scope(flow: &FlowDefinition) -> Vec<String> {
    let mut found = Vec::new();
    scan(&flow.flow.value.modules, &mut Vec::new(), &mut found);
    found
}

fn scan(modules: &[Module], before: &mut Vec<String>, found: &mut Vec<String>) {
    let outside = before.len();
    for module in modules {
        for read in reads_of(module) {
            if !before.contains(&read) {
                found.push(format!("{}: {read}", module.id));
            }
        }
        for (_, inner) in module.value.bodies() {
            scan(inner, before, found);
        }
        before.push(module.id.clone());
    }
    before.truncate(outside);
}

/// The steps that a module itself reads, found in its text without the steps inside of it.
fn reads_of(module: &Module) -> Vec<String> {
    let mut texts = vec![
        serde_json::to_string(&module.skip_if.as_ref().map(|one| &one.expr)).unwrap(),
        serde_json::to_string(&module.stop_after_if.as_ref().map(|one| &one.expr)).unwrap(),
    ];
    match &module.value {
        ModuleValue::BranchOne(choice) => {
            texts.extend(choice.branches.iter().map(|branch| branch.expr.clone()));
        }
        ModuleValue::ForLoop(each) => texts.push(format!("{:?}", each.iterator)),
        ModuleValue::Script(script) => texts.push(format!("{:?}", script.input_transforms)),
        _ => {}
    }
    let name = |text: &str| -> String {
        let part = text.chars();
        part.take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect()
    };
    let reads = texts.iter().flat_map(|text| text.split("results.").skip(1));
    reads.map(name).collect()
}

/// A flow to build: each step may read any step that was ever made, in scope or not.
#[derive(Debug, Clone)]
enum Plan {
    Step(Option<usize>),
    Choice(Vec<Self>),
    ForEach(Vec<Self>),
}

fn any_plan() -> impl Strategy<Value = Vec<Plan>> {
    let step = prop::option::of(0..8usize).prop_map(Plan::Step);
    let tree = step.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Plan::Choice),
            prop::collection::vec(inner, 1..4).prop_map(Plan::ForEach),
        ]
    });
    prop::collection::vec(tree, 1..6)
}

type Made = RefCell<Vec<Done<select::Output>>>;

fn build(body: &mut Body, plan: &[Plan], made: &Made, next: &mut usize) {
    for part in plan {
        *next += 1;
        let id = format!("m{next}");
        match part {
            Plan::Step(read) => {
                let known = made.borrow();
                let read = read.filter(|_| !known.is_empty());
                let call = match read {
                    Some(index) => select::call(step_run_id(&known[index % known.len()])),
                    None => select::call(1),
                };
                drop(known);
                let done = body.step(&id, call);
                made.borrow_mut().push(done);
            }
            Plan::Choice(inner) => {
                body.choose(&id, "", |branches| {
                    branches.otherwise(|body| build(body, inner, made, next));
                });
            }
            Plan::ForEach(inner) => {
                let list = Expr::fixed(&vec![1, 2]);
                body.for_each(&id, ForEach::of(list, ""), |body, _: Expr<i64>| {
                    build(body, inner, made, next);
                    *next += 1;
                    body.step(&format!("m{next}"), select::call(1))
                });
            }
        }
    }
}

proptest! {
    #[test]
    fn what_is_built_reads_only_what_is_there(plan in any_plan()) {
        let mut flow = flow();
        build(flow.body(), &plan, &Made::default(), &mut 0);
        let unchecked = FlowDefinition {
            path: flow.path.clone(),
            flow: crate::openflow::Flow {
                value: crate::openflow::FlowValue {
                    modules: flow.body.modules.clone(),
                    ..Default::default()
                },
                ..Default::default()
            },
        };
        let judged = out_of_scope(&unchecked);
        prop_assert_eq!(flow.build().is_ok(), judged.is_empty(), "{:?}", judged);
    }

    #[test]
    fn a_value_is_never_code(text in "\\PC{0,40}") {
        let mut flow = flow();
        let name = flow.input::<String>("name", "").required();
        flow.on_failure(|_| select::call(1).step());
        let body = flow.body();
        body.choose("choice", "", |branches| {
            branches.when("", name.is(text.as_str()), |_| {});
        });
        let built = flow.build().unwrap().flow.to_value();
        let expr = built.pointer("/value/modules/0/value/branches/0/expr").and_then(Value::as_str);
        let literal = expr.unwrap().strip_prefix("flow_input.name === ").unwrap();
        prop_assert_eq!(serde_json::from_str::<String>(literal).unwrap(), text);
        prop_assert!(!literal.contains("results"));
    }
}
