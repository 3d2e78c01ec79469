//! `millwright openapi`: writes the refs API's description, or checks the committed one.
//!
//! Always so: `--check` changes nothing.

use std::fs;
use std::path::PathBuf;

use clap::Args;

use super::{CommandError, Exit, output};
use crate::server;

/// Writes the refs API's description.
#[derive(Debug, Args)]
pub(super) struct OpenapiArgs {
    /// Where it is written.
    #[arg(long, default_value = "schemas/openapi.json")]
    out: PathBuf,
    /// Compares instead of writing.
    #[arg(long)]
    check: bool,
}

/// Runs the command.
pub(super) fn run(args: &OpenapiArgs) -> Result<Exit, CommandError> {
    let path = &args.out;
    let document = server::document();
    if !args.check {
        write(path, document).map_err(|error| {
            CommandError::new(
                Exit::BadInput,
                format!("cannot write {}: {error}", path.display()),
            )
        })?;
        return Ok(Exit::Done);
    }
    if fs::read_to_string(path).is_ok_and(|found| found == document) {
        return Ok(Exit::Done);
    }
    output::note(format!(
        "{} is not what the handlers say: run `millwright openapi`",
        path.display()
    ));
    Ok(Exit::Failed)
}

fn write(path: &PathBuf, document: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, document)
}
