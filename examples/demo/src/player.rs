//! What the demo's model says: the part of one that forgets something first, and mends it when it is sent back.
//!
//! Always so: its verdict is what the tests said when Codex ran them.

use played_model::Answer::{self, Run, Say};
use serde_json::Value;

/// The model that the prompts in `codex/` are written for.
pub(crate) fn of_the_demo() -> impl FnMut(&Value) -> Answer + Send {
    let mut attempts = 0;
    move |question| {
        let asked = question["input"].to_string();
        let ran = output_of_command(question);
        if asked.contains("You implement.") {
            implement(&mut attempts, ran.is_some())
        } else if asked.contains("You check.") {
            check(ran.as_deref())
        } else {
            write_notes(ran.is_some())
        }
    }
}

fn implement(attempts: &mut u32, is_written: bool) -> Answer {
    if is_written {
        return Say("I wrote greet.sh.");
    }
    *attempts += 1;
    let mark = if *attempts == 1 { "" } else { "!" };
    Run(format!(
        "sleep 1; printf '%s\\n' '#!/usr/bin/env bash' 'echo \"Hello, $1{mark}\"' > greet.sh"
    ))
}

fn check(ran: Option<&str>) -> Answer {
    match ran {
        None => Run("sleep 1; bash ./test.sh".to_owned()),
        Some(said) if said.contains("not ok") => {
            Say("The tests fail: the greeting lacks its exclamation mark.\n\nVERDICT: FAIL")
        }
        Some(_) => Say("The tests pass.\n\nVERDICT: PASS"),
    }
}

fn write_notes(has_looked: bool) -> Answer {
    if has_looked {
        Say("# Release notes\n\n- greet.sh greets whoever it is told to.")
    } else {
        Run("sleep 1; bash ./greet.sh world".to_owned())
    }
}

/// What the command printed that was run last, if one was.
fn output_of_command(question: &Value) -> Option<String> {
    let last = question["input"].as_array()?.last()?;
    (last["type"] == "function_call_output").then(|| last["output"].to_string())
}
