//! The format of a file with tests of a flow.
//!
//! Always so: what is written in a file means one thing; `schemas/flow-test.schema.json` comes from these types.

use std::sync::LazyLock;

use indexmap::IndexMap;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::at::At;
use super::ran::RanStep;

/// Tests of a flow.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Tests of a flow")]
pub struct TestFile {
    /// The flow: a path such as `f/devgodzilla/run_next_step`, or a file beside this one. By default the flow of the same name beside
    /// this file.
    #[serde(default)]
    pub flow: Option<At<String>>,
    /// What becomes of steps in every test that does not say otherwise, by the step's id.
    #[serde(default)]
    pub mocks: IndexMap<At<String>, Mock>,
    /// What becomes of steps without a mock.
    #[serde(default)]
    pub unmocked: Unmocked,
    /// The tests.
    pub tests: Vec<At<Test>>,
}

/// What becomes of steps without a mock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Unmocked {
    /// The test fails, and says what to write.
    #[default]
    Fail,
    /// The step's script really runs.
    Run,
}

/// One test: what the flow is given, what becomes of its steps, and what is expected.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// What the test shows, in a few words.
    pub name: At<String>,
    /// The flow's inputs. As on Windmill, what is not given is absent, whatever default its form shows.
    #[serde(default)]
    pub args: Map<String, Value>,
    /// What becomes of steps, by the step's id; of a step of a sub-flow by `step/inner`. Those of the file hold for all others.
    #[serde(default)]
    pub mocks: IndexMap<At<String>, Mock>,
    /// What becomes of steps without a mock; by default what the file says.
    #[serde(default)]
    pub unmocked: Option<Unmocked>,
    /// What is expected.
    #[serde(default)]
    pub expect: Option<Expect>,
}

/// What becomes of a step that runs a script or a flow. It says one of `value`, `error`, `script`, `cancel`, `run` and `sequence`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mock {
    /// It ends well with this result.
    #[serde(default, deserialize_with = "given")]
    pub value: Option<Value>,
    /// It fails with this error: `message`, and mostly `name`.
    #[serde(default)]
    pub error: Option<Map<String, Value>>,
    /// This bash script really runs in its place, with its arguments as `$1`, `$2`, … by lines such as `name="$1"`.
    #[serde(default)]
    pub script: Option<String>,
    /// Somebody cancels the whole run while it runs.
    #[serde(default)]
    pub cancel: bool,
    /// It does what it does without a mock: its script runs, its sub-flow's steps run.
    #[serde(default)]
    pub run: bool,
    /// One after the other, for retries and loops: each try is one. A try more than there are fails the test.
    #[serde(default)]
    pub sequence: Option<Vec<Self>>,
    /// How long it takes, such as `90s` or `2h 30m`, on the flow's own clock.
    #[serde(default)]
    pub delay: Option<String>,
}

/// What is expected. What is not named is not looked at.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// How the flow ends.
    #[serde(default)]
    pub status: Option<Status>,
    /// The whole result.
    #[serde(default, deserialize_with = "given")]
    pub result: Option<Value>,
    /// A part of the result: of objects these keys at least, anything else as it is.
    #[serde(default, deserialize_with = "given")]
    pub result_contains: Option<Value>,
    /// Parts of the result, by JSON pointer.
    #[serde(default)]
    pub result_at: IndexMap<String, Value>,
    /// A part of the text of the error that the flow fails with, or that its failure handler was run for.
    #[serde(default)]
    pub error: Option<String>,
    /// The steps that ran a script or were mocked, all of them, in the order in which they began.
    #[serde(default)]
    pub steps: Option<Vec<At<RanStep>>>,
    /// Steps that did not run.
    #[serde(default)]
    pub not_run: Vec<At<String>>,
    /// How long the flow took on its own clock, such as `1h`.
    #[serde(default)]
    pub took: Option<String>,
}

/// How a flow ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Well.
    Success,
    /// Badly.
    Failure,
    /// Early, by `skip_if_stopped`.
    Skipped,
    /// Before its time, because somebody cancelled it.
    Canceled,
}

impl Status {
    /// The word in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Skipped => "skipped",
            Self::Canceled => "canceled",
        }
    }
}

/// What says in the file that it is generated, and by what.
const COMMENT: &str = "Generated by `millwright reference`. Do not edit.";

static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    let settings = SchemaSettings::draft2020_12();
    let schema = settings.into_generator().into_root_schema_for::<TestFile>();
    let mut document = Map::from_iter([("$comment".to_owned(), COMMENT.into())]);
    document.extend(schema.as_object().cloned().unwrap_or_default());
    let text = serde_json::to_string_pretty(&Value::Object(document));
    text.expect("plain data becomes JSON") + "\n"
});

/// The JSON Schema of a file with tests, with a newline at its end.
pub fn document() -> &'static str {
    &DOCUMENT
}

/// A value that is there, `null` as well.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}
