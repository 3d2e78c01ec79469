//! Where a flow names variables and resources: in arguments and in expressions.
//!
//! Always so: only what is written out is found; a path that an expression computes is looked up when it runs.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::Resources;

/// How an argument names a variable.
pub(super) const VARIABLE: &str = "$var:";
/// How an argument names a resource.
pub(super) const RESOURCE: &str = "$res:";

/// `variable("path")` or `resource('path')`, with the path written out.
static CALL: LazyLock<Regex> = LazyLock::new(|| {
    let call = r#"\b(variable|resource)\(\s*(?:"([^"\\]*)"|'([^'\\]*)'|`([^`\\$]*)`)\s*\)"#;
    Regex::new(call).expect("it is a regular expression")
});

impl Resources {
    /// Why what a value names is not there.
    pub(in crate::mill) fn missing_in_value(&self, value: &Value) -> Vec<String> {
        match value {
            Value::String(text) => {
                let variable = text
                    .strip_prefix(VARIABLE)
                    .map(|path| self.variable(path).err());
                let resource = text
                    .strip_prefix(RESOURCE)
                    .map(|path| self.resource(path).err());
                variable.or(resource).flatten().into_iter().collect()
            }
            Value::Object(fields) => fields
                .values()
                .flat_map(|value| self.missing_in_value(value))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Why what an expression names is not there.
    pub(in crate::mill) fn missing_in_expression(&self, expression: &str) -> Vec<String> {
        let calls = CALL.captures_iter(expression);
        let missing = calls.filter_map(|call| {
            let path = call.get(2).or(call.get(3)).or(call.get(4))?.as_str();
            match &call[1] {
                "variable" => self.variable(path).err(),
                _ => self.resource(path).err(),
            }
        });
        missing.collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_out_is_found() {
        let none = Resources::default();
        let missing = none.missing_in_value(
            &json!({"a": "$var:f/a/b", "b": [1], "c": {"d": "$res:f/c/d"}, "e": "x"}),
        );
        assert_eq!(missing.len(), 2, "{missing:?}");
        let missing = none.missing_in_expression(
            "variable('f/a/b') + resource( \"f/c/d\" ).x + variable(`f/${x}/b`)",
        );
        assert_eq!(missing.len(), 2, "{missing:?}");
        assert!(
            missing[0].contains("f/a/b") && missing[1].contains("f/c/d"),
            "{missing:?}"
        );
    }
}
