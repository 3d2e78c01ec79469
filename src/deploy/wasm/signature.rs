//! `main` of a script in TypeScript, from which Windmill makes the script's form.
//!
//! Always so: names, order, types and defaults are those of the catalog's schema.

use millwright_core::catalog::{Argument, ScriptInfo, TOKEN_ARGUMENT};
use serde_json::Value;

/// The function with its documentation.
pub(super) fn main(script: &ScriptInfo) -> String {
    let form = script.metadata();
    let properties = &form["schema"]["properties"];
    let arguments = script.arguments.iter();
    let mut parameters: Vec<String> = arguments
        .clone()
        .map(|argument| parameter(argument, &properties[argument.name]))
        .collect();
    let mut token = String::new();
    if script.token.is_some() {
        // Whoever calls it without the form gives no reference: then the worker's own token stands.
        parameters.push(format!("  {TOKEN_ARGUMENT}?: string,\n"));
        token = format!(
            "  if ({TOKEN_ARGUMENT}) process.env.TASKSGODZILLA_API_TOKEN = {TOKEN_ARGUMENT};\n"
        );
    }
    let names: Vec<&str> = arguments.clone().map(|argument| argument.name).collect();
    let about = arguments.map(|argument| {
        let about: Vec<&str> = argument.about.iter().map(|line| line.trim()).collect();
        format!(
            " * @param {} {}\n",
            argument.name,
            comment(&about.join(" "))
        )
    });
    format!(
        "/**\n * {}\n *\n{} */\nexport async function main(\n{}): Promise<unknown> {{\n{token}  return await runStep({}, [{}]);\n}}",
        comment(script.description),
        about.collect::<String>(),
        parameters.concat(),
        script.name,
        names.join(", "),
    )
}

fn parameter(argument: &Argument, property: &Value) -> String {
    let (name, kind) = (argument.name, type_of(property));
    match property.get("default") {
        Some(default) => format!("  {name}: {kind} = {default},\n"),
        None if argument.required => format!("  {name}: {kind},\n"),
        None => format!("  {name}?: {kind},\n"),
    }
}

/// The TypeScript type of a property of a form.
fn type_of(property: &Value) -> String {
    let words = property["oneOf"].as_array().into_iter().flatten();
    let words = words.filter_map(|one| one.get("const"));
    let words = words.chain(property["enum"].as_array().into_iter().flatten());
    let words: Vec<String> = words.map(Value::to_string).collect();
    if !words.is_empty() {
        return words.join(" | ");
    }
    match property["type"].as_str() {
        Some("string") => "string".to_owned(),
        Some("integer" | "number") => "number".to_owned(),
        Some("boolean") => "boolean".to_owned(),
        Some("object") => "object".to_owned(),
        Some("array") => {
            format!("({})[]", type_of(&property["items"])).replace("(string)", "string")
        }
        _ => "any".to_owned(),
    }
}

/// A text that does not end the comment in which it stands.
fn comment(text: &str) -> String {
    text.replace("*/", "* /")
}

#[cfg(test)]
mod tests {
    use millwright_core::catalog::scripts::{handle_feedback, step_run_qa_api};

    use super::*;

    #[test]
    fn required_optional_and_defaults_are_told_apart() {
        insta::assert_snapshot!(main(&ScriptInfo::of::<handle_feedback::Args>()));
    }

    #[test]
    fn a_list_has_the_type_of_its_items() {
        let text = main(&ScriptInfo::of::<step_run_qa_api::Args>());
        assert!(text.contains("  gates?: string[],\n"), "{text}");
    }

    #[test]
    fn a_token_is_the_last_argument_and_goes_to_the_environment() {
        let script = ScriptInfo::of::<step_run_qa_api::Args>().with_token("$var:f/team/token");
        let text = main(&script);
        let end = "  tasksgodzilla_api_token?: string,\n): Promise<unknown> {\n  if (tasksgodzilla_api_token) process.env.TASKSGODZILLA_API_TOKEN = tasksgodzilla_api_token;\n  return await runStep(step_run_qa_api, [step_run_id, gates, claim]);\n}";
        assert!(text.ends_with(end), "{text}");
    }
}
