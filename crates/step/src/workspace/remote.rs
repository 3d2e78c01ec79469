//! The repository through which machines share a protocol's branch.
//!
//! Always so: nothing there is ever forced or removed, and what is secret in its address is told to git's environment alone.

use std::fs::File;

use super::git::Git;
use super::lock::lock;
use super::publish::SETTINGS;
use super::{Address, WorkspaceError};

/// A branch in a repository elsewhere.
#[derive(Debug)]
pub(super) struct Remote {
    git: Git,
    address: Address,
    reference: String,
    /// Where it is kept here what was last seen there, and taken over.
    seen: String,
    /// Where it is kept until then.
    fetched: String,
    base: String,
}

/// Where branches stand there.
#[derive(Debug, Default)]
pub(super) struct Tips {
    pub(super) branch: Option<String>,
    base: Option<String>,
    head: Option<String>,
}

/// What came of a push.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    Done,
    /// Somebody else has pushed in between.
    Late,
}

impl Remote {
    pub(super) fn new(git: Git, address: Address, branch: &str, base: &str) -> Self {
        Self {
            git,
            address,
            reference: format!("refs/heads/{branch}"),
            seen: format!("refs/millwright/remote/{branch}"),
            fetched: format!("refs/millwright/fetched/{branch}"),
            base: base.to_owned(),
        }
    }

    /// The address, for messages.
    pub(super) fn address(&self) -> &str {
        self.address.shown()
    }

    /// What tells git what is secret in the address.
    pub(super) fn settings(&self) -> Vec<(String, String)> {
        self.address.settings()
    }

    /// Asks where the branch, and the one that it begins from, stand.
    pub(super) fn look(&self) -> Result<Tips, WorkspaceError> {
        let base = format!("refs/heads/{}", self.base);
        let words = ["ls-remote", "--quiet", "--", self.address()];
        let names = ["HEAD", &base, &self.reference];
        let listed = self.ask("asking", &[&words[..], &names].concat())?;
        let mut tips = Tips::default();
        for (commit, name) in listed.lines().filter_map(|line| line.split_once('\t')) {
            let commit = Some(commit.to_owned());
            if name == self.reference {
                tips.branch = commit;
            } else if name == base {
                tips.base = commit;
            } else if name == "HEAD" {
                tips.head = commit;
            }
        }
        Ok(tips)
    }

    /// Fetches the branch, and gives the commit that it is at there.
    pub(super) fn bring(&self, tip: &str) -> Result<String, WorkspaceError> {
        if self.git.commit(tip)?.is_some() {
            return Ok(tip.to_owned());
        }
        self.fetch(&self.reference, &self.fetched)?;
        self.git.run(&["rev-parse", "--verify", &self.fetched])
    }

    /// Fetches the branch that it begins from; where there is none of that name, the one that the repository is on.
    pub(super) fn bring_base(&self, tips: &Tips) -> Result<String, WorkspaceError> {
        let local = format!("refs/remotes/origin/{}", self.base);
        let named = format!("refs/heads/{}", self.base);
        let (from, tip) = match (&tips.base, &tips.head) {
            (Some(tip), _) => (named.as_str(), tip),
            (None, Some(tip)) => ("HEAD", tip),
            (None, None) => {
                return Err(WorkspaceError::NoBase {
                    address: self.address().to_owned(),
                    base: self.base.clone(),
                });
            }
        };
        if self.git.commit(&local)?.as_ref() != Some(tip) {
            self.fetch(from, &local)?;
        }
        self.git.run(&["rev-parse", "--verify", &local])
    }

    /// What was last seen there.
    pub(super) fn seen(&self) -> Result<Option<String>, WorkspaceError> {
        self.git.commit(&self.seen)
    }

    /// Brings the branch there to a commit that follows from where it stands.
    pub(super) fn push(&self, commit: &str) -> Result<Pushed, WorkspaceError> {
        let pushed = self.push_as(commit, &self.reference)?;
        if pushed == Pushed::Done {
            self.saw(commit)?;
        }
        Ok(pushed)
    }

    /// Pushes a commit under the name of a branch.
    pub(super) fn push_as(&self, commit: &str, reference: &str) -> Result<Pushed, WorkspaceError> {
        let what = format!("{commit}:{reference}");
        let words = [
            "push",
            "--quiet",
            "--no-verify",
            "--",
            self.address(),
            &what,
        ];
        let said = match self.ask("pushing to", &[&SETTINGS[..], &words].concat()) {
            Ok(_) => return Ok(Pushed::Done),
            Err(WorkspaceError::Remote { said, .. }) if is_late(&said) => return Ok(Pushed::Late),
            Err(error) => error,
        };
        Err(said)
    }

    /// Remembers what is there, once it is here too.
    pub(super) fn saw(&self, commit: &str) -> Result<(), WorkspaceError> {
        self.git.run(&["update-ref", &self.seen, commit]).map(drop)
    }

    fn fetch(&self, from: &str, to: &str) -> Result<(), WorkspaceError> {
        let _lock = self.lock()?;
        let what = format!("+{from}:{to}");
        let words = ["fetch", "--quiet", "--no-tags", "--no-recurse-submodules"];
        let words = [&words[..], &["--", self.address(), &what]].concat();
        self.ask("fetching from", &words).map(drop)
    }

    /// Two that fetch the same branch at once are in each other's way.
    fn lock(&self) -> Result<File, WorkspaceError> {
        lock(
            &self
                .git
                .common_folder()?
                .join("millwright")
                .join("fetch.lock"),
        )
    }

    fn ask(&self, doing: &'static str, words: &[&str]) -> Result<String, WorkspaceError> {
        let git = self.git.with_settings(self.settings());
        git.run(words).map_err(|error| match error {
            WorkspaceError::Git { said, .. } => WorkspaceError::Remote {
                doing,
                address: self.address().to_owned(),
                next: next(&said),
                said: self.address.strike_from(&said),
            },
            error => error,
        })
    }
}

/// Whether a push was refused since the branch has moved there, or just moves.
fn is_late(said: &str) -> bool {
    let races = [
        "cannot lock ref",
        "failed to update ref",
        "reference already exists",
    ];
    said.contains("! [rejected]")
        || said.contains("[remote rejected]") && races.iter().any(|race| said.contains(race))
}

/// What to do about what git says.
fn next(said: &str) -> &'static str {
    let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if says(&[
        "No space left on device",
        "Disk quota exceeded",
        "File too large",
        "unable to write file",
    ]) {
        "the disk is full: free some of it, or name a folder on another one in MILLWRIGHT_CACHE"
    } else if says(&[
        "could not read Username",
        "could not read Password",
        "terminal prompts disabled",
        "Authentication failed",
        "Permission denied",
        "Access denied",
        "Host key verification failed",
        "error: 401",
        "error: 403",
    ]) {
        "this machine lacks the credentials: give it an ssh key or a credential helper of git's, or the project's git_url a user and password"
    } else if says(&["remote rejected", "pre-receive hook declined"]) {
        "the repository's rules refuse it: let whoever works here push branches there"
    } else if says(&[
        "not found",
        "does not appear to be a git repository",
        "does not exist",
    ]) {
        "look at the project's git_url"
    } else {
        "look at the address and the network, then run it again"
    }
}
