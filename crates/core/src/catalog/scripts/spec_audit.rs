//! `spec_audit`: how protocol runs stand with their specs, and specs for those that have none.
//!
//! Always so: its result is bounded, however many runs there are; the whole is on record as events.

use crate::catalog::{Reach, Script};
use crate::protocol::{AuditCounts, SpecAudit};

arguments! {
    /// Which protocol runs: all, where nothing is said.
    required {}
    optional {
        /// Those of a project.
        project_id: Option<i64>,
        /// That one alone.
        protocol_id: Option<i64>,
        /// Whether runs without a spec get the one that can be derived.
        #[serde(default)]
        backfill: bool,
    }
}

record! {
    /// What was found.
    pub struct Output {
        /// How many runs were looked at.
        pub audited: u64,
        /// Whether each has a valid spec, but for those that were never started.
        pub all_valid: bool,
        /// How many came to what.
        pub counts: AuditCounts,
        /// The first of those that have no valid spec.
        pub findings: Vec<SpecAudit>,
        /// Whether there are more of them.
        pub truncated: bool,
    }
}

impl Script for Args {
    type Output = Output;
    const NAME: &'static str = "spec_audit";
    const SUMMARY: &'static str = "Audits protocol runs' specs";
    const DESCRIPTION: &'static str = "Validates the spec of each protocol run, and with `backfill` \
        gives those that have none the one that can be derived from their files or steps. Nothing \
        that is there is overwritten. Runs without a valid spec are a result, not a failure.";
    const IDEMPOTENT: bool = true;
    const TIMEOUT_SECONDS: i64 = 1_800;
    const REACH: Reach = Reach::Api;
}
