//! What the API answers, for a person.
//!
//! Always so: a text from outside is printed without control characters, so that it cannot move the cursor.

use serde_json::Value;

use crate::cli::output::{self, items, plain};

/// A list of protocols.
pub(super) fn protocols(list: &Value) {
    for run in items(list) {
        protocol(run);
    }
}

/// A protocol, in a line.
pub(super) fn protocol(run: &Value) {
    output::line(format_args!(
        "{:>6}  {:<10} {}  {}",
        plain(&run["id"]),
        plain(&run["status"]),
        plain(&run["updated_at"]),
        plain(&run["protocol_name"]),
    ));
}

/// A protocol with its steps and open questions.
pub(super) fn whole(all: &Value) {
    protocol(&all["protocol"]);
    output::line("\nSteps:");
    items(&all["steps"]).for_each(step);
    let mut questions = items(&all["clarifications"]).peekable();
    if questions.peek().is_some() {
        output::line("\nQuestions (`millwright protocol answer <id> <answer>`):");
        questions.for_each(question);
    }
}

/// A step, in a line.
pub(super) fn step(step: &Value) {
    let line = format!(
        "{:>6}  {:<10} {}  {}",
        plain(&step["id"]),
        plain(&step["status"]),
        plain(&step["step_name"]),
        plain(&step["summary"]),
    );
    output::line(line.trim_end());
}

/// A question, with its answer or what may be answered.
pub(super) fn question(question: &Value) {
    let blocks = if question["blocking"] == true {
        " (blocks)"
    } else {
        ""
    };
    let id = plain(&question["id"]);
    let (status, text) = (plain(&question["status"]), plain(&question["question"]));
    output::line(format_args!("{id:>6}  {status:<10} {text}{blocks}"));
    for (word, value) in [
        ("options", &question["options"]),
        ("recommended", &question["recommended"]),
        ("answer", &question["answer"]),
    ] {
        if !value.is_null() {
            output::line(format_args!("        {word}: {}", plain(value)));
        }
    }
}

/// An event, in a line.
pub(super) fn event(event: &Value) {
    let step = match &event["step_run_id"] {
        Value::Null => String::new(),
        id => format!(" step {id}"),
    };
    output::line(format_args!(
        "{:>6}  {}  {}{step}  {}  {}",
        plain(&event["id"]),
        plain(&event["created_at"]),
        plain(&event["protocol_name"]),
        plain(&event["event_type"]),
        plain(&event["message"]),
    ));
}
