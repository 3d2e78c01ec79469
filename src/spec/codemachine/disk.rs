//! The files of a workspace.
//!
//! Always so: nothing outside the project's folder is read, not even through a symbolic link, and no file is read
//! that is larger than a megabyte.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use millwright_core::protocol::import::codemachine::{Files, Problem, Source};
use millwright_step::files::read_file;

use super::script;

const LARGEST: usize = 1024 * 1024;

/// Where a workspace lies.
#[derive(Debug, Clone)]
pub(super) struct Disk {
    /// The project's folder: paths of the spec begin here.
    pub(super) project: PathBuf,
    /// The workspace's own folder: the project's, or one below it.
    around: PathBuf,
    /// The folder of the configuration: the workspace's `.codemachine`, or the workspace's own.
    pub(super) package: PathBuf,
}

impl Disk {
    /// Finds the folders, without symbolic links.
    pub(super) fn find(folder: &Path, project: Option<&Path>) -> Result<Self, Problem> {
        let canonical = |path: &Path| {
            fs::canonicalize(path)
                .map_err(|reason| problem(path, format!("it cannot be opened: {reason}")))
        };
        let given = canonical(folder)?;
        let has_agents = |folder: &Path| config_file(folder, "main.agents").is_some();
        let nested = given.join(".codemachine");
        let package = [nested, given.clone()]
            .into_iter()
            .find(|folder| has_agents(folder));
        let package = package.ok_or_else(|| {
            let reason = "this is no CodeMachine workspace: it has neither config/main.agents.js nor \
                          .codemachine/config/main.agents.js";
            problem(folder, reason.to_owned())
        })?;
        let package = canonical(&package)?;
        let around = match package.parent() {
            Some(parent) if package.ends_with(".codemachine") => parent.to_path_buf(),
            _ => given,
        };
        let project = project.map_or_else(|| Ok(around.clone()), canonical)?;
        if !package.starts_with(&project) {
            let reason = format!("it lies outside the project's folder {}", project.display());
            return Err(problem(folder, reason));
        }
        Ok(Self {
            project,
            around,
            package,
        })
    }

    /// What a file of the configuration exports, where it is there.
    pub(super) fn config(&self, stem: &str) -> Result<Option<Source>, Problem> {
        config_file(&self.package, stem)
            .map(|path| self.program(&path))
            .transpose()
    }

    /// What a program exports.
    pub(super) fn program(&self, path: &Path) -> Result<Source, Problem> {
        let file = self.name_of(path);
        let wrong = |reason| Problem {
            place: file.clone(),
            reason,
        };
        let text = self
            .read(path)
            .map_err(|reason| wrong(format!("it {reason}")))?;
        let value = script::evaluate(path, &text).map_err(wrong)?;
        Ok(Source { file, value })
    }

    /// What a file of JSON says, where it is there.
    pub(super) fn json(&self, name: &str) -> Result<Option<Source>, Problem> {
        let path = self.package.join(name);
        if fs::symlink_metadata(&path).is_ok() {
            self.program(&path).map(Some)
        } else {
            Ok(None)
        }
    }

    /// The names of a folder's files, sorted; none where there is no folder.
    pub(super) fn names_in(&self, folder: &Path) -> Result<Vec<String>, String> {
        let entries = match fs::read_dir(self.inside(folder)?) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(format!("cannot be listed: {error}")),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| format!("cannot be listed: {error}"))?;
            if entry.path().is_file() {
                names.extend(entry.file_name().into_string());
            }
        }
        names.sort();
        Ok(names)
    }

    /// A path's name in the spec and in messages.
    pub(super) fn name_of(&self, path: &Path) -> String {
        let name = path.strip_prefix(&self.project).unwrap_or(path);
        name.display().to_string()
    }

    /// Where `inputs/specifications.md` is.
    pub(super) fn specification(&self) -> Result<Option<String>, Problem> {
        let candidates = [
            self.package.join("inputs/specifications.md"),
            self.around.join(".codemachine/inputs/specifications.md"),
        ];
        let Some(path) = candidates
            .iter()
            .find(|path| fs::symlink_metadata(path).is_ok())
        else {
            return Ok(None);
        };
        let name = self.text_file(path);
        name.map(Some).map_err(|reason| Problem {
            place: self.name_of(path),
            reason: format!("it {reason}"),
        })
    }

    /// The path of a file with text that a step can be given.
    fn text_file(&self, path: &Path) -> Result<String, String> {
        self.read(path)?;
        Ok(self.name_of(&self.inside(path)?))
    }

    fn read(&self, path: &Path) -> Result<String, String> {
        let path = self.inside(path)?;
        let bytes = read_file(&path, LARGEST).map_err(|error| unreadable(&error))?;
        String::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())
    }

    /// The path without symbolic links, where it lies in the project's folder.
    fn inside(&self, path: &Path) -> Result<PathBuf, String> {
        let path = match fs::canonicalize(path) {
            Ok(path) => path,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return self.inside_if_made(path).and(Ok(path.to_path_buf()));
            }
            Err(error) => return Err(unreadable(&error)),
        };
        if path.starts_with(&self.project) {
            Ok(path)
        } else {
            Err(self.outside())
        }
    }

    /// The path, by its text alone, where it lies in the project's folder.
    fn inside_if_made(&self, path: &Path) -> Result<PathBuf, String> {
        let mut plain = PathBuf::new();
        for part in path.components() {
            match part {
                Component::ParentDir => {
                    plain.pop();
                }
                Component::CurDir => {}
                other => plain.push(other),
            }
        }
        if plain.starts_with(&self.project) {
            Ok(plain)
        } else {
            Err(self.outside())
        }
    }

    fn outside(&self) -> String {
        format!(
            "leads out of the project's folder {}",
            self.project.display()
        )
    }

    /// The first place where a written path is: absolute, or below the workspace's folder, the configuration's or the
    /// project's.
    fn locate(&self, written: &str) -> PathBuf {
        let folders = [&self.around, &self.package, &self.project];
        let candidates = folders.map(|folder| folder.join(written));
        let found = candidates
            .iter()
            .find(|path| fs::symlink_metadata(path).is_ok());
        found.unwrap_or(&candidates[0]).clone()
    }
}

impl Files for Disk {
    fn prompt(&self, written: &str) -> Result<String, String> {
        self.text_file(&self.locate(written))
    }

    fn prompts(&self, written: &str) -> Result<Vec<String>, String> {
        let path = self.locate(written);
        if !path.is_dir() {
            return Ok(vec![self.text_file(&path)?]);
        }
        let names = self.names_in(&path)?;
        let texts = names.iter().map(|name| path.join(name));
        let texts = texts.filter(|path| path.extension().is_some_and(|kind| kind == "md"));
        texts.map(|path| self.text_file(&path)).collect()
    }

    fn folder(&self, name: &str) -> Result<Vec<String>, String> {
        let path = self.locate(&format!("prompts/templates/{name}"));
        let names = self.names_in(&path)?;
        let mut numbered: Vec<(u64, &String)> = names
            .iter()
            .filter_map(|name| Some((number_of(name)?, name)))
            .collect();
        numbered.sort();
        if numbered.is_empty() {
            return Err(format!("has no numbered files in {}", self.name_of(&path)));
        }
        let files = numbered.into_iter().map(|(_, name)| path.join(name));
        files
            .map(|file| {
                let name = self.name_of(&file);
                self.text_file(&file)
                    .map_err(|reason| format!("has {name}, which {reason}"))
            })
            .collect()
    }

    fn later(&self, written: &str, of_package: bool) -> Result<String, String> {
        let base = if of_package {
            &self.package
        } else {
            &self.around
        };
        let path = self.inside_if_made(&base.join(written))?;
        Ok(self.name_of(&path))
    }
}

/// `3 - review.md` has the number 3.
fn number_of(name: &str) -> Option<u64> {
    let digits = name.len() - name.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, rest) = name.split_at(digits);
    let is_numbered = rest.trim_start().starts_with('-');
    number.parse().ok().filter(|_| is_numbered)
}

/// A file of the configuration, whatever kind of program it is.
fn config_file(package: &Path, stem: &str) -> Option<PathBuf> {
    let kinds = ["js", "cjs", "mjs", "json"];
    let mut files = kinds
        .map(|kind| package.join(format!("config/{stem}.{kind}")))
        .into_iter();
    files.find(|path| fs::symlink_metadata(path).is_ok())
}

fn problem(path: &Path, reason: String) -> Problem {
    Problem {
        place: path.display().to_string(),
        reason,
    }
}

fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "is not there".to_owned(),
        // A reason of ours, not the system's.
        io::ErrorKind::Other => error.to_string(),
        _ => format!("cannot be read: {error}"),
    }
}
