//! The audit of specs: what became of each protocol run, and the event that says so.
//!
//! Always so: a finding that is on record already is no news, so auditing twice leaves one event.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::words::words;
use super::{EventType, NewEvent, ProtocolRun};

words! {
    /// How a protocol run stands with its spec.
    AuditOutcome is a "outcome of an audit" {
        /// It has a valid spec.
        Valid = "valid",
        /// It has a spec in which something is wrong.
        Invalid = "invalid",
        /// It had none, and has the one that was derived now.
        Backfilled = "backfilled",
        /// It has none; one can be derived.
        Derivable = "derivable",
        /// It has none, and none can be derived.
        Underivable = "underivable",
        /// It has none yet: it was made, and never started.
        Unplanned = "unplanned",
    }
}

/// What the audit found of a protocol run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SpecAudit {
    /// The protocol run.
    pub protocol_run_id: i64,
    /// Its project.
    pub project_id: i64,
    /// Its name.
    pub protocol_name: String,
    /// How it stands with its spec.
    pub outcome: AuditOutcome,
    /// The hash of its spec, or of the one that was derived.
    pub spec_hash: Option<String>,
    /// What the spec was derived from: `files`, `tasks`, `codemachine` or `rows`.
    pub source: Option<String>,
    /// Everything that is wrong with the spec that it has.
    pub errors: Vec<String>,
    /// Why no spec can be derived.
    pub reason: Option<String>,
    /// What was left out of the derived spec.
    pub warnings: Vec<String>,
}

/// How many protocol runs came to what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditCounts {
    /// With a valid spec.
    pub valid: u64,
    /// With a spec in which something is wrong.
    pub invalid: u64,
    /// With a spec that was derived now.
    pub backfilled: u64,
    /// Without a spec, where one can be derived.
    pub derivable: u64,
    /// Without a spec, where none can be derived.
    pub underivable: u64,
    /// Without a spec, and never started.
    pub unplanned: u64,
}

/// The answer to `POST /specs/audit`: some protocol runs, by id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditPage {
    /// The same in a sentence.
    pub message: String,
    /// How many of these came to what.
    pub counts: AuditCounts,
    /// What was found of each.
    pub results: Vec<SpecAudit>,
    /// Go on after the protocol run with this id; null where these were the last.
    pub next: Option<i64>,
}

impl SpecAudit {
    /// A finding of a protocol run, of which nothing more is known yet.
    pub fn of(run: &ProtocolRun, outcome: AuditOutcome) -> Self {
        Self {
            protocol_run_id: run.id,
            project_id: run.project_id,
            protocol_name: run.protocol_name.clone(),
            outcome,
            spec_hash: None,
            source: None,
            errors: Vec::new(),
            reason: None,
            warnings: Vec::new(),
        }
    }

    /// Whether nothing is amiss: the protocol run has a valid spec now, or was never started.
    pub fn is_settled(&self) -> bool {
        use AuditOutcome::{Backfilled, Unplanned, Valid};
        matches!(self.outcome, Valid | Backfilled | Unplanned)
    }

    /// The event that puts it on record.
    pub fn event(&self) -> NewEvent {
        let message = format!("The audit of the spec: {}.", self.outcome);
        NewEvent::new(EventType::SpecAudit, message).with_all(self.metadata())
    }

    /// Whether it says something that the event that was last written of an audit does not.
    pub fn is_news_after(&self, last: Option<&Value>) -> bool {
        let own = Value::Object(self.metadata());
        last.is_none_or(|last| {
            let same = |key: &str| last.get(key) == own.get(key);
            let stayed_valid = last.get("outcome").and_then(Value::as_str)
                == Some(AuditOutcome::Backfilled.as_str())
                && self.outcome == AuditOutcome::Valid;
            let is_same = same("outcome") || stayed_valid;
            !(is_same && same("spec_hash") && same("errors") && same("reason"))
        })
    }

    fn metadata(&self) -> Map<String, Value> {
        let Ok(Value::Object(record)) = serde_json::to_value(self) else {
            return Map::new();
        };
        record
    }
}

impl AuditCounts {
    /// With one more.
    pub fn add(&mut self, outcome: AuditOutcome) {
        *match outcome {
            AuditOutcome::Valid => &mut self.valid,
            AuditOutcome::Invalid => &mut self.invalid,
            AuditOutcome::Backfilled => &mut self.backfilled,
            AuditOutcome::Derivable => &mut self.derivable,
            AuditOutcome::Underivable => &mut self.underivable,
            AuditOutcome::Unplanned => &mut self.unplanned,
        } += 1;
    }

    /// With all of these.
    pub fn add_all(&mut self, more: Self) {
        self.valid += more.valid;
        self.invalid += more.invalid;
        self.backfilled += more.backfilled;
        self.derivable += more.derivable;
        self.underivable += more.underivable;
        self.unplanned += more.unplanned;
    }

    /// How many there are.
    pub fn total(self) -> u64 {
        let without = self.derivable + self.underivable + self.unplanned;
        self.valid + self.invalid + self.backfilled + without
    }

    /// Whether each has a valid spec, but for those that were never started.
    pub fn all_valid(self) -> bool {
        self.total() == self.valid + self.backfilled + self.unplanned
    }
}

impl fmt::Display for AuditCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            valid,
            invalid,
            backfilled,
            derivable,
            underivable,
            unplanned,
        } = self;
        write!(
            f,
            "{valid} valid, {invalid} invalid, {backfilled} backfilled, {derivable} derivable, {underivable} underivable, \
             {unplanned} unplanned"
        )
    }
}
