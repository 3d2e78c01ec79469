//! The space of cases, from those with the fewest choices on.
//!
//! Always so: a case is looked at once; the first case in which something ends badly has the fewest choices of all in which it does,
//! as far as the bound reaches.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::case::{Case, Choice, Outcome};
use super::finding::{Finding, findings};
use super::subject::{Subject, SubjectError};
use super::trace::{MOST_JOBS, Trace, trace};
use crate::mill::{Stage, on_stages};

/// How far to look.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// How many cases at most.
    pub max_cases: usize,
}

/// What a simulation found.
#[derive(Debug)]
pub struct Simulated {
    /// How many cases were looked at.
    pub cases: usize,
    /// Whether these were all.
    pub is_complete: bool,
    /// With how many choices each case was looked at without a gap.
    pub depth: usize,
    /// What ends badly, each once, with its smallest case.
    pub findings: Vec<Finding>,
    /// How long it took.
    pub wall: Duration,
}

/// What came of a case.
struct Looked {
    findings: Vec<Finding>,
    /// Cases with one choice more.
    next: Vec<Case>,
}

/// Looks at the cases of a flow.
///
/// # Errors
/// Where the system gives no thread.
pub fn simulate(subject: &Subject, bounds: Bounds) -> Result<Simulated, SubjectError> {
    let begun = Instant::now();
    let first = (0..subject.inputs.len()).map(|inputs| Case {
        inputs,
        choices: Vec::new(),
    });
    let mut level: Vec<Case> = first.collect();
    let (mut cases, mut depth, mut is_complete) = (0, 0, true);
    let mut is_first = true;
    let (mut found, mut seen) = (Vec::new(), HashSet::new());
    while !level.is_empty() {
        let room = bounds.max_cases.saturating_sub(cases);
        is_complete &= level.len() <= room;
        level.truncate(room);
        if level.is_empty() {
            break;
        }
        cases += level.len();
        let looked = on_stages(&subject.options, MOST_JOBS, &level, |stage, case| {
            look(stage, subject, case)
        })?;
        let mut next: Vec<Vec<Case>> = Vec::new();
        for one in looked {
            let new = one.findings.into_iter();
            found.extend(new.filter(|finding| seen.insert((finding.kind, finding.step.clone()))));
            next.push(one.next);
        }
        let mut following = in_turn(next);
        depth += usize::from(is_complete && !is_first);
        if is_first {
            following.splice(0..0, for_ever(subject));
        }
        is_first = false;
        level = following;
    }
    Ok(Simulated {
        cases,
        is_complete,
        depth,
        findings: found,
        wall: begun.elapsed(),
    })
}

/// Takes one of each list in turn, so that a bound cuts all of them alike.
fn in_turn(lists: Vec<Vec<Case>>) -> Vec<Case> {
    let mut lists: Vec<_> = lists.into_iter().map(Vec::into_iter).collect();
    let mut taken = Vec::new();
    while !lists.is_empty() {
        lists.retain_mut(|list| match list.next() {
            Some(case) => {
                taken.push(case);
                true
            }
            None => false,
        });
    }
    taken
}

/// Steps in endless loops that yield the same each time.
fn for_ever(subject: &Subject) -> Vec<Case> {
    let looping = subject.steps.iter().filter(|(_, info)| info.is_in_while);
    let cases = looping.flat_map(|(step, info)| {
        (0..info.values.len()).map(|number| Case {
            inputs: 0,
            choices: vec![Choice {
                step: step.clone(),
                time: None,
                outcome: Outcome::Value(number),
            }],
        })
    });
    cases.collect()
}

fn look(stage: &Stage, subject: &Subject, case: &Case) -> Looked {
    let trace = trace(stage, subject, case);
    Looked {
        findings: findings(subject, case, &trace),
        next: following(subject, case, &trace),
    }
}

/// The cases with one choice more, at a step that begins after the last choice.
fn following(subject: &Subject, case: &Case, trace: &Trace) -> Vec<Case> {
    if case.choices.iter().any(|choice| choice.time.is_none()) {
        return Vec::new();
    }
    let is_chosen = |choice: &Choice| {
        let is_it = |step: &str, time| choice.step == step && choice.time == Some(time);
        trace
            .calls
            .iter()
            .rposition(|call| is_it(&call.step, call.time))
    };
    let last = case.choices.iter().filter_map(is_chosen).max();
    let rest = trace.calls.iter().skip(last.map_or(0, |last| last + 1));
    let mut cases = Vec::new();
    for call in rest.filter(|call| call.attempt == 1) {
        let Some(info) = subject.steps.get(&call.step) else {
            continue;
        };
        let values = (0..info.values.len()).map(Outcome::Value);
        let once = info.is_retried.then_some(Outcome::FailOnce);
        let late = call.is_limited.then_some(Outcome::TimeOut);
        let bad = [Some(Outcome::Fail), once, late, Some(Outcome::Cancel)];
        let outcomes = bad.into_iter().flatten().chain(values);
        for outcome in outcomes.filter(|outcome| *outcome != call.outcome) {
            let mut next = case.clone();
            next.choices.push(Choice {
                step: call.step.clone(),
                time: Some(call.time),
                outcome,
            });
            cases.push(next);
        }
    }
    cases
}
