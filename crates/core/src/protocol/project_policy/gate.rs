//! What follows from what a policy finds: it is told, and a protocol may be kept from going on.
//!
//! Always so: what was told before is not told again, and what a policy blocks stays blocked until someone lets it go on.

use serde_json::json;

use super::PolicyFinding;
use crate::protocol::clarification::is_untouched;
use crate::protocol::words::words;
use crate::protocol::{
    Decision, EventType, Illegal, NewEvent, ProtocolAction, ProtocolStatus, Snapshot,
};

/// So many findings are named in an event.
const MOST_NAMED: usize = 25;

words! {
    /// What a policy was held against.
    PolicyScope is a "scope of a policy's findings" {
        /// A protocol that was planned, with all of its steps.
        Planning = "planning",
        /// What is about to be worked on.
        Step = "step",
    }
}

/// What a look came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyLook {
    /// What was looked at.
    pub scope: PolicyScope,
    /// The step run, where it was one alone.
    pub step_run_id: Option<i64>,
    /// What was found there.
    pub findings: Vec<PolicyFinding>,
}

impl PolicyLook {
    /// What keeps the protocol from going on.
    pub fn blocking(&self) -> Vec<&PolicyFinding> {
        let found = self.findings.iter();
        found.filter(|finding| finding.blocks()).collect()
    }
}

/// A policy was held against a protocol. `is_news` says whether something else was found than before, `is_held` whether the
/// protocol is blocked by its policy already.
pub fn policy_looked(
    snapshot: &Snapshot,
    look: &PolicyLook,
    is_news: bool,
    is_held: bool,
) -> Decision {
    let mut decision = Decision::from(snapshot);
    let of_step = |event: NewEvent| match look.step_run_id {
        Some(id) => event.of_step(id),
        None => event,
    };
    if is_news {
        decision.emit(of_step(told(look)));
    }
    let blocking = look.blocking();
    if !blocking.is_empty() && !is_held && !snapshot.status.is_terminal() {
        decision.block();
        let sentences: Vec<&str> = blocking.iter().map(|finding| &*finding.message).collect();
        let message = format!("The project's policy is not kept: {}.", some(&sentences));
        let named: Vec<_> = blocking.iter().take(MOST_NAMED).collect();
        let event = NewEvent::new(EventType::PolicyBlocked, message);
        decision.emit(of_step(event.with("blocking_findings", json!(named))));
    }
    decision
}

/// Someone lets a protocol go on that its policy blocked: it is planned again where no step of it has begun, else it goes on
/// unless a step of it has to be looked at.
///
/// # Errors
/// [`Illegal`] unless it is blocked.
pub fn policy_mended(snapshot: &Snapshot) -> Result<Decision, Illegal> {
    let mut decision = Decision::from(snapshot);
    if is_untouched(snapshot) {
        decision.protocol(ProtocolAction::PlanAgain)?;
        let event = NewEvent::new(EventType::PlanningEnqueued, "Planning enqueued.");
        decision.emit(event.with("job_id", json!(null)));
        return Ok(decision);
    }
    decision.unblock_when_mended();
    if decision.after.status != ProtocolStatus::Blocked {
        decision.note(EventType::Resumed, "Protocol resumed.");
    }
    Ok(decision)
}

fn told(look: &PolicyLook) -> NewEvent {
    let sentences: Vec<&str> = look
        .findings
        .iter()
        .map(|finding| &*finding.message)
        .collect();
    let message = match sentences.as_slice() {
        [] => "The project's policy finds nothing any more.".to_owned(),
        sentences => format!("The project's policy finds: {}.", some(sentences)),
    };
    let named: Vec<_> = look.findings.iter().take(MOST_NAMED).collect();
    NewEvent::new(EventType::PolicyFindings, message)
        .with("findings", json!(named))
        .with("truncated", look.findings.len() > MOST_NAMED)
        .with("scope", look.scope.as_str())
}

/// The first few of these sentences.
fn some(sentences: &[&str]) -> String {
    let first = sentences.iter().take(3).copied();
    let more = sentences.len().saturating_sub(3);
    let more = (more > 0).then(|| format!("and {more} more"));
    let told = first.map(str::to_owned).chain(more);
    told.collect::<Vec<_>>().join("; ")
}
