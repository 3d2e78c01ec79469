//! The protocol whose branch a delivery is about.
//!
//! Always so: a project counts by its `git_url`, and a protocol by the branch that its steps commit to; no spec is read.

use std::path::PathBuf;

use millwright_core::protocol::{Hook, Project, is_same_repository};

use crate::server::state::AppState;
use crate::store::StoreError;
use crate::store::protocols::{ProjectStatus, ProtocolOutline, Tables};

/// What a delivery is about.
#[derive(Debug)]
pub(super) struct Found {
    /// The protocol run.
    pub(super) protocol: i64,
    /// Its branch.
    pub(super) branch: String,
    /// The folder of its checkout, which need not be on this machine.
    pub(super) checkout: Option<PathBuf>,
}

/// The protocol run, with the hook as it was given. Where several share the branch: the one with the pull request, then one
/// that has not ended, then the newest.
pub(super) async fn protocol_of(
    app: &AppState,
    hook: Hook,
) -> Result<Option<(Hook, Found)>, StoreError> {
    let work = app.work.clone();
    let protocols = app.work.protocols();
    let found = protocols.read(move |tables| {
        let mut found = Vec::new();
        for project in projects_of(tables, &hook)? {
            for run in tables.outlines(project.id)? {
                let branch = work.branch_of(&run);
                if !is_setup(&run, &project) && hook.branches.contains(&branch) {
                    let checkout = run.chosen_worktree.clone().or(project.local_path.clone());
                    found.push((run, branch, checkout));
                }
            }
        }
        let best = found.into_iter().max_by_key(|(run, ..)| rank(run, &hook));
        Ok(best.map(|(run, branch, checkout)| {
            let checkout = checkout.map(PathBuf::from);
            let protocol = run.id;
            let found = Found {
                protocol,
                branch,
                checkout,
            };
            (hook, found)
        }))
    });
    found.await
}

fn projects_of(tables: &Tables<'_>, hook: &Hook) -> Result<Vec<Project>, StoreError> {
    let mut projects = tables.projects(None)?;
    projects.retain(|project| {
        let address = project.git_url.as_deref().unwrap_or_default();
        let mut addresses = hook.addresses.iter();
        project.status != ProjectStatus::Deleted.as_str()
            && addresses.any(|other| is_same_repository(address, other))
    });
    Ok(projects)
}

/// The protocol that sets its project up has no branch.
fn is_setup(run: &ProtocolOutline, project: &Project) -> bool {
    run.protocol_name == format!("setup-{}", project.id)
}

fn rank(run: &ProtocolOutline, hook: &Hook) -> (bool, bool, i64) {
    let is_its = run.pr_number.is_some() && run.pr_number == hook.pr_number;
    (is_its, !run.status.is_terminal(), run.id)
}
