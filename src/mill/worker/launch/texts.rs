//! A script's arguments as bash gets them.
//!
//! Always so: strings arrive as they are, anything else as its JSON text, what is missing as nothing.

use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
use serde_json::{Map, Value};

use crate::mill::language::Script;

/// The texts of `$1`, `$2`, …
pub(super) fn of(script: &Script, args: &Map<String, Value>) -> Vec<String> {
    let parameters = script.parameters.iter().flatten();
    let text = |name: &String| args.get(name).map(text_of).unwrap_or_default();
    parameters.map(|parameter| text(&parameter.name)).collect()
}

fn text_of(value: &Value) -> String {
    if let Value::String(text) = value {
        return text.clone();
    }
    let mut bytes = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut bytes, Exponents);
    let written = value.serialize(&mut serializer);
    written.expect("a JSON value is written to memory");
    String::from_utf8(bytes).expect("JSON is text")
}

/// Writes large numbers as Windmill does: `1e21`, and not `1e+21`.
struct Exponents;

impl Formatter for Exponents {
    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        let text = Value::from(value).to_string().replace("e+", "e");
        writer.write_all(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_kind_of_value_has_its_text() {
        let text = |value: Value| text_of(&value);
        assert_eq!(text(json!("it's \n")), "it's \n");
        assert_eq!(text(json!(null)), "null");
        assert_eq!(
            text(json!([1e21, 1.0, 1e-9, "e+"])),
            r#"[1e21,1.0,1e-9,"e+"]"#
        );
        assert_eq!(
            text(json!(12_345_678_901_234_567_890_u64)),
            "12345678901234567890"
        );
    }
}
