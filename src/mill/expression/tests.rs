//! Expressions as flows write them.
//!
//! Always so: an expression is evaluated with values that stand in this file.

use std::time::Duration;

use serde_json::json;

use super::*;

struct Known(Value);

impl Results for Known {
    fn result_of(&self, step_id: &str) -> Result<Arc<Value>, String> {
        let found = self.0.get(step_id).cloned();
        found
            .map(Arc::new)
            .ok_or_else(|| format!("Not found: no result of step {step_id}"))
    }
}

fn scope() -> Scope {
    let flow_input = json!({"x": "X", "n": 3, "o": {"p": [1]}, "list": [1, 2, 3], "big": 9_007_199_254_740_993_i64});
    let results = json!({"a": {"items": [{"n": 7}, 8], "big": 9_007_199_254_740_993_i64, "s": "txt", "nul": null}});
    let Value::Object(flow_input) = flow_input else {
        unreachable!("an object is written above")
    };
    Scope {
        flow_input: Arc::new(flow_input),
        names: vec![("previous_result", Arc::new(json!({"p": 1})))],
        flow_env: Arc::default(),
        project: Arc::default(),
        results: Arc::new(Known(results)),
        previous_id: Some("before".to_owned()),
    }
}

async fn value(expression: &str) -> Result<Value, ExpressionError> {
    let engine = Engine::start(Duration::from_millis(200)).unwrap();
    engine.value_of(expression, &scope()).await
}

#[tokio::test]
async fn plain_paths_and_javascript_differ_as_on_windmill() {
    for (expression, expected) in [
        ("results.a.items.length", json!(null)),
        ("(results.a.items.length)", json!(2)),
        ("results.a.items.length + 0", json!(2)),
        ("results[\"a\"].items.length", json!(2)),
        ("results.a.items.0", json!({"n": 7})),
        ("results.a.items[0].n", json!(7)),
        ("results.a.nope.deep", json!(null)),
        ("results.a?.s", json!("txt")),
        ("results.a.big", json!(9_007_199_254_740_993_i64)),
        ("results.a.big + 0", json!(9_007_199_254_740_992_i64)),
        ("flow_input.big", json!(9_007_199_254_740_993_i64)),
        ("flow_input.list.length", json!(3)),
        ("flow_input.nope", json!(null)),
        ("flow_input.nope ?? \"dflt\"", json!("dflt")),
        ("`n is ${flow_input.n}`", json!("n is 3")),
        ("  flow_input[\"x\"] ", json!("X")),
        ("results.before", json!({"p": 1})),
        ("previous_result.p", json!(1)),
        ("const n = flow_input.n; return n + 1", json!(4)),
        ("flow_input.n;", json!(null)),
        ("new Date(0)", json!("1970-01-01T00:00:00.000Z")),
    ] {
        assert_eq!(value(expression).await, Ok(expected), "{expression}");
    }
}

#[tokio::test]
async fn what_fails_says_why() {
    let threw = |text: &str| Err(ExpressionError::Threw(text.to_owned()));
    let undefined = "TypeError: cannot read property 'deep' of undefined";
    assert_eq!(value("flow_input.nope.deep").await, threw(undefined));
    let missing = "Not found: no result of step nope";
    assert_eq!(
        value("results.nope").await,
        Err(ExpressionError::NotFound(missing.to_owned()))
    );
    assert_eq!(
        value("(results.nope)").await,
        threw(&format!("Error: {missing}"))
    );
    assert!(value("1 +").await.is_err());
    assert!(value("variable(\"x\")").await.is_err());
    assert!(value("new Promise(() => {})").await.is_err());
    assert!(value("10n").await.is_err());
}

#[tokio::test]
async fn what_runs_too_long_or_too_large_is_ended_and_the_next_runs() {
    let engine = Engine::start(Duration::from_millis(100)).unwrap();
    for _ in 0..3 {
        let error = engine
            .value_of("(() => { while (true) {} })()", &scope())
            .await;
        assert!(
            matches!(error, Err(ExpressionError::TooLong { .. })),
            "{error:?}"
        );
    }
    let recursion = "(function f() { return f() + 1 })()";
    assert!(engine.value_of(recursion, &scope()).await.is_err());
    let memory = "'x'.repeat(2 ** 29)";
    assert!(engine.value_of(memory, &scope()).await.is_err());
    assert_eq!(engine.value_of("1 + 1", &scope()).await, Ok(json!(2)));
}

#[tokio::test]
async fn nothing_is_left_behind() {
    let engine = Engine::start(Duration::from_secs(1)).unwrap();
    let set = engine.value_of("globalThis.left = 1", &scope()).await;
    assert_eq!(set, Ok(json!(1)));
    for _ in 0..4 {
        let left = engine.value_of("typeof left", &scope()).await;
        assert_eq!(left, Ok(json!("undefined")));
    }
}

#[tokio::test]
async fn a_condition_is_what_counts_as_true() {
    let engine = Engine::start(Duration::from_secs(1)).unwrap();
    assert_eq!(engine.holds("results.a.s", &scope()).await, Ok(true));
    assert_eq!(engine.holds("flow_input.nope", &scope()).await, Ok(false));
    assert!(engine.holds("results.a.nope.deep", &scope()).await.is_err());
}

#[test]
fn the_error_of_a_list_is_the_one_in_it() {
    let one = json!([1, {"error": {"name": "E", "message": "m"}}]);
    assert_eq!(error_in(&one)["name"], "E");
    let two = json!([{"error": {"message": "m", "step_id": "s"}}, {"error": {"name": "E"}}]);
    assert_eq!(error_in(&two)["message"], "[s] m; [1] E");
    assert_eq!(error_in(&json!(null))["name"], "UnknownError");
}
