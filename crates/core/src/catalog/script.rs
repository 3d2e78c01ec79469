//! What a Windmill script is: a name, arguments, a result, and how it behaves.
//!
//! Always so: everything here is known at compile time, so the step executable needs no schema to read its arguments.

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::ArgumentKind;

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
}

/// One argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argument {
    /// Its name.
    pub name: &'static str,
    /// What JSON it takes.
    pub kind: ArgumentKind,
    /// Whether it must be given. One that need not be given may also be `null`.
    pub required: bool,
}
