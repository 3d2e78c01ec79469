//! What the generating commands do with their files: write them, or compare.
//!
//! Always so: comparing changes nothing, and names the command that mends what it finds.

use std::path::Path;

use super::{CommandError, Exit, output};
use crate::deploy::GeneratedFiles;

/// Writes what differs below `root`, or, with `check`, says what does; `mend` is the command that writes it.
pub(super) fn bring(
    files: &GeneratedFiles,
    root: &Path,
    check: bool,
    mend: &str,
) -> Result<Exit, CommandError> {
    let differences = if check {
        files.differences(root)
    } else {
        files.write(root)
    };
    let differences = differences.map_err(|error| CommandError::new(Exit::BadInput, error))?;
    for difference in &differences {
        let word = if check {
            difference.word()
        } else {
            difference.mended()
        };
        let path = root.join(difference.path());
        let path = path.strip_prefix(".").unwrap_or(&path);
        output::note(format_args!("{word}: {}", path.display()));
    }
    if check && !differences.is_empty() {
        let message = format!("these files are not what the program says: run `{mend}`");
        return Err(CommandError::new(Exit::Failed, message));
    }
    if !check {
        let (count, written) = (files.iter().count(), differences.len());
        output::note(format_args!("{count} files, {written} written or removed"));
    }
    Ok(Exit::Done)
}
