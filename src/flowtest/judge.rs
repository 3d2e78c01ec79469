//! Whether what was found is what was expected.
//!
//! Always so: everything that differs is told, not the first thing alone; what is not named is not looked at.

use serde_json::{Map, Value};

use super::mocks::duration;
use super::run::{Found, FoundStep};
use super::{At, Expect, RanStep, diff};

/// Why a test failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// The line of the file that it is about.
    pub line: u64,
    /// What is wrong, in one or more lines.
    pub message: String,
}

impl Complaint {
    pub(super) fn new(line: u64, message: String) -> Self {
        Self { line, message }
    }
}

/// Everything that differs.
pub(super) fn judge(expect: &Expect, line: u64, found: &Found) -> Vec<Complaint> {
    let whole = [
        status(expect, found),
        result(expect, found),
        contained(expect, found),
        error(expect, found),
        took(expect, found),
        steps(expect, found),
    ];
    let mut complaints: Vec<Complaint> = whole
        .into_iter()
        .flatten()
        .chain(parts(expect, found))
        .map(|message| Complaint::new(line, message))
        .collect();
    let ran = expect.not_run.iter().filter(|id| found.ran(id) > 0);
    complaints.extend(ran.map(|id| {
        let message = format!("`{}` ran, and should not have", id.value);
        Complaint::new(id.line, message)
    }));
    if let Some(expected) = &expect.steps {
        complaints.extend(arguments(expected, &found.steps));
    }
    complaints
}

impl Found {
    /// How often a step ran, or the steps of a sub-flow.
    fn ran(&self, id: &str) -> usize {
        let inside = format!("{id}/");
        let steps = self.steps.iter();
        steps
            .filter(|step| step.id == id || step.id.starts_with(&inside))
            .count()
    }
}

fn status(expect: &Expect, found: &Found) -> Option<String> {
    let expected = expect.status.filter(|status| *status != found.status)?;
    let (expected, is) = (expected.as_str(), found.status.as_str());
    let why = found.error.as_ref();
    let why = why.map_or_else(String::new, |error| format!(": {error}"));
    Some(format!("status: expected {expected}, found {is}{why}"))
}

fn result(expect: &Expect, found: &Found) -> Option<String> {
    let expected = expect.result.as_ref()?;
    differs("result", expected, &found.result)
}

fn contained(expect: &Expect, found: &Found) -> Option<String> {
    let expected = expect.result_contains.as_ref()?;
    differs("result_contains", expected, &alike(expected, &found.result))
}

fn parts(expect: &Expect, found: &Found) -> Vec<String> {
    let parts = expect.result_at.iter().filter_map(|(pointer, expected)| {
        let title = format!("result_at {pointer}");
        match found.result.pointer(pointer) {
            Some(part) => differs(&title, expected, part),
            None => Some(format!("{title}: the result has nothing there")),
        }
    });
    parts.collect()
}

fn error(expect: &Expect, found: &Found) -> Option<String> {
    let expected = expect.error.as_ref()?;
    match &found.error {
        Some(error) if error.contains(expected) => None,
        Some(error) => Some(format!(
            "error: expected one with {expected:?}, found {error:?}"
        )),
        None => Some(format!("error: expected one with {expected:?}, found none")),
    }
}

fn took(expect: &Expect, found: &Found) -> Option<String> {
    let text = expect.took.as_ref()?;
    let expected = duration(text).ok()?;
    (expected.as_secs() != found.took.as_secs())
        .then(|| format!("took: expected {text}, found {}s", found.took.as_secs()))
}

fn differs(title: &str, expected: &Value, found: &Value) -> Option<String> {
    (expected != found).then(|| format!("{title}:\n{}", diff::of_values(expected, found)))
}

/// What is found, without the keys that an expectation does not name.
pub(super) fn alike(expected: &Value, found: &Value) -> Value {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            let fields = expected.iter().filter_map(|(key, expected)| {
                let found = found.get(key)?;
                Some((key.clone(), alike(expected, found)))
            });
            Value::Object(fields.collect())
        }
        (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => {
            let pairs = expected.iter().zip(found);
            pairs
                .map(|(expected, found)| alike(expected, found))
                .collect()
        }
        _ => found.clone(),
    }
}

fn steps(expect: &Expect, found: &Found) -> Option<String> {
    let expected = expect.steps.as_ref()?;
    let expected: Vec<&str> = expected
        .iter()
        .flat_map(|step| std::iter::repeat_n(step.id.as_str(), step.times))
        .collect();
    let ran: Vec<&str> = found.steps.iter().map(|step| step.id.as_str()).collect();
    (expected != ran).then(|| {
        let lines = |ids: &[&str]| ids.join("\n") + "\n";
        format!(
            "steps:\n{}",
            diff::of_lines(&lines(&expected), &lines(&ran))
        )
    })
}

/// Where steps ran with other arguments. Which step is which is known only where the order is right.
fn arguments(expected: &[At<RanStep>], ran: &[FoundStep]) -> Vec<Complaint> {
    let each = expected
        .iter()
        .flat_map(|step| std::iter::repeat_n(step, step.times));
    let pairs = each.zip(ran).filter(|(step, ran)| step.id == ran.id);
    let wrong = pairs.filter_map(|(step, ran)| {
        let expected = step.args.as_ref()?;
        let found = named(expected, &ran.args);
        let title = format!("arguments of `{}`", step.id);
        let message = differs(&title, &expected.clone().into(), &found.into())?;
        Some(Complaint::new(step.line, message))
    });
    wrong.collect()
}

/// The arguments that an expectation names.
pub(super) fn named(
    expected: &Map<String, Value>,
    found: &Map<String, Value>,
) -> Map<String, Value> {
    let named = found.iter().filter(|(key, _)| expected.contains_key(*key));
    named
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}
