//! The programs that run scripts: those found on this machine, and those that `millwright.toml` names.
//!
//! Always so: a program that is missing is told by name before anything runs, with what to do.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::file::ProjectFile;
use crate::mill::MillError;
use crate::mill::language::{Language, no_other_script};

/// The file below a project's root.
const FILE: &str = "millwright.toml";
/// The bash that Windmill's workers use.
const BASH: &str = "/bin/bash";
/// Where a command names the script's file.
const SCRIPT: &str = "{script}";

/// What runs a script: a program and its first arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::mill) enum Runtime {
    /// A bash.
    Bash(Vec<String>),
    /// A bun, which runs TypeScript.
    Bun(Vec<String>),
    /// A node, which runs JavaScript.
    Node(Vec<String>),
    /// A python 3.
    Python(Vec<String>),
    /// None, and why.
    Missing(String),
    /// A command of the project's own, with the script's file among its arguments.
    Command(Vec<String>),
}

/// The programs of a project.
#[derive(Debug, Default)]
pub(in crate::mill) struct Interpreters {
    /// Folders with programs, as `PATH` has them.
    search: String,
    /// By name, the commands that the project has of its own.
    named: BTreeMap<String, Vec<String>>,
    /// The project's packages of JavaScript, where it has some.
    pub(in crate::mill) packages: Option<PathBuf>,
}

/// The programs that the mill knows how to use, and the names by which a project may choose one of its own.
const KNOWN: [&str; 4] = ["bash", "bun", "node", "python3"];

impl Interpreters {
    /// Reads a project's file.
    ///
    /// # Errors
    /// [`MillError::Unreadable`] or [`MillError::BadFile`].
    pub(super) fn read(root: &Path, search: &str) -> Result<Self, MillError> {
        let mut file = ProjectFile::read(root.join(FILE))?;
        let mut named = BTreeMap::new();
        for (name, words) in file.take("interpreters")? {
            let command = command_of(&name, &words).map_err(|reason| file.bad(&reason))?;
            named.insert(name, command);
        }
        file.end("[interpreters]")?;
        let packages = root.join("node_modules");
        Ok(Self {
            search: search.to_owned(),
            named,
            packages: std::path::absolute(packages)
                .ok()
                .filter(|path| path.is_dir()),
        })
    }

    /// What runs scripts of a language.
    ///
    /// # Errors
    /// Which program is missing, and what to do.
    pub(in crate::mill) fn runtime(&self, language: &Language) -> Result<Runtime, String> {
        match language {
            Language::Bash => {
                let named = self.named.get("bash").cloned();
                Ok(Runtime::Bash(
                    named.unwrap_or_else(|| vec![BASH.to_owned()]),
                ))
            }
            Language::TypeScript(name) => {
                let bun = self.find("bun").map(Runtime::Bun);
                let found = bun.or_else(|| self.find("node").map(Runtime::Node));
                found.ok_or_else(|| missing(name, "bun or node"))
            }
            Language::Python => {
                let found = self.find("python3").or_else(|| self.find("python"));
                found
                    .map(Runtime::Python)
                    .ok_or_else(|| missing("python3", "python3"))
            }
            Language::Other(name) => {
                let named = self.named.get(name).cloned().map(Runtime::Command);
                named.ok_or_else(|| unknown(name))
            }
        }
    }

    /// The name by which what a script of TypeScript imports is found: without its version, where it is a package that is
    /// there already.
    ///
    /// # Errors
    /// Why it cannot be there.
    pub(in crate::mill) fn name_of_import<'a>(
        &self,
        import: &'a str,
        runtime: &Runtime,
    ) -> Result<Cow<'a, str>, String> {
        self.check_import(import, runtime)?;
        let fetches = matches!(runtime, Runtime::Bun(_)) && self.packages.is_none();
        Ok(if fetches {
            Cow::Borrowed(import)
        } else {
            unpinned(import)
        })
    }

    fn check_import(&self, import: &str, runtime: &Runtime) -> Result<(), String> {
        if import.starts_with(['.', '/']) {
            return Err(no_other_script(import));
        }
        if ["npm:", "jsr:", "http:", "https:"]
            .iter()
            .any(|kind| import.starts_with(kind))
        {
            return Err(format!(
                "it imports {import:?}, which deno alone knows, and the mill has no deno"
            ));
        }
        if import.starts_with("bun:") || import == "bun" {
            return match runtime {
                Runtime::Bun(_) => Ok(()),
                _ => Err(format!(
                    "it imports {import:?}, which bun alone knows: install bun"
                )),
            };
        }
        let is_there = !matches!(runtime, Runtime::Node(_))
            || is_of_node(import)
            || self.has_package(&unpinned(import));
        if is_there {
            return Ok(());
        }
        Err(format!(
            "it imports {import:?}, and the project's node_modules has no such package: `npm install` it there, or install bun, which fetches packages itself"
        ))
    }

    fn has_package(&self, import: &str) -> bool {
        let words = if import.starts_with('@') { 2 } else { 1 };
        let name: Vec<&str> = import.split('/').take(words).collect();
        let packages = self.packages.as_ref();
        packages.is_some_and(|packages| packages.join(name.join("/")).is_dir())
    }

    /// A program: the project's own, else the first of its name.
    fn find(&self, name: &str) -> Option<Vec<String>> {
        if let Some(command) = self.named.get(name) {
            return Some(command.clone());
        }
        let folders = std::env::split_paths(&self.search);
        let mut files = folders.map(|folder| folder.join(name));
        let file = files.find(|file| is_program(file))?;
        Some(vec![file.to_string_lossy().into_owned()])
    }
}

fn is_program(file: &Path) -> bool {
    let metadata = file.metadata();
    metadata.is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

fn command_of(name: &str, words: &toml::Value) -> Result<Vec<String>, String> {
    let list = words.as_array().map(Vec::as_slice).unwrap_or_default();
    let words: Option<Vec<String>> = list
        .iter()
        .map(|word| Some(word.as_str()?.to_owned()))
        .collect();
    let words = words.filter(|words| words.first().is_some_and(|program| !program.is_empty()));
    let words = words.ok_or_else(|| {
        format!("interpreters.{name} is no list of words such as [\"{name}\", \"{SCRIPT}\"]")
    })?;
    let names_script = words.iter().any(|word| word.contains(SCRIPT));
    match (KNOWN.contains(&name), names_script) {
        (true, true) => Err(format!(
            "interpreters.{name} names {SCRIPT}, which the mill adds itself to {name}"
        )),
        (false, false) => Err(format!(
            "interpreters.{name} does not say where the script's file goes: write {SCRIPT} there"
        )),
        _ => Ok(words),
    }
}

impl Runtime {
    /// The words of its command, with the script's file where it goes.
    pub(in crate::mill) fn words(&self, script: &str) -> Vec<String> {
        match self {
            Self::Command(words) => {
                let words = words.iter();
                words.map(|word| word.replace(SCRIPT, script)).collect()
            }
            Self::Missing(_) => Vec::new(),
            Self::Bash(words) | Self::Bun(words) | Self::Node(words) | Self::Python(words) => {
                words.clone()
            }
        }
    }
}

fn missing(language: &str, program: &str) -> String {
    format!(
        "the mill runs `{language}` with {program}, which is not on the PATH: install it, or name it in [interpreters] of {FILE}"
    )
}

fn unknown(language: &str) -> String {
    format!(
        "the mill runs bash, bun, nativets, deno and python3, and not `{language}`: name what runs it in {FILE}, such as [interpreters] {language} = [\"{language}\", \"{SCRIPT}\"]"
    )
}

/// A package without the version that Windmill lets a script name, such as `lodash@4.17.21/fp`.
fn unpinned(import: &str) -> Cow<'_, str> {
    let scope = usize::from(import.starts_with('@'));
    let Some((name, after)) = import[scope..].split_once('@') else {
        return Cow::Borrowed(import);
    };
    let path = after.find('/').map_or("", |start| &after[start..]);
    Cow::Owned(format!("{}{name}{path}", &import[..scope]))
}

/// Whether a module is part of node.
fn is_of_node(import: &str) -> bool {
    let name = import.split('/').next().unwrap_or_default();
    import.starts_with("node:") || BUILT_IN.contains(&name)
}

/// Node's own modules that have a name without `node:` as well.
const BUILT_IN: [&str; 41] = [
    "assert",
    "async_hooks",
    "buffer",
    "child_process",
    "cluster",
    "console",
    "constants",
    "crypto",
    "dgram",
    "diagnostics_channel",
    "dns",
    "domain",
    "events",
    "fs",
    "http",
    "http2",
    "https",
    "inspector",
    "module",
    "net",
    "os",
    "path",
    "perf_hooks",
    "process",
    "punycode",
    "querystring",
    "readline",
    "repl",
    "stream",
    "string_decoder",
    "sys",
    "timers",
    "tls",
    "trace_events",
    "tty",
    "url",
    "util",
    "v8",
    "vm",
    "worker_threads",
    "zlib",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_named_without_its_version() {
        for (import, expected) in [
            ("lodash", "lodash"),
            ("lodash@4.17.21", "lodash"),
            ("lodash@4.17.21/fp", "lodash/fp"),
            ("@scope/x", "@scope/x"),
            ("@scope/x@1.0.0-beta.1/y/z", "@scope/x/y/z"),
        ] {
            assert_eq!(unpinned(import), expected);
        }
    }
}
