//! `handle_feedback`: decides what follows when a protocol did not pass.
//!
//! Always so: `next_action` names what the caller has to do.

use crate::catalog::{Object, Reach, Script};

/// So often a step that failed is tried again before a person is asked.
pub const MOST_RETRIES: i64 = 2;

arguments! {
    /// What to do, about what.
    required {
        /// What to do.
        action: Action,
    }
    optional {
        /// What is known, such as the verdict.
        #[serde(default)]
        context: Object,
        /// The step run that it is about.
        step_run_id: Option<i64>,
        /// The protocol run that it is about.
        protocol_run_id: Option<i64>,
    }
}

words! {
    /// What to do about a failure.
    pub enum Action {
        /// Ask a person.
        Clarify,
        /// Plan again.
        RePlan,
        /// Specify again.
        ReSpecify,
        /// Execute the step again.
        Retry,
        /// Go on without the step.
        Skip,
        /// Stop until someone looks at it.
        Block,
    }
}

words! {
    /// What the caller has to do next.
    pub enum NextAction {
        /// Wait for a person's answer.
        AwaitUserInput,
        /// Plan again.
        GeneratePlan,
        /// Specify again.
        GenerateSpec,
        /// Execute the step again.
        ExecuteStep,
        /// Go on.
        Continue,
        /// Nothing; it is a person's turn.
        Manual,
    }
}

record! {
    /// What follows.
    pub struct Output {
        /// Whether the flow can go on by itself.
        pub resolved: bool,
        /// What the caller has to do next.
        pub next_action: NextAction,
        /// The context, with when and how it was handled.
        pub updated_context: Object,
        /// The question to a person.
        pub question: Option<String>,
        /// The answers to choose from.
        #[serde(default)]
        pub options: Vec<String>,
        /// What was done, in a sentence.
        pub message: Option<String>,
        /// Whether the step was skipped.
        #[serde(default)]
        pub step_skipped: bool,
        /// Whether the protocol is blocked.
        #[serde(default)]
        pub blocked: bool,
    }
}

impl Script for Args {
    type Output = Output;
    const NAME: &'static str = "handle_feedback";
    const SUMMARY: &'static str = "Decides what follows a failed verdict";
    const DESCRIPTION: &'static str = "Asks a question that holds the step back until it is answered, \
        has the step tried again, at most twice before a person is asked, has it skipped, or stops the \
        protocol until it is resumed. For `re_plan` and `re_specify` it says what comes next.";
    const IDEMPOTENT: bool = false;
    const TIMEOUT_SECONDS: i64 = 60;
    const REACH: Reach = Reach::Api;
}
