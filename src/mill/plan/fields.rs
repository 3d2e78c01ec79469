//! The fields that the mill does not act on.
//!
//! Always so: a field is left out only where leaving it out changes no result; any other is refused by its name.

use serde_json::Value;

/// A field that is left out, and why that changes no result.
pub(super) type Harmless = (&'static str, &'static str);

const EDITOR: &str = "it is for the editor";
const ONE_QUEUE: &str = "the mill has one queue, in the order of arrival";
const KEEPS: &str = "the mill keeps what it ran, as Windmill's community edition does";
const NO_DEBOUNCE: &str = "Windmill's community edition ignores it as well";
const NO_S3: &str = "the mill keeps results by all of their arguments";
const NO_TAGS: &str = "the mill has one worker, which takes every tag";
const TRIGGER: &str = "the mill has no triggers";

/// Of a flow: in whose name it runs.
pub(super) const FOR_OTHERS: &[&str] = &["on_behalf_of", "on_behalf_of_email"];

/// Of a flow's `value`.
pub(super) const FLOW: &[Harmless] = &[
    ("cache_ignore_s3_path", NO_S3),
    ("chat_input_enabled", EDITOR),
    ("debounce_args_to_accumulate", NO_DEBOUNCE),
    ("debounce_delay_s", NO_DEBOUNCE),
    ("debounce_key", NO_DEBOUNCE),
    ("delete_after_secs", KEEPS),
    ("groups", EDITOR),
    ("max_total_debounces_amount", NO_DEBOUNCE),
    ("max_total_debouncing_time", NO_DEBOUNCE),
    ("notes", EDITOR),
    ("preserve_step_tags", NO_TAGS),
    ("priority", ONE_QUEUE),
];

/// Of a step.
pub(super) const MODULE: &[Harmless] = &[
    ("cache_ignore_s3_path", NO_S3),
    ("debouncing", NO_DEBOUNCE),
    ("delete_after_secs", KEEPS),
    ("delete_after_use", KEEPS),
    ("priority", ONE_QUEUE),
];

/// Of `suspend`.
pub(super) const SUSPEND: &[Harmless] = &[("skin", EDITOR)];

/// Of a script by its path.
pub(super) const SCRIPT: &[Harmless] = &[
    (
        "hash",
        "the mill has one version of a script, the file at its path",
    ),
    ("is_trigger", TRIGGER),
    ("tag_override", NO_TAGS),
];

/// Of a script in the flow.
pub(super) const RAW_SCRIPT: &[Harmless] = &[
    ("assets", EDITOR),
    ("is_trigger", TRIGGER),
    ("lock", "the mill installs nothing"),
    ("path", EDITOR),
    ("tag", NO_TAGS),
];

/// Of a loop.
pub(super) const LOOP: &[Harmless] = &[("squash", "it makes rounds quicker, and no different")];

/// Of one of all branches.
pub(super) const BRANCH: &[Harmless] =
    &[("parallel", "the branches' own `parallel` is what counts")];

/// Of everything else.
pub(super) const NOTHING: &[Harmless] = &[];

/// Why it makes no difference who runs a flow, or who answers it.
pub(super) const ONE_PERSON: &str = "left out, the mill knows one person, and Windmill lets an administrator answer whatever it says";

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
        "error_include_result" => "the mill's Windmill does not know it: its error has no result",
        _ => "the mill does not know this field",
    }
}
