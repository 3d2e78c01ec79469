//! What a policy is held against: whether files are there, can be executed, and what prompts hold.
//!
//! Always so: a file is read where work will find it: in the protocol's first worktree, else in the folder that its branch
//! begins with, else in the commit.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use millwright_core::protocol::{Ground, PromptFile};

use super::{Contents, Source, plain};
use crate::files::read_file;
use crate::workspace::git::Git;

/// A longer prompt is not read.
const LONGEST: usize = 1024 * 1024;

/// Where a file lies.
enum Lies<'c> {
    OnDisk(PathBuf),
    InGit {
        git: &'c Git,
        commit: &'c str,
        path: String,
    },
}

impl Ground for Contents {
    fn file(&self, path: &str) -> Option<bool> {
        self.find(Path::new(path))?.can_be_executed()
    }

    fn in_protocol(&self, name: &str) -> String {
        self.protocol_folder.join(name).display().to_string()
    }

    fn prompt(&self, prompt_ref: &str) -> Option<PromptFile> {
        let name = Path::new(prompt_ref);
        let below = name.strip_prefix(&self.workspace).unwrap_or(name);
        let places = [self.protocol_folder.join(below), below.to_owned()];
        // An absolute name takes the place of what it is joined to.
        let there = |path: PathBuf| Some((self.find(&path)?, path));
        let (lies, path) = places.into_iter().find_map(there)?;
        Some(PromptFile {
            path: plain(&path).unwrap_or_else(|| path.display().to_string()),
            text: lies.text(),
        })
    }
}

impl Contents {
    fn find(&self, path: &Path) -> Option<Lies<'_>> {
        let on_disk = |folder: &Path| {
            let path = folder.join(path);
            path.is_file().then_some(Lies::OnDisk(path))
        };
        match &self.source {
            Source::Folder => on_disk(&self.workspace),
            Source::Commit {
                git,
                commit,
                names,
                worktree,
                ..
            } => {
                let begins = path.is_absolute() || path.starts_with(&self.protocol_folder);
                let folder = worktree.as_deref().or(begins.then_some(&*self.workspace));
                let in_git = || {
                    let path = plain(path).filter(|path| names.contains(path))?;
                    Some(Lies::InGit { git, commit, path })
                };
                folder.and_then(on_disk).or_else(in_git)
            }
        }
    }
}

impl Lies<'_> {
    fn can_be_executed(&self) -> Option<bool> {
        match self {
            Self::OnDisk(path) => Some(path.metadata().ok()?.permissions().mode() & 0o111 != 0),
            Self::InGit { git, commit, path } => {
                let words = [
                    "--literal-pathspecs",
                    "ls-tree",
                    "--full-tree",
                    commit,
                    "--",
                    path,
                ];
                Some(git.find(&words).ok()??.starts_with("100755"))
            }
        }
    }

    fn text(&self) -> Option<String> {
        match self {
            Self::OnDisk(path) => String::from_utf8(read_file(path, LONGEST).ok()?).ok(),
            Self::InGit { git, commit, path } => {
                let file = format!("{commit}:{path}");
                git.find(&["cat-file", "blob", "--end-of-options", &file])
                    .ok()?
            }
        }
    }
}
