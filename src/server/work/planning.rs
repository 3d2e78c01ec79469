//! Planning in the server: a protocol without a spec is planned by an engine, in a thread of its own.
//!
//! Always so: whatever becomes of the thread, the protocol is planned or blocked in the end, with its event; the engine
//! works for one that is being planned alone, and no two work for one protocol.

use std::sync::Arc;

use millwright_core::protocol::{
    Answer, DecompositionReport, Files, Project, ProjectDefaults, ProtocolRun, ProtocolStatus,
    answers_as_text,
};
use millwright_step::planning::{Planner, Request};
use millwright_step::workspace::Origin;
use serde_json::{Map, Value};

use super::contents::files;
use super::log::LogFile;
use super::policy::EffectivePolicy;
use super::registry::Entry;
use super::{LOOK_AGAIN, Shared, Work, orphan, owner};
use crate::store::StoreError;
use crate::store::protocols::{PlanningFailure, Tables, is_planned_anew};

impl Work {
    /// Starts a protocol, or has it planned anew; its steps are made in the background. One that its project's policy blocked
    /// goes on where that is kept now.
    ///
    /// # Errors
    /// As [`Tables::start`](crate::store::protocols::Tables::start) or [`Tables::replan`](crate::store::protocols::Tables::replan).
    pub async fn start(&self, protocol_run_id: i64, anew: bool) -> Result<ProtocolRun, StoreError> {
        if !anew && let Some(goes_on) = self.go_on_after_policy(protocol_run_id).await? {
            return Ok(goes_on);
        }
        let started = self
            .protocols()
            .write(move |tables| {
                if anew {
                    tables.replan(protocol_run_id)
                } else {
                    tables.start(protocol_run_id)
                }
            })
            .await?;
        self.plan(protocol_run_id);
        Ok(started)
    }

    /// Stops a protocol for a while, and the engine that plans it here.
    ///
    /// # Errors
    /// As [`Tables::pause`](crate::store::protocols::Tables::pause).
    pub async fn pause(&self, protocol_run_id: i64) -> Result<ProtocolRun, StoreError> {
        let paused = self
            .protocols()
            .write(move |tables| tables.pause(protocol_run_id))
            .await?;
        self.stop_planning(protocol_run_id);
        Ok(paused)
    }

    /// Lets a protocol go on that is paused, or that its project's policy blocked; one that was not planned is planned.
    ///
    /// # Errors
    /// As [`Tables::resume`](crate::store::protocols::Tables::resume).
    pub async fn resume(&self, protocol_run_id: i64) -> Result<ProtocolRun, StoreError> {
        if let Some(goes_on) = self.go_on_after_policy(protocol_run_id).await? {
            return Ok(goes_on);
        }
        let resumed = self
            .protocols()
            .write(move |tables| tables.resume(protocol_run_id))
            .await?;
        if resumed.status == ProtocolStatus::Planning {
            self.plan(protocol_run_id);
        }
        Ok(resumed)
    }

    /// Stops the engine that plans a protocol here, where one does. One that is still to be planned is planned again.
    pub(super) fn stop_planning(&self, protocol_run_id: i64) {
        let plannings = self.0.plannings_of(protocol_run_id);
        self.0.running.cancel(&plannings);
    }

    /// Plans a started protocol in the background, and tidies up where it was cancelled meanwhile.
    pub(super) fn plan(&self, protocol_run_id: i64) {
        let work = self.clone();
        tokio::spawn(async move {
            if let Err(error) = plan(Arc::clone(&work.0), protocol_run_id).await {
                tracing::warn!(protocol_run_id, %error, "the protocol was not planned");
            }
            work.tidy(protocol_run_id);
        });
    }
}

async fn plan(shared: Arc<Shared>, id: i64) -> Result<(), StoreError> {
    let execution = format!("{}{}", name(id), uuid::Uuid::new_v4());
    let (planning, owner) = (execution.clone(), shared.owner.clone());
    let begun = shared
        .protocols
        .write(move |tables| tables.begin_planning(id, &planning, &owner, owner::is_gone))
        .await?;
    if !begun {
        return Ok(());
    }
    let earlier = shared.plannings_of(id);
    // Before it is looked how the protocol stands: who stops it from now on finds the engine here.
    let entry = shared.running.enter(&execution);
    let _guard = shared.running.leave_at_end(&execution);
    shared.all_ended(&earlier).await;
    let planning = execution.clone();
    let asked = shared
        .protocols
        .read(move |tables| request(tables, id, &planning))
        .await?;
    let outcome = match asked {
        Asked::Nothing => return Ok(()),
        Asked::HasPlan => None,
        Asked::Engine(mut request, project) => {
            let planner = Arc::clone(&shared);
            let asking = (execution.clone(), entry.clone());
            let asked = move || {
                tell_of_policy(&mut request, &project);
                ask(&planner, &request, &asking.0, &asking.1)
            };
            let outcome = tokio::task::spawn_blocking(asked).await;
            Some(outcome.unwrap_or_else(|_| Err(PlanningFailure::unexpected())))
        }
    };
    let planning = execution.clone();
    if entry.cancel.is_cancelled() {
        return stopped(Arc::clone(&shared), id, planning).await;
    }
    finish(&shared, id, planning, outcome).await
}

/// Holds what a planning came to against disks and policies, and puts it on record.
async fn finish(
    shared: &Arc<Shared>,
    id: i64,
    planning: String,
    outcome: Option<Outcome>,
) -> Result<(), StoreError> {
    let policy = match &outcome {
        None => shared.look_at_plan(id, None).await?,
        Some(Ok(plan)) => shared.look_at_plan(id, Some(plan.spec.clone())).await?,
        Some(Err(_)) => None,
    };
    let contents = match outcome {
        None => shared.contents(id).await?,
        Some(_) => None,
    };
    shared
        .protocols
        .write(move |tables| {
            if !tables.is_planned_by(&planning)? {
                return Ok(());
            }
            if let Some(policy) = &policy {
                policy.before(tables, id)?;
            }
            let run = close(tables, id, outcome, files(contents.as_ref()))?;
            match policy.filter(|_| run.status == ProtocolStatus::Planned) {
                Some(policy) => policy.after(tables, id),
                None => Ok(()),
            }
        })
        .await
}

/// Puts on record what became of a planning.
fn close(
    tables: &Tables<'_>,
    id: i64,
    outcome: Option<Outcome>,
    files: Option<&dyn Files>,
) -> Result<ProtocolRun, StoreError> {
    match outcome {
        None => tables.plan(id, files),
        Some(Ok(plan)) => {
            if let Some(made) = &plan.made {
                tables.tell_of_protocol_folder(id, made)?;
            }
            if plan.is_shared {
                tables.share_branch(id)?;
            }
            tables.plan_as(id, plan.spec, plan.details)
        }
        Some(Err(failure)) => tables.planning_failed(id, &failure),
    }
}

/// Someone stopped the planning: because the protocol is not to be planned now, or because the server is about to end, and
/// the next one plans. Where it was let go on at that moment, it is planned again, unless another planning has begun.
async fn stopped(shared: Arc<Shared>, id: i64, planning: String) -> Result<(), StoreError> {
    let to_be_planned = shared
        .protocols
        .write(move |tables| tables.give_up_planning(&planning))
        .await?;
    if to_be_planned && !shared.running.is_closed() {
        Work(shared).plan(id);
    }
    Ok(())
}

impl Shared {
    /// The plannings of a protocol that run in this process.
    fn plannings_of(&self, protocol_run_id: i64) -> Vec<String> {
        let name = name(protocol_run_id);
        let mut plannings = self.running.ids();
        plannings.retain(|id| id.starts_with(&name));
        plannings
    }

    /// Waits until they have ended: their engines were stopped, and work in the same folder until they are.
    async fn all_ended(&self, plannings: &[String]) {
        for planning in plannings {
            while self.running.holds(planning) {
                self.running.ended(planning).or_after(LOOK_AGAIN).await;
            }
        }
    }
}

/// What the names of a protocol's plannings begin with.
fn name(protocol_run_id: i64) -> String {
    format!("planning-{protocol_run_id}-")
}

type Outcome = Result<Plan, PlanningFailure>;

/// What a planner has made.
struct Plan {
    spec: Value,
    /// What goes on record with it.
    details: Map<String, Value>,
    /// The protocol's folder, where that was made for it.
    made: Option<String>,
    /// Whether its branch is in the project's repository.
    is_shared: bool,
}

fn ask(shared: &Shared, request: &Request, execution: &str, entry: &Entry) -> Outcome {
    let log = LogFile::create(&shared.logs, execution);
    let planner = Planner {
        engines: &shared.engines,
        settings: &shared.settings,
        log: &log,
        cancel: &entry.cancel,
    };
    let tell = |report| report_kept(shared, request.protocol_run_id, execution, report);
    let outcome = planner.plan(request, &tell);
    orphan::end(execution);
    match outcome {
        Ok(plan) => {
            let details = plan.asked.map(|asked| asked.details());
            Ok(Plan {
                spec: plan.spec,
                details: details.unwrap_or_default(),
                made: plan.made.map(|path| path.display().to_string()),
                is_shared: plan.is_shared,
            })
        }
        Err(error) => Err(PlanningFailure {
            error: error.to_string(),
            error_type: error.kind().to_owned(),
            engine_id: error.engine_id().map(str::to_owned),
            stderr: error.stderr().map(str::to_owned),
        }),
    }
}

/// Puts on record what a planning tells while it goes on.
fn report_kept(shared: &Shared, id: i64, execution: &str, report: DecompositionReport) {
    let planning = execution.to_owned();
    let kept = shared
        .protocols
        .write_blocking(move |tables| tables.planning_reports(id, &planning, &report));
    if let Err(error) = kept {
        tracing::warn!(protocol_run_id = id, %error, "what a planning tells was not kept");
    }
}

/// What there is to be asked.
enum Asked {
    /// Nothing: it was stopped, or another planning has taken its place.
    Nothing,
    /// Nothing: there is a spec, or there are steps, or nothing that a plan could be made from.
    HasPlan,
    /// An engine.
    Engine(Box<Request>, Box<Project>),
}

fn request(tables: &Tables<'_>, id: i64, planning: &str) -> Result<Asked, StoreError> {
    if !tables.is_planned_by(planning)? {
        return Ok(Asked::Nothing);
    }
    let run = tables.protocol(id)?;
    let project = tables.project(run.project_id)?;
    let anew = is_planned_anew(&run);
    let is_planned = tables.protocol_spec(id)?.spec.is_some() || !tables.steps_of(id)?.is_empty();
    let wanted = run.description.as_deref();
    let is_asked = wanted.is_some_and(|wanted| !wanted.trim().is_empty());
    let folder = run
        .chosen_worktree()
        .cloned()
        .or_else(|| project.local_path.clone());
    let origin = Origin::of_run(&run, &project);
    if is_planned && !anew || !is_asked && folder.is_none() && origin.is_none() {
        return Ok(Asked::HasPlan);
    }
    let answers = tables.answers(project.id, Some(id), None)?;
    let request = Request {
        project_folder: folder,
        protocol_run_id: run.id,
        branch: branch(&run),
        origin,
        protocol_name: run.protocol_name,
        protocol_root: run.protocol_root,
        base_branch: run.base_branch,
        request: run.description.map(|wanted| with_answers(wanted, &answers)),
        anew,
        defaults: ProjectDefaults::of_project(
            project.default_models.as_ref(),
            project.policy_overrides.as_ref(),
        ),
    };
    Ok(Asked::Engine(Box::new(request), Box::new(project)))
}

/// Below what is wanted, whoever plans reads what the project's policy will ask of the plan.
fn tell_of_policy(request: &mut Request, project: &Project) {
    let policy = EffectivePolicy::of(project).policy.as_text();
    if let Some(wanted) = request.request.as_mut().filter(|_| !policy.is_empty()) {
        wanted.push_str("\n\n## The project's policy\n\n");
        wanted.push_str(&policy);
    }
}

/// What is wanted, and below it what people have answered since.
fn with_answers(wanted: String, answers: &[Answer]) -> String {
    if answers.is_empty() {
        wanted
    } else {
        format!("{wanted}\n\n## Answers\n\n{}", answers_as_text(answers))
    }
}

fn branch(run: &ProtocolRun) -> Option<String> {
    let branch = run.template_config.as_ref()?.get("branch")?;
    branch.as_str().map(str::to_owned)
}
