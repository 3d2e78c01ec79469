//! A flow as a whole.
//!
//! Always so: [`Flow::from_value`] of what [`Flow::to_value`] gives is the same flow.

use serde_json::Value;

use super::node::{Node, Place, node};
use super::{Module, OpenFlowError};

node! {
    /// A flow: what it is for, its inputs, its steps.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct Flow {
        /// What it is for, in a few words.
        summary: Option<String>,
        /// What it is for, at length.
        description: Option<String>,
        /// The steps.
        value: FlowValue,
        /// The JSON Schema of its inputs. Windmill uses it for the form alone.
        schema: Option<Value>,
    }
}

node! {
    /// The steps of a flow, and what holds for all of them.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct FlowValue {
        /// The steps, in their order.
        modules: Vec<Module>,
        /// The step that runs when another failed.
        failure_module: Option<Box<Module>>,
        /// The step that runs first when something other than a person started the flow.
        preprocessor_module: Option<Box<Module>>,
        /// Whether all steps run on one worker and share `./shared`.
        same_worker: Option<bool>,
        /// Names with values, which every step's expressions see as `flow_env`.
        flow_env: Option<Value>,
        /// An expression that, where it holds, has the flow end before its first step.
        skip_expr: Option<String>,
        /// The step whose result is the answer for a caller that waits.
        early_return: Option<String>,
        /// For how many seconds the result is kept, for the same inputs.
        cache_ttl: Option<u64>,
        /// How many runs there are at once.
        concurrent_limit: Option<u64>,
        /// For how many seconds a run that has ended counts as well.
        concurrency_time_window_s: Option<u64>,
        /// What the runs that count together have in common; all of this flow's where nothing is said.
        concurrency_key: Option<String>,
    }
}

impl Flow {
    /// Reads a flow from JSON text.
    ///
    /// # Errors
    /// Where the text is no JSON, with line and column; else as [`Flow::from_value`].
    pub fn from_json(text: &str) -> Result<Self, OpenFlowError> {
        let value = serde_json::from_str(text)
            .map_err(|error| Place::Root.error(format_args!("not JSON: {error}")))?;
        Self::from_value(value)
    }

    /// Reads a flow from JSON.
    ///
    /// # Errors
    /// Names the place, as a JSON pointer, where something is missing or of the wrong type.
    pub fn from_value(value: Value) -> Result<Self, OpenFlowError> {
        Self::read(value, &Place::Root)
    }

    /// The flow as JSON, its fields in the order of these types.
    pub fn to_value(&self) -> Value {
        self.write().unwrap_or_default()
    }
}

impl FlowValue {
    /// Reads the steps from JSON, as a job's `raw_flow` holds them.
    ///
    /// # Errors
    /// As [`Flow::from_value`].
    pub fn from_value(value: Value) -> Result<Self, OpenFlowError> {
        Self::read(value, &Place::Root)
    }

    /// The steps as JSON.
    pub fn to_value(&self) -> Value {
        self.write().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::openflow::{Amount, ModuleValue, Transform};

    fn error_of(value: Value) -> String {
        Flow::from_value(value).unwrap_err().to_string()
    }

    #[test]
    fn what_is_parsed_is_printed_back() {
        let text = json!({
            "summary": "s",
            "value": {
                "modules": [{
                    "id": "l",
                    "value": {
                        "type": "forloopflow",
                        "iterator": {"type": "javascript", "expr": "flow_input.list"},
                        "modules": [
                            {"id": "x", "value": {"type": "identity"}, "suspend": {"required_events": 1}},
                            {"id": "y", "value": {"type": "aiagent", "tools": []}},
                        ],
                        "parallel": true,
                        "parallelism": 2,
                        "squash": false,
                    },
                    "timeout": {"type": "static", "value": 3},
                }],
                "failure_module": {"id": "failure", "value": {"type": "script", "path": "u/a/b", "input_transforms": {
                    "who": {"type": "ai"},
                    "what": {"type": "static", "value": null},
                }}},
                "priority": 3,
            },
            "schema": {"type": "object"},
        });
        assert_eq!(Flow::from_value(text.clone()).unwrap().to_value(), text);
    }

    #[test]
    fn known_fields_have_their_types() {
        let flow = Flow::from_json(
            r#"{"value": {"modules": [{"id": "a", "timeout": 5, "value":
                {"type": "rawscript", "language": "bash", "content": "true", "input_transforms":
                    {"x": {"type": "static"}, "y": {"type": "javascript", "expr": "1"}}}}]}}"#,
        )
        .unwrap();
        let step = &flow.value.modules[0];
        assert_eq!(step.timeout, Some(Amount::Fixed(5)));
        let ModuleValue::RawScript(script) = &step.value else {
            panic!("{step:?}");
        };
        assert_eq!(script.input_transforms["x"], Transform::Static(Value::Null));
        assert_eq!(script.input_transforms["y"], Transform::javascript("1"));
    }

    #[test]
    fn an_error_names_the_place_and_the_reason() {
        assert_eq!(
            error_of(json!([])),
            "the flow: expected an object, found an array"
        );
        assert_eq!(error_of(json!({})), "/value: is missing");
        assert_eq!(
            error_of(json!({"value": {"modules": [{"id": 7}]}})),
            "/value/modules/0/id: expected a string, found the number 7"
        );
        assert_eq!(
            error_of(json!({"value": {"modules": [{"id": "a", "value": {
                "type": "branchone", "default": [], "branches": [{"modules": []}]
            }}]}})),
            "/value/modules/0/value/branches/0/expr: is missing"
        );
        assert_eq!(
            error_of(
                json!({"value": {"modules": [{"id": "a", "value": {"type": "script", "path": "p",
                "input_transforms": {"a/b": {"type": "javascript"}}}}]}})
            ),
            "/value/modules/0/value/input_transforms/a~1b/expr: is missing"
        );
        let text = Flow::from_json("{\"value\": \n nope}")
            .unwrap_err()
            .to_string();
        assert!(text.contains("line 2"), "{text}");
    }
}
