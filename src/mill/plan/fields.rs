//! The fields that the mill does not act on.
//!
//! Always so: a field is left out only where leaving it out changes no result; any other is refused by its name.

use serde_json::Value;

/// Of a flow's `value`.
pub(super) const FLOW: &[&str] = &[
    "cache_ignore_s3_path",
    "cache_ttl",
    "chat_input_enabled",
    "concurrency_key",
    "concurrency_time_window_s",
    "concurrent_limit",
    "debounce_args_to_accumulate",
    "debounce_delay_s",
    "debounce_key",
    "delete_after_secs",
    "early_return",
    "groups",
    "max_total_debounces_amount",
    "max_total_debouncing_time",
    "notes",
    "preserve_step_tags",
    "priority",
];

/// Of a step.
pub(super) const MODULE: &[&str] = &[
    "cache_ignore_s3_path",
    "cache_ttl",
    "debouncing",
    "delete_after_secs",
    "delete_after_use",
    "priority",
];

/// Of a script by its path.
pub(super) const SCRIPT: &[&str] = &["hash", "is_trigger", "tag_override"];

/// Of a script in the flow.
pub(super) const RAW_SCRIPT: &[&str] = &[
    "assets",
    "concurrency_time_window_s",
    "concurrent_limit",
    "custom_concurrency_key",
    "is_trigger",
    "lock",
    "path",
    "tag",
];

/// Of a loop.
pub(super) const LOOP: &[&str] = &["squash"];

/// Of one of all branches.
pub(super) const BRANCH: &[&str] = &["parallel"];

/// Of everything else.
pub(super) const NOTHING: &[&str] = &[];

/// Whether a field has a value that is the same as its absence.
pub(super) fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

/// Why a field is refused.
pub(super) fn reason(name: &str) -> &'static str {
    match name {
        "input_transforms" => "arguments belong inside `value`: here Windmill drops them",
        "suspend" => "the mill waits for no approval",
        "sleep" => "the mill does not sleep before a step",
        "skip_expr" => "the mill does not skip a whole flow",
        _ => "the mill does not know this field",
    }
}
