//! A protocol's branch on its way to others.
//!
//! Always so: nothing is committed and nothing is forced; what the remote refuses stays as it is there.

use super::branch::Branch;
use super::git::Git;
use super::remote::Remote;
use super::{Options, Place, WorkspaceError};

/// The remote that is meant where there are several.
const REMOTE: &str = "origin";
/// What a push is told beside what every call is: nothing but the branch goes out.
pub(super) const SETTINGS: [&str; 6] = [
    "-c",
    "push.gpgSign=false",
    "-c",
    "push.followTags=false",
    "-c",
    "push.recurseSubmodules=no",
];

/// A protocol's branch that is there, and may be pushed.
#[derive(Debug)]
pub(crate) struct Publication {
    branch: Branch,
    base: String,
    base_branch: String,
}

/// The branch of a protocol, once it was made; none where the project's folder is no checkout, or the branch is not there.
///
/// # Errors
/// [`WorkspaceError`].
pub(crate) fn publication(
    place: &Place,
    options: &Options,
) -> Result<Option<Publication>, WorkspaceError> {
    let place = &place.here(options, &|_| ())?;
    let Some(branch) = Branch::find(place, options)? else {
        return Ok(None);
    };
    branch.caught_up()?;
    if branch.git().commit(&branch.reference())?.is_none() {
        return Ok(None);
    }
    Ok(Some(Publication {
        base: branch.base(&place.base_branch)?,
        base_branch: place.base_branch.clone(),
        branch,
    }))
}

impl Publication {
    /// The branch's name.
    pub(crate) fn branch(&self) -> &str {
        self.branch.name()
    }

    /// The name of the branch that it is to be merged into.
    pub(crate) fn base_branch(&self) -> &str {
        &self.base_branch
    }

    /// The remote's name and address, as it was written down; none where there is none, or several and none is `origin`.
    pub(crate) fn remote(&self) -> Result<Option<(String, String)>, WorkspaceError> {
        let git = self.branch.git();
        let listed = git.run(&["remote"])?;
        let names: Vec<&str> = listed.lines().collect();
        let name = match names[..] {
            [only] => only,
            _ if names.contains(&REMOTE) => REMOTE,
            _ => return Ok(None),
        };
        let key = format!("remote.{name}.url");
        let address = git.find(&["config", "--get", &key])?;
        Ok(address.map(|address| (name.to_owned(), address)))
    }

    /// Whether it has commits that the branch that it begins from has not.
    pub(crate) fn is_ahead(&self) -> Result<bool, WorkspaceError> {
        let range = format!("{}..{}", self.base, self.branch.reference());
        let count = self.branch.git().run(&["rev-list", "--count", &range])?;
        Ok(count != "0")
    }

    /// A file as the branch has it.
    pub(crate) fn file(&self, path: &str) -> Result<Option<String>, WorkspaceError> {
        let name = format!("{}:{path}", self.branch.reference());
        self.branch.git().find(&["show", "--end-of-options", &name])
    }

    /// The protocol's plan, as the branch has it.
    pub(crate) fn plan(&self) -> Result<Option<String>, WorkspaceError> {
        let path = self.branch.protocol_folder.join("plan.md");
        self.file(&path.display().to_string())
    }

    /// Pushes it to a remote, with settings that only git's environment tells.
    ///
    /// # Errors
    /// [`WorkspaceError::Git`] where the remote refuses or cannot be reached.
    pub(crate) fn push(
        &self,
        remote: &str,
        settings: Vec<(String, String)>,
    ) -> Result<(), WorkspaceError> {
        let mut settings = settings;
        settings.extend(self.branch.remote().into_iter().flat_map(Remote::settings));
        let git: Git = self.branch.git().with_settings(settings);
        let reference = self.branch.reference();
        let what = format!("{reference}:{reference}");
        let push = ["push", "--quiet", "--no-verify", "--", remote, &what];
        git.run(&[&SETTINGS[..], &push].concat()).map(drop)
    }
}
