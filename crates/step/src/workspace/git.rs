//! The program git, in one folder.
//!
//! Always so: nothing asks a person, no hook of the user runs, and no variable leads git to another repository.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::WorkspaceError;
use crate::host::{Finished, NativeHost, Processes, Program, block_on};

/// The longest that git may take, as for the checkout of a large tree.
const LIMIT: Duration = Duration::from_mins(10);

/// Variables that would lead git away from the folder that it is run in.
pub(crate) const REDIRECTING: &[&str] = &[
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
];

/// What every call is told: no hooks, no signatures that need a person, no work in the background, names as they are.
const SETTINGS: [&str; 9] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.quotePath=false",
    "commit.gpgSign=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "submodule.recurse=false",
    "advice.detachedHead=false",
    "merge.renormalize=false",
];

/// Who commits where the repository names nobody.
const NOBODY: (&str, &str) = ("Millwright", "millwright@localhost");

/// The name and address under which commits of work in this checkout are made.
///
/// # Errors
/// When git cannot be run.
pub(crate) fn committer(folder: &Path) -> Result<(String, String), WorkspaceError> {
    Git::at(folder).committer()
}

/// A folder of a repository.
#[derive(Debug, Clone)]
pub(super) struct Git {
    folder: PathBuf,
    index: Option<PathBuf>,
    settings: Vec<(String, String)>,
}

impl Git {
    pub(super) fn at(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            index: None,
            settings: Vec::new(),
        }
    }

    /// The same with settings that stand in its environment, where nobody else reads them.
    pub(super) fn with_settings(&self, settings: Vec<(String, String)>) -> Self {
        Self {
            settings,
            ..self.clone()
        }
    }

    /// The same with an index of its own, beside the folder's.
    pub(super) fn with_index(&self, index: &Path) -> Self {
        Self {
            index: Some(index.to_owned()),
            ..self.clone()
        }
    }

    /// Runs git and gives what it printed, without the line end.
    pub(super) fn run(&self, arguments: &[&str]) -> Result<String, WorkspaceError> {
        let finished = self.finish(arguments)?;
        if finished.succeeded() {
            Ok(finished.stdout.trim_end_matches('\n').to_owned())
        } else {
            Err(self.failed(arguments, &finished))
        }
    }

    /// Asks git something that it answers by its exit code: 0 is yes, 1 is no.
    pub(super) fn holds(&self, arguments: &[&str]) -> Result<bool, WorkspaceError> {
        let finished = self.finish(arguments)?;
        match finished.code {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            _ => Err(self.failed(arguments, &finished)),
        }
    }

    /// Asks for something that may not be there.
    pub(super) fn find(&self, arguments: &[&str]) -> Result<Option<String>, WorkspaceError> {
        let finished = self.finish(arguments)?;
        let found = finished.succeeded().then_some(finished.stdout);
        Ok(found.map(|text| text.trim_end_matches('\n').to_owned()))
    }

    /// The commit that a name means.
    pub(super) fn commit(&self, name: &str) -> Result<Option<String>, WorkspaceError> {
        let name = format!("{name}^{{commit}}");
        self.find(&[
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            &name,
        ])
    }

    /// The folder of the repository's administration, which all of its worktrees share.
    pub(super) fn common_folder(&self) -> Result<PathBuf, WorkspaceError> {
        let words = ["rev-parse", "--path-format=absolute", "--git-common-dir"];
        self.run(&words).map(PathBuf::from)
    }

    /// The options that name an author, where the repository names none.
    pub(super) fn author(&self) -> Result<Vec<String>, WorkspaceError> {
        let known = self.find(&[
            "-c",
            "user.useConfigOnly=true",
            "var",
            "GIT_COMMITTER_IDENT",
        ])?;
        let author = self.find(&["-c", "user.useConfigOnly=true", "var", "GIT_AUTHOR_IDENT"])?;
        if known.and(author).is_some() {
            return Ok(Vec::new());
        }
        let (name, email) = NOBODY;
        let settings = [format!("user.name={name}"), format!("user.email={email}")];
        let options = settings.into_iter();
        Ok(options
            .flat_map(|setting| ["-c".to_owned(), setting])
            .collect())
    }

    /// The name and address under which commits are made.
    fn committer(&self) -> Result<(String, String), WorkspaceError> {
        let known = self.author()?.is_empty();
        let found = if known {
            self.find(&["var", "GIT_COMMITTER_IDENT"])?
        } else {
            None
        };
        let person = found.as_deref().and_then(|text| {
            let (name, rest) = text.split_once(" <")?;
            Some((name, rest.split_once('>')?.0))
        });
        let (name, email) = person.unwrap_or(NOBODY);
        Ok((name.to_owned(), email.to_owned()))
    }

    fn finish(&self, arguments: &[&str]) -> Result<Finished, WorkspaceError> {
        let host = NativeHost::new();
        let mut variables = environment(|name| std::env::var(name).ok(), &self.settings);
        if let Some(index) = &self.index {
            variables.insert("GIT_INDEX_FILE".to_owned(), index.display().to_string());
        }
        let settings = SETTINGS.iter().flat_map(|setting| ["-c", setting]);
        let program = Program {
            name: "git",
            arguments: settings
                .chain(arguments.iter().copied())
                .map(str::to_owned)
                .collect(),
            directory: Some(self.folder.clone()),
            environment: variables,
            withheld: REDIRECTING,
            limit: LIMIT,
        };
        Ok(block_on(host.run(&program))?)
    }

    fn failed(&self, arguments: &[&str], finished: &Finished) -> WorkspaceError {
        let how = finished.code.map_or_else(
            || "was killed".to_owned(),
            |code| format!("failed with {code}"),
        );
        let word = arguments
            .iter()
            .find(|word| !word.starts_with('-') && !word.contains('='));
        WorkspaceError::Git {
            word: word.copied().unwrap_or_default().to_owned(),
            folder: self.folder.clone(),
            how,
            said: finished.stderr.trim().replace('\n', "; "),
        }
    }
}

/// What git is told by its environment, with `settings` added to those that the worker has for it already.
pub(crate) fn environment(
    variable: impl Fn(&str) -> Option<String>,
    settings: &[(String, String)],
) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::from([
        // Nobody sits there to answer.
        ("GIT_TERMINAL_PROMPT".to_owned(), "0".to_owned()),
        ("GIT_EDITOR".to_owned(), "true".to_owned()),
        ("LC_ALL".to_owned(), "C".to_owned()),
    ]);
    if variable("GIT_SSH_COMMAND").is_none() {
        let command = "ssh -o BatchMode=yes".to_owned();
        variables.insert("GIT_SSH_COMMAND".to_owned(), command);
    }
    if !settings.is_empty() {
        let count = variable("GIT_CONFIG_COUNT").and_then(|count| count.parse().ok());
        let first: usize = count.unwrap_or(0);
        for (nth, (key, value)) in settings.iter().enumerate() {
            variables.insert(format!("GIT_CONFIG_KEY_{}", first + nth), key.clone());
            variables.insert(format!("GIT_CONFIG_VALUE_{}", first + nth), value.clone());
        }
        let count = first + settings.len();
        variables.insert("GIT_CONFIG_COUNT".to_owned(), count.to_string());
    }
    variables
}
