//! JSON arguments as a script's types.
//!
//! Always so: a mistake is told with the name of its argument.

use millwright_core::catalog::Object;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::StepError;

/// Reads a step's arguments into their types.
///
/// # Errors
/// Naming the argument, and what is wrong with it.
pub(super) fn typed<S: DeserializeOwned>(arguments: Object) -> Result<S, StepError> {
    let read = |arguments| {
        serde_json::from_value(Value::Object(arguments)).map_err(|error| error.to_string())
    };
    read(arguments.clone()).map_err(|error| {
        let error_of = |others| read(others).err();
        StepError::bad_argument(&at_fault(arguments, &error, &error_of), error)
    })
}

/// The argument, or in a list its item, without which the error is another. It is sought only now: a reader that knows
/// where it is costs every argument of every script.
fn at_fault(arguments: Object, error: &str, error_of: &dyn Fn(Object) -> Option<String>) -> String {
    let differs = |others| error_of(others).as_deref() != Some(error);
    let all = arguments.clone();
    for (name, value) in arguments {
        let mut others = all.clone();
        others.shift_remove(&name);
        if !differs(others) {
            continue;
        }
        let items = value.as_array().map_or(&[][..], Vec::as_slice);
        let item = (0..items.len()).find(|index| {
            let (before, rest) = items.split_at(*index);
            let mut others = all.clone();
            others.insert(name.clone(), [before, &rest[1..]].concat().into());
            differs(others)
        });
        return match item {
            Some(index) => format!("{name}[{index}]"),
            None => name,
        };
    }
    String::new()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only reading it is of interest")]
    struct Arguments {
        id: u32,
        gates: Vec<String>,
        note: Option<u8>,
    }

    fn said(arguments: &Value) -> String {
        let arguments = arguments.as_object().unwrap().clone();
        typed::<Arguments>(arguments).unwrap_err().to_string()
    }

    #[test]
    fn the_argument_at_fault_is_found_among_others_also_faulty_ones() {
        let messages = [
            json!({"id": -1, "gates": []}),
            json!({"id": 1, "gates": ["lint", 2]}),
            json!({"note": 300, "id": -1, "gates": [2]}),
            json!({"id": 1, "gates": [], "note": 300}),
        ];
        let messages = messages.each_ref().map(said).join("\n");
        insta::assert_snapshot!(messages, @r#"
        argument id: invalid value: integer `-1`, expected u32
        argument gates[1]: invalid type: integer `2`, expected a string
        argument note: invalid value: integer `300`, expected u8
        argument note: invalid value: integer `300`, expected u8
        "#);
    }
}
