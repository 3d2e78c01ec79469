//! Planning in the server: a protocol without a spec is planned by an engine, in a thread of its own.
//!
//! Always so: whatever becomes of the thread, the protocol is planned or blocked in the end, with its event.

use std::sync::Arc;

use millwright_core::protocol::{ProjectDefaults, ProtocolRun};
use millwright_step::planning::{Planner, Request};

use super::log::LogFile;
use super::{Shared, Work};
use crate::store::StoreError;
use crate::store::protocols::{PlanningFailure, Tables};

impl Work {
    /// Plans a started protocol in the background.
    pub(super) fn plan(&self, protocol_run_id: i64) {
        let shared = Arc::clone(&self.0);
        tokio::spawn(async move {
            if let Err(error) = plan(shared, protocol_run_id).await {
                tracing::warn!(protocol_run_id, %error, "the protocol was not planned");
            }
        });
    }
}

async fn plan(shared: Arc<Shared>, id: i64) -> Result<(), StoreError> {
    let held = move |tables: &Tables<'_>| tables.planning_awaits_answers(id);
    if shared.protocols.write(held).await? {
        return Ok(());
    }
    let asked = shared
        .protocols
        .read(move |tables| request(tables, id))
        .await?;
    let Some(request) = asked else {
        shared
            .protocols
            .write(move |tables| tables.plan(id))
            .await?;
        return Ok(());
    };
    let protocols = shared.protocols.clone();
    let outcome = tokio::task::spawn_blocking(move || ask(&shared, &request)).await;
    let outcome = outcome.unwrap_or_else(|_| Err(PlanningFailure::unexpected()));
    protocols
        .write(move |tables| match outcome {
            Ok((spec, details)) => tables.plan_as(id, spec, details),
            Err(failure) => tables.planning_failed(id, &failure),
        })
        .await?;
    Ok(())
}

type Outcome = Result<
    (
        serde_json::Value,
        serde_json::Map<String, serde_json::Value>,
    ),
    PlanningFailure,
>;

fn ask(shared: &Shared, request: &Request) -> Outcome {
    let execution = format!("planning-{}", uuid::Uuid::new_v4());
    let log = LogFile::create(&shared.logs, &execution);
    let entry = shared.running.enter(&execution);
    let _guard = shared.running.leave_at_end(&execution);
    let planner = Planner {
        engines: &shared.engines,
        settings: &shared.settings,
        log: &log,
        cancel: &entry.cancel,
    };
    match planner.plan(request) {
        Ok(plan) => {
            let details = plan.asked.map(|asked| asked.details());
            Ok((plan.spec, details.unwrap_or_default()))
        }
        Err(error) => Err(PlanningFailure {
            error: error.to_string(),
            error_type: error.kind().to_owned(),
            engine_id: error.engine_id().map(str::to_owned),
            stderr: error.stderr().map(str::to_owned),
        }),
    }
}

/// What is to be planned; none where there is a spec, or steps, or nowhere to plan.
fn request(tables: &Tables<'_>, id: i64) -> Result<Option<Request>, StoreError> {
    let run = tables.protocol(id)?;
    let project = tables.project(run.project_id)?;
    let is_planned = tables.protocol_spec(id)?.spec.is_some() || !tables.steps_of(id)?.is_empty();
    let folder = run
        .worktree_path
        .clone()
        .or_else(|| project.local_path.clone());
    if is_planned || folder.is_none() {
        return Ok(None);
    }
    Ok(Some(Request {
        project_folder: folder,
        protocol_run_id: run.id,
        branch: branch(&run),
        protocol_name: run.protocol_name,
        protocol_root: run.protocol_root,
        base_branch: run.base_branch,
        request: run.description,
        defaults: ProjectDefaults::of_project(
            project.default_models.as_ref(),
            project.policy_overrides.as_ref(),
        ),
    }))
}

fn branch(run: &ProtocolRun) -> Option<String> {
    let branch = run.template_config.as_ref()?.get("branch")?;
    branch.as_str().map(str::to_owned)
}
