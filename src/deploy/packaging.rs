//! How a script reaches the code of its step: chosen for all scripts, or for one.
//!
//! Always so: what cannot be packaged as it is asked for is refused, never packaged in another way; where nobody asks, a worker
//! needs nothing of ours.

use std::path::Path;
use std::str::FromStr;
use std::sync::LazyLock;

use clap::ValueEnum;
use millwright_core::catalog::{GENERATED, Reach, ScriptInfo, scripts};

use super::native;
use super::wasm::{self, Module};
use crate::executable::{self, Executable};

/// How a script reaches the code of its step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Packaging {
    /// Bash that calls `millwright-step` from the PATH: for workers whose image carries it.
    #[default]
    Path,
    /// Bash that finds `millwright-step`, or fetches it from the refs API and checks it: for any worker.
    Native,
    /// TypeScript for bun, deno and node that carries its step as WebAssembly: for any worker.
    Wasm,
}

/// A packaging for one script, or for all that can have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    script: Option<String>,
    packaging: Packaging,
}

/// Why scripts cannot be packaged so.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackagingError {
    /// A choice names no packaging.
    #[error("{0:?} is no packaging: use path, native or wasm, or <script>=<packaging>")]
    Unknown(String),
    /// A choice names no script.
    #[error("there is no script {0:?}: the files in scripts/devgodzilla have their names")]
    NoScript(String),
    /// A script needs more than the API.
    #[error(
        "{0} cannot be packaged as wasm: it needs processes or files, which a JavaScript worker's sandbox has not; use native or path"
    )]
    NotPortable(String),
    /// This executable does not carry the modules.
    #[error(
        "this millwright was built without the WebAssembly modules: run `make wasm`, then build it again"
    )]
    NoModule,
    /// There is no step executable that scripts could name.
    #[error(
        "scripts packaged as native name the executable that workers fetch, the one beside millwright: {0}; where the workers' image carries it, use --packaging path"
    )]
    NoExecutable(String),
}

/// The texts of a script in a workspace: its file's name ending, and what it says.
pub(super) struct Packaged {
    pub(super) ending: &'static str,
    pub(super) text: String,
}

impl FromStr for Choice {
    type Err = PackagingError;

    fn from_str(text: &str) -> Result<Self, PackagingError> {
        let (script, word) = match text.split_once('=') {
            Some((script, word)) => (Some(script), word),
            None => (None, text),
        };
        let packaging = Packaging::from_str(word, false)
            .map_err(|_| PackagingError::Unknown(text.to_owned()))?;
        let script = script.map(|name| Path::new(name).file_name().unwrap_or_default());
        Ok(Self {
            script: script.map(|name| name.to_string_lossy().into_owned()),
            packaging,
        })
    }
}

impl std::fmt::Display for Choice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(script) = &self.script {
            write!(f, "{script}=")?;
        }
        let word = self.packaging.to_possible_value();
        f.write_str(word.as_ref().map_or("", |word| word.get_name()))
    }
}

/// The script as `choices` want it: the last one that names it, else the last one for all that it can have, else bash
/// that looks on the PATH.
///
/// # Errors
/// When it is named for a packaging that it cannot have, and when this executable lacks the modules.
pub(super) fn package(script: &ScriptInfo, choices: &[Choice]) -> Result<Packaged, PackagingError> {
    match packaging(script, choices)? {
        Packaging::Path => Ok(Packaged {
            ending: "sh",
            text: script.bash(GENERATED),
        }),
        Packaging::Native => Ok(Packaged {
            ending: "sh",
            text: native::script(script, executable()?),
        }),
        Packaging::Wasm => Ok(Packaged {
            ending: "ts",
            text: wasm::script(
                script,
                &Module::embedded(script.name).ok_or(PackagingError::NoModule)?,
            ),
        }),
    }
}

/// Choices for workers, before which nothing is installed on them: what needs the API alone carries its step, as far as this
/// executable has the modules, and the others fetch the step executable, where `choices` say nothing else.
pub(super) fn for_workers(choices: &[Choice]) -> Vec<Choice> {
    let all = |packaging| Choice {
        script: None,
        packaging,
    };
    let portable = wasm::is_embedded().then(|| all(Packaging::Wasm));
    let defaults = [all(Packaging::Native)].into_iter().chain(portable);
    defaults.chain(choices.iter().cloned()).collect()
}

/// The executable beside this program, which its server gives to workers.
fn executable() -> Result<&'static Executable, PackagingError> {
    static BESIDE: LazyLock<Result<Executable, String>> = LazyLock::new(|| {
        let found = Executable::read(&executable::beside());
        found.map_err(|error| error.to_string())
    });
    let beside = BESIDE.as_ref();
    beside.map_err(|problem| PackagingError::NoExecutable(problem.clone()))
}

/// Refuses choices for scripts that are not there.
pub(super) fn refuse_unknown(choices: &[Choice]) -> Result<(), PackagingError> {
    let all = scripts::all();
    let named = choices.iter().filter_map(|choice| choice.script.as_ref());
    let mut unknown = named.filter(|name| all.iter().all(|script| script.name != **name));
    unknown
        .next()
        .map_or(Ok(()), |name| Err(PackagingError::NoScript(name.clone())))
}

fn packaging(script: &ScriptInfo, choices: &[Choice]) -> Result<Packaging, PackagingError> {
    let fits = |packaging| packaging != Packaging::Wasm || script.reach == Reach::Api;
    let mut latest_first = choices.iter().rev();
    let own = latest_first.find(|choice| choice.script.as_deref() == Some(script.name));
    if let Some(own) = own {
        return if fits(own.packaging) {
            Ok(own.packaging)
        } else {
            Err(PackagingError::NotPortable(script.name.to_owned()))
        };
    }
    let mut of_all = choices
        .iter()
        .rev()
        .filter(|choice| choice.script.is_none());
    let of_all = of_all.find(|choice| fits(choice.packaging));
    Ok(of_all.map(|choice| choice.packaging).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(name: &str, choices: &[&str]) -> Result<Packaging, PackagingError> {
        let choices: Vec<Choice> = choices
            .iter()
            .map(|text| text.parse())
            .collect::<Result<_, _>>()?;
        refuse_unknown(&choices)?;
        let all = scripts::all();
        packaging(all.iter().find(|one| one.name == name).unwrap(), &choices)
    }

    #[test]
    fn a_scripts_own_choice_comes_before_that_for_all() {
        use Packaging::{Path, Wasm};
        for (name, choices, expected) in [
            ("spec_audit", &[][..], Path),
            ("spec_audit", &["wasm"], Wasm),
            ("open_pr", &["wasm"], Path),
            ("spec_audit", &["spec_audit=path", "wasm"], Path),
            (
                "spec_audit",
                &["wasm", "u/devgodzilla/spec_audit=path"],
                Path,
            ),
            ("handle_feedback", &["wasm", "spec_audit=path"], Wasm),
        ] {
            assert_eq!(chosen(name, choices), Ok(expected), "{name} {choices:?}");
        }
    }

    #[test]
    fn a_worker_needs_nothing_where_nobody_chooses() {
        let of = |name: &str, choices: &[Choice]| {
            let all = scripts::all();
            let script = all.iter().find(|one| one.name == name).unwrap();
            packaging(script, &for_workers(choices)).unwrap()
        };
        let portable = if wasm::is_embedded() {
            Packaging::Wasm
        } else {
            Packaging::Native
        };
        assert_eq!(of("spec_audit", &[]), portable);
        assert_eq!(of("open_pr", &[]), Packaging::Native);
        let path = ["path".parse().unwrap()];
        assert_eq!(of("spec_audit", &path), Packaging::Path);
        assert_eq!(of("open_pr", &path), Packaging::Path);
        let one = ["open_pr=path".parse().unwrap()];
        assert_eq!(of("open_pr", &one), Packaging::Path);
        assert_eq!(of("execute_step", &one), Packaging::Native);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let says = |choice: &str| chosen("open_pr", &[choice]).unwrap_err().to_string();
        assert!(says("open_pr=wasm").starts_with("open_pr cannot be packaged as wasm"));
        assert!(says("wsam").starts_with("\"wsam\" is no packaging"));
        assert!(says("opn_pr=path").starts_with("there is no script \"opn_pr\""));
    }

    #[test]
    fn a_choice_is_shown_as_it_was_given() {
        for text in ["path", "native", "spec_audit=wasm"] {
            assert_eq!(text.parse::<Choice>().unwrap().to_string(), text);
        }
    }
}
