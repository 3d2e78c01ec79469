//! `protocol_plan_and_wait`: starts a protocol's planning and waits until it is over.
//!
//! Always so: a protocol that is already planned, or being planned, is only waited for.

use crate::catalog::{Reach, Script};
use crate::protocol::{ProtocolRun, ProtocolStatus};

arguments! {
    /// What protocol to plan, and how long to wait.
    required {
        /// The protocol run.
        protocol_run_id: i64,
    }
    optional {
        /// How many seconds to wait, at least 1.
        #[serde(default = "timeout_seconds")]
        timeout_seconds: i64,
        /// How many milliseconds between two looks, at least 50.
        #[serde(default = "poll_interval_ms")]
        poll_interval_ms: i64,
    }
}

record! {
    /// The planned protocol.
    pub struct Output {
        /// The protocol.
        pub protocol: ProtocolRun,
        /// Its status: neither `pending` nor `planning` any more.
        pub status: ProtocolStatus,
    }
}

impl Script for Args {
    type Output = Output;
    const NAME: &'static str = "protocol_plan_and_wait";
    const SUMMARY: &'static str = "Plans a protocol and waits for the plan";
    const DESCRIPTION: &'static str = "Starts the planning of a protocol run and looks again until \
        planning is over. Fails when the API refuses, when planning fails or is cancelled, and when the \
        time is up.";
    const IDEMPOTENT: bool = true;
    const TIMEOUT_SECONDS: i64 = 3_600;
    const REACH: Reach = Reach::Api;
}

fn timeout_seconds() -> i64 {
    300
}

fn poll_interval_ms() -> i64 {
    500
}
