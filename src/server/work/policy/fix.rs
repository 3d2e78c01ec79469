//! What a policy wants and what can be added: headings of sections, and files with a heading.
//!
//! Always so: only files below the workspace are written, on the protocol's own branch, and what was there stays.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use millwright_core::protocol::{
    PolicyCode, PolicyFinding, ProjectPolicy, missing_sections, with_sections,
};
use millwright_step::files::{read_file, write_whole};

/// A longer file is not changed.
const LONGEST: usize = 1024 * 1024;

/// The files that can be mended, by their paths in the workspace.
pub(super) fn to_mend(findings: &[PolicyFinding]) -> BTreeMap<&str, PolicyCode> {
    let is_markdown = |path: &&str| Path::new(path).extension().is_some_and(|end| end == "md");
    let mended = findings.iter().filter_map(|finding| {
        let code = finding.code;
        let can_be = matches!(code, PolicyCode::SectionMissing | PolicyCode::FileMissing);
        let path = finding.path.as_deref().filter(is_markdown)?;
        let is_below = !Path::new(path).is_absolute();
        (can_be && is_below).then_some((path, code))
    });
    mended.collect()
}

/// Mends files in a folder. Says which.
pub(super) fn mend(
    folder: &Path,
    files: &BTreeMap<&str, PolicyCode>,
    policy: &ProjectPolicy,
) -> io::Result<Vec<String>> {
    let mut mended = Vec::new();
    for (path, code) in files {
        let file = inside(folder, path)?;
        let text = match (code, file.symlink_metadata()) {
            (PolicyCode::FileMissing, Err(_)) => Some(format!("# {}\n", title(path))),
            (PolicyCode::SectionMissing, Ok(_)) => completed(&file, policy)?,
            _ => None,
        };
        if let Some(text) = text {
            write_whole(&file, text.as_bytes())?;
            mended.push((*path).to_owned());
        }
    }
    Ok(mended)
}

fn completed(file: &Path, policy: &ProjectPolicy) -> io::Result<Option<String>> {
    let text = String::from_utf8(read_file(file, LONGEST)?).map_err(io::Error::other)?;
    let missing = missing_sections(&text, &policy.requirements.step_sections);
    Ok((!missing.is_empty()).then(|| with_sections(&text, &missing)))
}

/// A file below a folder, also where links lead.
fn inside(folder: &Path, path: &str) -> io::Result<PathBuf> {
    let file = folder.join(path);
    let mut there = file.as_path();
    while there.symlink_metadata().is_err() {
        there = there.parent().unwrap_or(folder);
    }
    let real = fs::canonicalize(there)?;
    if real.starts_with(fs::canonicalize(folder)?) {
        Ok(if there == file { real } else { file })
    } else {
        Err(io::Error::other(format!(
            "{path} leads out of the workspace"
        )))
    }
}

/// A file's name as a heading.
fn title(path: &str) -> String {
    let stem = Path::new(path).file_stem().unwrap_or_default();
    let words = stem.to_string_lossy().replace(['-', '_'], " ");
    let mut letters = words.chars();
    let first = letters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(letters).collect()
}
