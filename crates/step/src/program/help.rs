//! What the executable says of itself and of its steps.
//!
//! Always so: it is made from the scripts' types, so it cannot say something else than they do.

use std::fmt::Write;

use crate::steps::StepEntry;

/// The version, on one line.
pub(super) fn version() -> String {
    concat!("millwright-step ", env!("CARGO_PKG_VERSION")).to_owned()
}

/// The names, one to a line.
pub(super) fn list(steps: &[StepEntry]) -> String {
    steps
        .iter()
        .map(|step| step.name)
        .collect::<Vec<_>>()
        .join("\n")
}

/// How to call the program, and its steps.
pub(super) fn of_program(steps: &[StepEntry]) -> String {
    let mut text = String::from(
        "Runs one step of a flow, as Windmill's scripts do.\n\n\
         Usage: millwright-step <STEP> [ARGUMENT]...\n       \
         millwright-step <STEP> --args <JSON | @FILE | ->\n       \
         millwright-step <STEP> --help\n       \
         millwright-step --list | --help | --version\n\n\
         Linked under a step's name the program is that step.\n\n\
         Positional arguments are text in the step's order; empty and null mean absent.\n\
         In a Windmill job the result goes to result.json, else to stdout. Messages go to stderr.\n\n\
         Exit codes: 0 done, 1 the work failed, 2 bad input, 3 the API refused or did not answer,\n\
         130 interrupted, 143 terminated\n\n\
         Steps:\n",
    );
    let width = steps
        .iter()
        .map(|step| step.name.len())
        .max()
        .unwrap_or_default();
    for step in steps {
        let _ = writeln!(text, "  {:width$}  {}", step.name, step.summary);
    }
    text.truncate(text.trim_end().len());
    text
}

/// What a step does and takes.
pub(super) fn of_step(step: &StepEntry) -> String {
    let about = wrapped(step.description);
    let mut text = format!("{about}\n\nUsage: millwright-step {}", step.name);
    for argument in step.arguments {
        let (open, close) = if argument.required {
            ('<', '>')
        } else {
            ('[', ']')
        };
        let _ = write!(text, " {open}{}{close}", argument.name);
    }
    text.push_str("\n\nArguments:\n");
    let defaults = (step.defaults)();
    for argument in step.arguments {
        let default = defaults.get(argument.name);
        let default = default.map(|value| format!(", default {value}"));
        let _ = writeln!(
            text,
            "  {} ({}){}",
            argument.name,
            argument.kind.as_str(),
            default.unwrap_or_default()
        );
        for line in argument.about {
            let _ = writeln!(text, "      {}", line.trim());
        }
    }
    text.truncate(text.trim_end().len());
    text
}

/// The text in lines of at most 100 characters, as far as its words allow.
fn wrapped(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is always a line");
        if line.is_empty() {
            line.push_str(word);
        } else if line.len() + word.len() < 100 {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines.join("\n")
}
