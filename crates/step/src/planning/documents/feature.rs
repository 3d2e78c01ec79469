//! A feature: its name, its number, its folder.
//!
//! Always so: two features of a project never get one number, and a name leads nowhere else.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::planning::PlanningError;

/// The folder of all features.
const SPECS: &str = ".specify/specs";
/// So many characters a name may have.
const LONGEST_NAME: usize = 50;

/// A feature that is to be specified.
#[derive(Debug)]
pub(crate) struct Feature {
    /// Its folder.
    pub(crate) folder: PathBuf,
    /// Its name, such as `add-login`.
    pub(crate) name: String,
    /// Its folder's or branch's name.
    pub(crate) branch: String,
    /// Its number in the project.
    pub(crate) number: Option<u32>,
    /// The specification's file.
    pub(crate) spec: &'static str,
}

impl Feature {
    /// A new feature with the next number, in a folder of its own that is made here: `.specify/specs/003-add-login`.
    ///
    /// # Errors
    /// [`PlanningError::Document`] where the folder cannot be made, or `.specify` leads out of the project.
    pub(crate) fn new(root: &Path, name: &str) -> Result<Self, PlanningError> {
        let specs = root.join(SPECS);
        let failed = |error: std::io::Error| PlanningError::document(&specs, error);
        super::drawer::refuse_outside(root, &specs)?;
        fs::create_dir_all(&specs).map_err(failed)?;
        // Whoever else counts here waits, so that no number is given twice.
        let lock = File::open(&specs).map_err(failed)?;
        lock.lock().map_err(failed)?;
        let number = next_number(&specs).map_err(failed)?;
        let branch = format!("{number:03}-{name}");
        let folder = specs.join(&branch);
        fs::create_dir(&folder).map_err(|error| PlanningError::document(&folder, error))?;
        Ok(Self {
            folder,
            name: name.to_owned(),
            branch,
            number: Some(number),
            spec: "spec.md",
        })
    }

    /// The feature of a protocol's branch: `.specify/specs/<branch>`.
    pub(crate) fn of_branch(root: &Path, branch: &str) -> Self {
        let folder = branch.replace('/', "-");
        Self {
            folder: root.join(SPECS).join(folder),
            name: name_of(branch).to_owned(),
            branch: branch.to_owned(),
            number: None,
            spec: "feature-spec.md",
        }
    }

    /// Takes the folder away again, where nothing is in it.
    pub(crate) fn drop_empty(&self) {
        // One that holds something stays.
        let _ = fs::remove_dir(&self.folder);
    }
}

/// A text as a name: lower case, letters and digits of any script, and single hyphens.
pub(crate) fn slug(text: &str) -> String {
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric() && c != '_');
    let joined = words.filter(|word| !word.is_empty()).collect::<Vec<_>>();
    let short: String = joined.join("-").chars().take(LONGEST_NAME).collect();
    let short = short.trim_matches('-');
    if short.is_empty() { "feature" } else { short }.to_owned()
}

/// A feature's name by that of its folder or branch: `003-add-login` and `feature-add-login` are both `add-login`.
pub(super) fn name_of(branch: &str) -> &str {
    let last = branch.rsplit('/').next().unwrap_or(branch);
    let numbered = last.trim_start_matches(|c: char| c.is_ascii_digit());
    let name = numbered.strip_prefix('-').filter(|_| numbered != last);
    let name = name.or_else(|| last.strip_prefix("feature-"));
    name.filter(|name| !name.is_empty()).unwrap_or(last)
}

fn next_number(specs: &Path) -> std::io::Result<u32> {
    let mut last: u32 = 0;
    for entry in fs::read_dir(specs)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let number = name.split('-').next().and_then(|part| part.parse().ok());
        last = last.max(number.unwrap_or(0));
    }
    last.checked_add(1)
        .ok_or_else(|| std::io::Error::other("there are no numbers left"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_whatever_they_are_made_of() {
        for (text, expected) in [
            ("Add login!", "add-login"),
            ("  ../../etc/passwd", "etc-passwd"),
            ("Über uns", "über-uns"),
            ("…", "feature"),
        ] {
            assert_eq!(slug(text), expected);
        }
        assert_eq!(slug(&"long ".repeat(40)).len(), 49);
        for (branch, name) in [
            ("003-add-login", "add-login"),
            ("feature-add-login", "add-login"),
            ("feature/add-login", "add-login"),
            ("feature-", "feature-"),
            ("2048", "2048"),
        ] {
            assert_eq!(name_of(branch), name);
        }
    }

    #[test]
    fn many_at_once_get_numbers_of_their_own() {
        let project = tempfile::tempdir().unwrap();
        fs::create_dir_all(project.path().join(".specify/specs/041-old")).unwrap();
        let root = fs::canonicalize(project.path()).unwrap();
        let numbers = std::thread::scope(|scope| {
            let make = |n| {
                Feature::new(&root, &format!("f{n}"))
                    .unwrap()
                    .number
                    .unwrap()
            };
            let threads: Vec<_> = (0..8).map(|n| scope.spawn(move || make(n))).collect();
            let mut numbers: Vec<u32> = threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect();
            numbers.sort_unstable();
            numbers
        });
        assert_eq!(numbers, (42..50).collect::<Vec<_>>());
    }
}
