//! What flows read of the API's records.
//!
//! Always so: the records are those of `protocol`; the compiler holds each name and type against them.

use crate::catalog::{Expr, Record};
use crate::protocol::{
    ProtocolRun, ProtocolStatus, QaResult, QaVerdict, RunNextStep, SelectedStep, StepRun,
    StepStatus,
};

macro_rules! readable {
    ($type:ty { $($(#[doc = $doc:literal])+ $field:ident: $of:ty,)+ }) => {
        impl Record for $type {}

        impl $type {
            $(
                $(#[doc = $doc])+
                pub fn $field(of: &Expr<Self>) -> Expr<$of> {
                    let _exists: fn(&Self) -> &$of = |record| &record.$field;
                    of.field_named(stringify!($field))
                }
            )+
        }
    };
}

readable! {
    ProtocolRun {
        /// In a flow: the protocol run's id.
        id: i64,
        /// In a flow: how it stands.
        status: ProtocolStatus,
    }
}

readable! {
    StepRun {
        /// In a flow: the step run's id.
        id: i64,
        /// In a flow: how it stands.
        status: StepStatus,
    }
}

readable! {
    RunNextStep {
        /// In a flow: the first step that was claimed; null when none is ready.
        step_run_id: Option<i64>,
        /// In a flow: the claim on it.
        claim: Option<String>,
        /// In a flow: every step that was claimed.
        steps: Vec<SelectedStep>,
        /// In a flow: how the protocol stands.
        status: ProtocolStatus,
        /// In a flow: the same in a sentence.
        message: String,
    }
}

readable! {
    SelectedStep {
        /// In a flow: the step run.
        step_run_id: i64,
        /// In a flow: the claim on it.
        claim: String,
    }
}

readable! {
    QaResult {
        /// In a flow: what the check came to.
        verdict: QaVerdict,
        /// In a flow: the same in a sentence.
        summary: String,
        /// In a flow: how the step stands after the policies decided.
        step_status: StepStatus,
    }
}
