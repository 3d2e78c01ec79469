//! Jobs that fail, and jobs that come too late: what a protocol's events say of them.
//!
//! Always so: neither changes how a protocol or a step stands, and a category is told by the error's own words alone.

use serde_json::{Value, json};

use super::words::words;
use super::{Decision, EventType, NewEvent, Refused, Report, Snapshot};
use crate::refs::{JobId, Run};

/// So many characters of an error's name are put on record.
const LONGEST_NAME: usize = 200;

words! {
    /// What kind of failure a job's is.
    FailureCategory is a "category of a job's failure" {
        /// It took too long.
        Timeout = "timeout",
        /// Someone ended it.
        Cancelled = "cancelled",
        /// What it was given is wrong: arguments, environment, spec or prompt.
        Input = "input",
        /// The API did not answer, or refused.
        Api = "api",
        /// The engine failed, or is not there.
        Engine = "engine",
        /// Its work in git could not begin, or be merged.
        Workspace = "workspace",
        /// Whoever did the work is gone.
        Lost = "lost",
        /// The script failed, for a reason of its own.
        Script = "script",
        /// Its error does not say.
        Other = "other",
    }
}

impl FailureCategory {
    /// The category of a run's error.
    pub fn of(error: &Value) -> Self {
        let message = error.get("message").and_then(Value::as_str);
        match error_type(error) {
            Some("ExecutionErr") => of_ended(message.unwrap_or_default()),
            Some(name) => named(name),
            None => Self::Other,
        }
    }
}

/// The run of a job has failed.
pub fn job_failed(run: &Run, job: Option<JobId>) -> NewEvent {
    let error = run.error.as_ref().map_or(&Value::Null, first);
    let what = run.run_kind.as_deref().unwrap_or(&run.job_type);
    let message = format!("The job of run {} ({what}) has failed.", run.run_id);
    NewEvent::new(EventType::JobFailed, message)
        .with("error_type", json!(error_type(error).map(short)))
        .with("error_category", FailureCategory::of(error).as_str())
        .with("attempts", run.attempt.unwrap_or(1))
        .with("job_id", job.map(|job| job.to_string()))
        .with("run_id", run.run_id.as_str())
}

/// A job reports on a step whose claim it has lost: the report is refused.
///
/// # Errors
/// [`Refused`] where the step is unknown.
pub fn came_too_late(
    snapshot: &Snapshot,
    step_run_id: i64,
    report: &Report,
) -> Result<Decision, Refused> {
    let step = snapshot.step(step_run_id);
    let name = &step.ok_or(Refused::UnknownStep(step_run_id))?.name;
    let mut decision = Decision::from(snapshot);
    let message = format!("A report on step {name} was refused: its claim is not held any more.");
    let event = NewEvent::new(EventType::UnknownJob, message).of_step(step_run_id);
    decision.emit(event.with("protocol_run_id", snapshot.protocol_run_id));
    Ok(decision.telling_of(step_run_id, report.telemetry()))
}

/// A flow that ran several branches has an error for each.
fn first(error: &Value) -> &Value {
    match error {
        Value::Array(errors) => errors.first().unwrap_or(error),
        other => other,
    }
}

/// A script names its own failure, and in its details that of the engine or of the execution that it waited for.
fn error_type(error: &Value) -> Option<&str> {
    let text = |pointer| error.pointer(pointer).and_then(Value::as_str);
    let places = ["/error_type", "/error/name", "/name"];
    places.into_iter().find_map(text)
}

/// A name as it may be put on record: whoever finishes a run chooses it.
fn short(name: &str) -> String {
    let told = name.chars().filter(|c| !c.is_control());
    told.take(LONGEST_NAME).collect()
}

/// Windmill has one name for all ends of a script.
fn of_ended(message: &str) -> FailureCategory {
    let ended = |why: &str| message.contains(&format!("job process terminated due to {why}"));
    if ended("timeout") {
        FailureCategory::Timeout
    } else if ended("cancel") {
        FailureCategory::Cancelled
    } else {
        FailureCategory::Script
    }
}

fn named(name: &str) -> FailureCategory {
    use FailureCategory as C;
    match name {
        "TimedOut" => C::Timeout,
        "Canceled" | "Cancelled" => C::Cancelled,
        "BadArguments" | "BadEnvironment" | "BadPrompt" | "NoWorkspace" | "QaPromptMissing"
        | "RequestTooLong" | "SpecInvalid" | "SpecMissing" | "UnknownEngine" => C::Input,
        "ApiError" => C::Api,
        "BadDocument" | "EngineFailed" | "EngineNotInstalled" | "EngineNotStarted"
        | "InvalidPlan" | "TooMuchOutput" => C::Engine,
        "BranchInUse" | "MergeConflict" | "SubmoduleChanged" | "WorkspaceUnusable" => C::Workspace,
        "ExecutionLost" | "LeaseExpired" => C::Lost,
        "FileError" | "ProgramError" | "StepFailed" => C::Script,
        _ => C::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_tells_its_category_by_its_own_words() {
        use FailureCategory as C;
        let ended = |why| json!({"name": "ExecutionErr", "message": why});
        let timeout = "execution error:\njob process terminated due to timeout after exceeding";
        for (error, category) in [
            (ended(timeout), C::Timeout),
            (
                ended("execution error:\njob process terminated due to cancelled by x"),
                C::Cancelled,
            ),
            (ended("exit code 3, last log lines:\ntimeout"), C::Script),
            (json!({"name": "ApiError", "message": "m"}), C::Api),
            (
                json!({"name": "StepFailed", "error_type": "EngineFailed"}),
                C::Engine,
            ),
            (
                json!({"name": "StepFailed", "error": {"name": "LeaseExpired"}}),
                C::Lost,
            ),
            (
                json!({"name": "StepFailed", "error": null, "error_type": "Cancelled"}),
                C::Cancelled,
            ),
            (json!({"name": "MyError"}), C::Other),
            (json!("a text"), C::Other),
            (Value::Null, C::Other),
        ] {
            assert_eq!(FailureCategory::of(&error), category, "{error}");
        }
    }
}
