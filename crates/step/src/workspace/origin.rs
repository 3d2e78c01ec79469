//! What is known of a protocol's branch beyond this machine.
//!
//! Always so: it is the same for a step that the API assigns and for a protocol run that it shows.

use millwright_core::protocol::{Assignment, Project, ProtocolRun, is_shared_branch};

/// Where a project's repository is, and whether a protocol's branch is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The project.
    pub(super) project_id: i64,
    /// The repository's address, which may hold a password.
    pub(super) git_url: String,
    /// Whether the protocol's branch was pushed there.
    pub(super) is_shared: bool,
    /// The first worktree of those that have worked for the protocol, on whatever machine.
    pub(super) worktree: Option<String>,
}

impl Origin {
    /// That of a step's work; none where the project has no repository, or someone chose a worktree for the protocol.
    pub(super) fn of(assignment: &Assignment) -> Option<Self> {
        Some(Self {
            project_id: assignment.project_id,
            git_url: assignment.git_url.clone()?,
            is_shared: assignment.is_shared,
            worktree: assignment.worktree.clone(),
        })
    }

    /// That of a protocol run.
    pub fn of_run(run: &ProtocolRun, project: &Project) -> Option<Self> {
        let origin = Self {
            is_shared: run.template_config.as_ref().is_some_and(is_shared_branch),
            worktree: run.worktree_path.clone().filter(|_| run.worktree_made),
            ..Self::of_project(project)?
        };
        run.chosen_worktree().is_none().then_some(origin)
    }

    /// That of a protocol run to come.
    pub(crate) fn of_project(project: &Project) -> Option<Self> {
        let git_url = project.git_url.clone().filter(|url| !url.is_empty());
        git_url.map(|git_url| Self {
            project_id: project.id,
            git_url,
            is_shared: false,
            worktree: None,
        })
    }
}
