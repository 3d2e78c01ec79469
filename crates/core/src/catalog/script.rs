//! What a Windmill script is: a name, arguments, a result, and how it behaves.
//!
//! Always so: everything here is known without a schema, so the step executable, which has to be small, carries none.

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{ArgumentKind, Object};

/// A Windmill script. It is implemented by the script's `Args`.
pub trait Script: Arguments + Serialize + DeserializeOwned + JsonSchema + 'static {
    /// What it yields.
    type Output: Serialize + DeserializeOwned + JsonSchema + 'static;
    /// The folder of its path in a workspace.
    const FOLDER: &'static str = "u/devgodzilla";
    /// Its name: the path's last part, and the command of the step executable.
    const NAME: &'static str;
    /// The executable that does the work, called with [`Script::NAME`] and the arguments.
    const PROGRAM: &'static str = "millwright-step";
    /// One short line.
    const SUMMARY: &'static str;
    /// What it does, and when it fails.
    const DESCRIPTION: &'static str;
    /// Whether calling it again with the same arguments does no more than calling it once. Only then may a flow retry it.
    const IDEMPOTENT: bool;
    /// After how many seconds a flow ends it, when the flow says nothing else.
    const TIMEOUT_SECONDS: i64;
    /// What it needs beside itself.
    const REACH: Reach;
    /// Whether it runs agents or other engines on the worker.
    const RUNS_ENGINES: bool = false;
}

/// What a script needs beside itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The API alone.
    Api,
    /// The disk, and perhaps the API.
    Files,
    /// Processes that it starts, the disk, and perhaps the API.
    Processes,
}

/// The arguments of a script, in the order in which bash takes them. Implemented by [`arguments!`](crate::arguments).
pub trait Arguments {
    /// Each argument.
    const ARGUMENTS: &'static [Argument];

    /// What stands for arguments that are not given, by name; those for which nothing does are not among them.
    fn defaults() -> Object;
}

/// One argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argument {
    /// Its name.
    pub name: &'static str,
    /// What it is, in the lines of its documentation.
    pub about: &'static [&'static str],
    /// What JSON it takes.
    pub kind: ArgumentKind,
    /// Whether it must be given. One that need not be given may also be `null`.
    pub required: bool,
}

/// What a type that is made of optional fields alone has where nothing is given; `null` is left out.
///
/// # Panics
/// Where a field has to be given: `arguments!` makes no such type.
#[doc(hidden)]
pub fn defaults_of<T: Serialize + DeserializeOwned>() -> Object {
    let given_nothing = serde_json::from_value::<T>(Object::new().into());
    let all = given_nothing.and_then(serde_json::to_value);
    match all.expect("what is optional has a default that is JSON") {
        Value::Object(all) => all
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .collect(),
        _ => Object::new(),
    }
}
