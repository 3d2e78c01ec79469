//! Runs one test, and says what was found.
//!
//! Always so: a test passes where nothing is to be complained of; what it found is told either way.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::check::plan_of;
use super::coverage::Hits;
use super::judge::{Complaint, judge};
use super::mocks::{Mocks, State};
use super::read::Loaded;
use super::{At, Status, Test};
use crate::mill::{Ending, NotedJob, Rehearsed, Stage, line_of};

/// What came of a test.
#[derive(Debug, Clone)]
pub struct TestReport {
    /// The file.
    pub file: PathBuf,
    /// The line on which the test begins.
    pub line: u64,
    /// The flow's path; its file where it has none.
    pub flow: String,
    /// The test's name.
    pub name: String,
    /// Why it failed; nothing where it passed.
    pub complaints: Vec<Complaint>,
    /// What the flow did; `None` where it could not go on.
    pub found: Option<Found>,
    /// How long it took in real time.
    pub wall: Duration,
    /// How often each mock was used.
    pub(super) used: HashMap<String, usize>,
    pub(super) hits: Hits,
}

/// What a flow did.
#[derive(Debug, Clone)]
pub struct Found {
    /// How it ended.
    pub status: Status,
    /// Its result.
    pub result: Arc<Value>,
    /// The error that it failed with, or that its failure handler was run for.
    pub error: Option<String>,
    /// The steps that ran a script or were mocked.
    pub steps: Vec<FoundStep>,
    /// How long it took on its own clock.
    pub took: Duration,
}

/// A step that ran.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundStep {
    /// Its id; of a step of a sub-flow `step/inner`.
    pub id: String,
    /// Its arguments.
    pub args: Map<String, Value>,
}

impl TestReport {
    /// Whether nothing is to be complained of.
    pub fn passed(&self) -> bool {
        self.complaints.is_empty()
    }
}

/// Runs a test of a file on a stage.
pub(super) fn run(stage: &Stage, loaded: &Loaded, test: &At<Test>) -> TestReport {
    let begun = Instant::now();
    let plan = plan_of(loaded.tests.mocks.iter(), test.mocks.iter());
    let unmocked = test.unmocked.unwrap_or(loaded.tests.unmocked);
    let mocks = Arc::new(Mocks::new(plan, unmocked));
    let rehearsed = stage.run(
        &loaded.prepared,
        test.args.clone(),
        Arc::clone(&mocks) as Arc<_>,
    );
    let happened = mocks.take_state();
    let jobs = rehearsed.ledger.take_jobs();
    let hits = Hits::of(&loaded.name, &jobs, &rehearsed.ledger.take_decisions());
    let used = happened.used.clone();
    let (complaints, found) = match found(&rehearsed, &jobs, happened) {
        Ok(found) => (complaints_of(test, &found, &used), Some(found)),
        Err(message) => (vec![Complaint::new(test.line, message)], None),
    };
    TestReport {
        file: loaded.file.clone(),
        line: test.line,
        flow: loaded.name.clone(),
        name: test.name.value.clone(),
        complaints,
        found,
        wall: begun.elapsed(),
        used,
        hits,
    }
}

fn complaints_of(test: &At<Test>, found: &Found, used: &HashMap<String, usize>) -> Vec<Complaint> {
    let mut complaints = match &test.expect {
        Some(expect) => judge(expect, test.line, found),
        None => vec![Complaint::new(
            test.line,
            "the test expects nothing: say what, or let `millwright test --update` write down what is found"
                .to_owned(),
        )],
    };
    let own = test.mocks.iter().filter_map(|(id, mock)| {
        let planned = mock.planned().ok()?;
        let left = planned.left(used.get(&id.value).copied().unwrap_or(0))?;
        let message = match left {
            (1, 1) => format!(
                "the mock of `{}` was not used: the step did not run",
                id.value
            ),
            (left, all) => format!(
                "of the {all} answers of `{}`, {left} were not used",
                id.value
            ),
        };
        Some(Complaint::new(id.line, message))
    });
    complaints.extend(own);
    complaints
}

fn found(rehearsed: &Rehearsed, jobs: &[NotedJob], state: State) -> Result<Found, String> {
    if let Some(complaint) = state.complaint {
        return Err(complaint);
    }
    let (success, skipped, canceled, result) = match &rehearsed.ending {
        Ending::Ended {
            success,
            skipped,
            canceled,
            result,
        } => (*success, *skipped, *canceled, Arc::clone(result)),
        Ending::Stuck => return Err("the flow waits for what never comes".to_owned()),
        Ending::Endless => {
            let count = jobs.len();
            return Err(format!("the flow does not end: it began {count} jobs"));
        }
    };
    let status = match (canceled, success, skipped) {
        (true, false, _) => Status::Canceled,
        (_, true, true) => Status::Skipped,
        (_, true, false) => Status::Success,
        (false, false, _) => Status::Failure,
    };
    Ok(Found {
        error: (!success).then(|| error_of(&result, jobs)).flatten(),
        status,
        result,
        steps: state.steps,
        took: rehearsed.took,
    })
}

/// The error of a flow's result; where a failure handler made that result, the error that it was run for.
fn error_of(result: &Value, jobs: &[NotedJob]) -> Option<String> {
    if result.get("error").is_some_and(|error| !error.is_null()) {
        return Some(line_of(result));
    }
    let is_handler = |job: &&NotedJob| job.step_id.as_deref() == Some("failure");
    let failed = jobs.iter().rev().filter(|job| !is_handler(job));
    let mut failed = failed.filter(|job| !job.kind.is_flow());
    let end = failed.find_map(|job| job.end.as_ref().filter(|end| !end.success))?;
    Some(line_of(&end.result))
}
