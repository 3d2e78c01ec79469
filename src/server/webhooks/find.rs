//! The protocol whose branch a delivery is about.
//!
//! Always so: a project counts by its `git_url`, and a protocol by the branch that its steps commit to.

use millwright_core::protocol::{Hook, Project, ProtocolRun, is_same_repository};

use crate::server::state::AppState;
use crate::store::StoreError;
use crate::store::protocols::{ProjectStatus, ProtocolFilter, Tables};

/// The protocol run, and its branch, with the hook as it was given. Where several share the branch: the one with the pull
/// request, then one that has not ended, then the newest.
pub(super) async fn protocol_of(
    app: &AppState,
    hook: Hook,
) -> Result<Option<(Hook, i64, String)>, StoreError> {
    let work = app.work.clone();
    let protocols = app.work.protocols();
    let found = protocols.read(move |tables| {
        let mut found = Vec::new();
        for project in projects_of(tables, &hook)? {
            for run in tables.protocols(all_of(&project))? {
                let branch = work.branch_of(&run, &project);
                if !is_setup(&run, &project) && hook.branches.contains(&branch) {
                    found.push((run, branch));
                }
            }
        }
        let best = found.into_iter().max_by_key(|(run, _)| rank(run, &hook));
        Ok(best.map(|(run, branch)| (hook, run.id, branch)))
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

fn all_of(project: &Project) -> ProtocolFilter {
    ProtocolFilter {
        project_id: Some(project.id),
        status: None,
        limit: u32::MAX,
    }
}

/// The protocol that sets its project up has no branch.
fn is_setup(run: &ProtocolRun, project: &Project) -> bool {
    run.protocol_name == format!("setup-{}", project.id)
}

fn rank(run: &ProtocolRun, hook: &Hook) -> (bool, bool, i64) {
    let is_its = run.pr_number.is_some() && run.pr_number == hook.pr_number;
    (is_its, !run.status.is_terminal(), run.id)
}
