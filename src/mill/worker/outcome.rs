//! What a script's run yields: its result, or its error in Windmill's shape.
//!
//! Always so: a result is JSON. What a script writes as JSON and is none fails its job and says why.

use std::io::{self, ErrorKind};
use std::path::Path;

use serde_json::{Value, json};

use super::Task;
use super::folder::Folder;
use super::launch::Launch;
use super::log::Log;
use super::process::Ended;
use crate::mill::language::Script;
use crate::mill::stop::Cause;
use crate::mill::stored::stored;

/// How a script's run ended.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::mill) struct Outcome {
    /// Whether it ended well.
    pub(in crate::mill) success: bool,
    /// Its result; of a failure `{"error": …}`.
    pub(in crate::mill) result: Value,
    /// What is still to be added to the log.
    pub(in crate::mill) log: String,
}

impl Outcome {
    /// A failure of the worker's own words.
    pub(in crate::mill) fn failed(message: &str, step_id: Option<&str>, log: String) -> Self {
        Self {
            success: false,
            result: of_step(failed("ExecutionErr", message), step_id),
            log,
        }
    }

    /// A failure of this error.
    pub(in crate::mill) fn failed_with(error: &Value, step_id: Option<&str>) -> Self {
        Self {
            success: false,
            result: of_step(json!({"error": error}), step_id),
            log: String::new(),
        }
    }

    /// A run that was ended before its time.
    pub(in crate::mill) fn stopped(
        cause: Option<&Cause>,
        step_id: Option<&str>,
        log: String,
    ) -> Self {
        let reason = cause.map_or_else(|| "an error of the mill".to_owned(), reason);
        let message = format!("execution error:\njob process terminated due to {reason}");
        Self::failed(&message, step_id, log)
    }
}

/// The result of a job that failed.
pub(in crate::mill) fn failed(name: &str, message: &str) -> Value {
    json!({"error": {"name": name, "message": message}})
}

/// Why a job has no folder below `place`.
pub(super) fn folder_message(error: &io::Error, place: &Path) -> String {
    let message = format!(
        "the job's folder below {} cannot be made: {error}",
        place.display()
    );
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            format!("{message}; free some room there, or set TMPDIR to another folder")
        }
        _ => message,
    }
}

/// Why a script could not be started.
pub(super) fn start_message(error: &io::Error, script: &Script, launch: &Launch) -> String {
    let message = format!(
        "the script cannot be started with {}: {error}",
        launch.command[0]
    );
    let names = script.parameters.iter().flatten();
    // Arguments that are words are the last words.
    let sizes = names
        .rev()
        .map(|known| &known.name)
        .zip(launch.command.iter().rev());
    match sizes.max_by_key(|(_, text)| text.len()) {
        Some((name, text)) if error.kind() == ErrorKind::ArgumentListTooLong => format!(
            "Argument list too long: {name} has {} bytes, and the system takes about 128 KiB; pass a reference, not the content",
            text.len()
        ),
        Some((name, _)) if launch.command.iter().any(|text| text.contains('\0')) => {
            format!("{message} (an argument such as {name} may hold no NUL character)")
        }
        _ => message,
    }
}

/// The outcome of a run that has ended.
pub(super) fn of(ended: &Ended, folder: &Folder, task: &Task<'_>, log: Log<'_>) -> Outcome {
    let step_id = task.place.step_id.as_deref();
    if ended.stopped
        && let Some(cause) = task.stop.cause()
    {
        return Outcome::stopped(Some(cause), step_id, log.finish());
    }
    let worded = |error: Value| (false, of_step(error, step_id));
    let (success, result) = match (ended.status.code(), json_result(folder)) {
        (Some(0), Ok(Some(result))) => (true, result),
        (Some(0), Ok(None)) if task.script.returns_from_main() => (true, Value::Null),
        (Some(0), Ok(None)) => match text_result(folder, &log) {
            Ok(text) => (true, Value::String(text)),
            Err(message) => worded(failed("ExecutionErr", &message)),
        },
        (Some(0), Err(message)) => worded(failed("ExecutionErr", &message)),
        (_, Ok(Some(error))) => (false, json!({"error": error})),
        (code, _) => worded(failure_of(code, ended, &log, task.script.run_name())),
    };
    Outcome {
        success,
        result: stored(result),
        log: log.finish(),
    }
}

/// The error with the step that it happened in.
fn of_step(mut result: Value, step_id: Option<&str>) -> Value {
    if let (Some(step_id), Some(error)) = (step_id, result["error"].as_object_mut()) {
        error.insert("step_id".to_owned(), step_id.into());
    }
    result
}

fn reason(cause: &Cause) -> String {
    match cause {
        Cause::TimedOut => "timeout after exceeding job-specific duration limit".to_owned(),
        Cause::Canceled(wish) => {
            format!("cancelled by {} (reason: {})", wish.by, wish.reason)
        }
        Cause::Broken => "an error of the mill".to_owned(),
    }
}

fn failure_of(code: Option<i32>, ended: &Ended, log: &Log<'_>, name: &str) -> Value {
    let Some(code) = code else {
        let message = format!(
            "process terminated by {}, last log lines:\n{}",
            ended.signal_name(),
            log.quoted()
        );
        return failed("ExecutionErr", &message);
    };
    let message = format!(
        "exit code for \"{name} run\": {code}, last log lines:\n{}",
        log.quoted()
    );
    json!({"error": {"name": "ExecutionErr", "message": message, "exit_code": code}})
}

fn json_result(folder: &Folder) -> Result<Option<Value>, String> {
    let Some(text) = folder.read("result.json")? else {
        return Ok(None);
    };
    let parsed = serde_json::from_str(&text);
    parsed.map(Some).map_err(|error| {
        format!("result.json is no JSON: {error}; write it whole, as one JSON value")
    })
}

fn text_result(folder: &Folder, log: &Log<'_>) -> Result<String, String> {
    let written = folder.read("result.out")?;
    Ok(written.unwrap_or_else(|| log.last_line().trim().to_owned()))
}
