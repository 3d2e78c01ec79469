//! How scripts are packaged, as commands are told.
//!
//! Always so: a choice for one script comes before those for all, wherever it stands.

use clap::Args;

use crate::deploy::Choice;

#[derive(Debug, Args)]
pub(super) struct PackagingArgs {
    /// How scripts reach their steps' code: `path`, bash that finds millwright-step on the worker's PATH; `native`, bash that
    /// fetches it where it is missing; or `wasm`, TypeScript that carries the step, where it needs the API alone. For one
    /// script: `<SCRIPT>=<PACKAGING>`. May be given several times, or separated by commas. For workers, by default `wasm` where
    /// that can be, else `native`.
    #[arg(
        long = "packaging",
        value_name = "[SCRIPT=]PACKAGING",
        value_delimiter = ','
    )]
    pub(super) choices: Vec<Choice>,
}
