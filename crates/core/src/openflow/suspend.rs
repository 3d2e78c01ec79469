//! When a flow waits for people after a step.
//!
//! Always so: without `required_events`, or with none of them, nothing waits.

use serde_json::Value;

use super::Transform;
use super::node::node;

node! {
    /// That the flow waits after a step until people have agreed.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct Suspend {
        /// How many have to agree.
        required_events: Option<u64>,
        /// How many seconds they have; half an hour where nothing is said.
        timeout: Option<u64>,
        /// What they are asked.
        resume_form: Option<ResumeForm>,
        /// Whether they have to be logged in.
        user_auth_required: Option<bool>,
        /// The groups of which they have to be.
        user_groups_required: Option<Transform>,
        /// Whether who started the flow may not agree.
        self_approval_disabled: Option<bool>,
        /// Whether they are not offered to refuse.
        hide_cancel: Option<bool>,
        /// Whether the flow goes on where someone refuses or the time is over.
        continue_on_disapprove_timeout: Option<bool>,
    }
}

node! {
    /// What those who agree are asked.
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct ResumeForm {
        /// The JSON Schema of the answer. Windmill uses it for the form alone.
        schema: Option<Value>,
    }
}
