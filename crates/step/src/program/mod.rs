//! The executable around a list of steps: it reads arguments, runs one step, and writes its result.
//!
//! Always so: whatever goes wrong ends as a message on stderr and a code of [`Exit`], and in a job also as `result.json`.

mod arguments;
mod command_line;
mod help;
mod result;

use std::io::{self, Write};
use std::process::ExitCode;

use serde_json::Value;

use command_line::Invocation;

use crate::exit::Exit;
use crate::host::{NativeHost, end_with_parent, log, stay_if_ending};
use crate::steps::{StepEntry, StepError};

/// Runs the step that the command line names, and gives the process's exit code.
pub fn main(steps: &[StepEntry]) -> ExitCode {
    let words: Vec<_> = std::env::args_os().collect();
    let exit = match command_line::parse(words, steps) {
        Ok(Invocation::Print(text)) => print(&text),
        Ok(Invocation::Run(step, given)) => run(step, given),
        Err(error) => refuse(&error),
    };
    exit.into()
}

fn run(step: &StepEntry, given: command_line::Given) -> Exit {
    let outcome = end_with_parent()
        .map_err(|error| StepError::BadEnvironment(format!("the signals cannot be taken: {error}")))
        .and_then(|()| arguments::read(step.arguments, given))
        .and_then(|arguments| (step.run)(arguments, &NativeHost::new()));
    stay_if_ending();
    match outcome {
        Ok(value) => deliver(&value, Exit::Done),
        Err(error) => {
            say(&error);
            fail(&error)
        }
    }
}

/// A failure is a result only in a job, where Windmill shows it.
fn fail(error: &StepError) -> Exit {
    if result::in_a_job() {
        deliver(&error.to_json(), error.exit())
    } else {
        error.exit()
    }
}

fn deliver(value: &Value, exit: Exit) -> Exit {
    match result::write(value) {
        Ok(()) => exit,
        Err(error) => {
            say(&error);
            if exit == Exit::Done {
                Exit::Failed
            } else {
                exit
            }
        }
    }
}

fn refuse(error: &StepError) -> Exit {
    say(error);
    fail(error)
}

fn print(text: &str) -> Exit {
    // A reader that went away, as `head` does, is no failure.
    let _ = writeln!(io::stdout(), "{text}");
    Exit::Done
}

fn say(error: &dyn std::error::Error) {
    // There is nowhere else to say it.
    log(&format!("error: {error}"));
}
