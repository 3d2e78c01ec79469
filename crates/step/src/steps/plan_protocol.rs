//! `plan_protocol`: a feature request becomes a specification, a plan and a task list on a branch of their own, and the
//! tasks become the steps of a new protocol run.
//!
//! Always so: a protocol run is made when its plan is there; where planning fails there is none.

use std::path::{Path, PathBuf};

use millwright_core::catalog::Script;
use millwright_core::catalog::scripts::plan_protocol::{Args, Output};
use millwright_core::catalog::scripts::protocol_plan_and_wait as plan_and_wait;
use millwright_core::protocol::import::tasks::TaskList;
use millwright_core::protocol::{
    Project, ProtocolRun, ProtocolStatus, SHARED_BRANCH, refuse_bad_protocol_name,
};
use millwright_core::refs::RunId;
use serde_json::{Value, json};

use super::documents::{Site, checkout, defaults, project, refuse_bad_request, write};
use super::generate_tasks::{count, dag, dag_path, told};
use super::registration::{Belongs, with_own_run};
use super::{StepError, protocol_plan_and_wait};
use crate::client::{Client, ClientError, NewProtocol};
use crate::host::{Host, NativeHost};
use crate::planning::{Asked, Feature, PlanningError, slug};
use crate::workspace::{self, Options, Origin, Place, Reserved, check_branch};

/// So many protocols of one request get a branch by themselves.
const MOST_BRANCHES: u32 = 1_000;
/// The API only has to make steps of a spec.
const PATIENCE_SECONDS: i64 = 300;
const PAUSE_MS: i64 = 100;

/// A plan, on its branch.
struct Planned {
    branch: String,
    spec_path: String,
    plan_path: String,
    tasks_path: String,
    list: TaskList,
    /// The task list, from the project's folder.
    prompt: String,
    asked: Asked,
    /// Whether the branch is in the project's repository.
    is_shared: bool,
}

/// Plans, and makes the protocol run.
///
/// # Errors
/// When the project is not known or not here, when the engine fails, and when the API refuses.
pub(super) async fn run(args: Args, host: &NativeHost) -> Result<Output, StepError> {
    let begun = host.now();
    refuse_bad_request(&args.feature_request)?;
    let name = protocol_name(&args)?;
    let project = project(host, args.project_id).await?;
    let folder = folder(args.project_id, &project, host)?;
    let belongs = Belongs::project(Some(args.project_id));
    with_own_run(host, Args::NAME, belongs, async |run| {
        let (place, reserved) = place(&args, &name, &project, &folder)?;
        let plan = match documents(&args, &project, &place, run, host) {
            Ok(plan) => plan,
            Err(error) => {
                tidy(reserved, &place, host);
                return Err(error);
            }
        };
        let protocol = make(&args, name, &project, &plan, reserved, host).await?;
        let task_count = count(&plan.list);
        let (list, truncated) = told(plan.list);
        let steps = steps(protocol.id, &list, host).await?;
        Ok(Output {
            protocol_run_id: protocol.id,
            protocol_name: protocol.protocol_name,
            branch_name: plan.branch,
            spec_path: plan.spec_path,
            plan_path: plan.plan_path,
            dag_path: dag_path(Path::new(&plan.tasks_path)),
            tasks_path: plan.tasks_path,
            task_count,
            truncated,
            dag: dag(&list),
            steps: steps.into_iter().collect(),
            windmill_flow_id: protocol.windmill_flow_id,
            duration_seconds: host.now().saturating_sub(begun).as_secs_f64(),
        })
    })
    .await
}

/// The project's folder on this machine.
struct Folder {
    path: PathBuf,
    is_clone: bool,
}

/// Where the project's own folder is not here, a clone of its repository.
fn folder(id: i64, project: &Project, host: &NativeHost) -> Result<Folder, StepError> {
    let options = Options::read(|name| host.env(name));
    let place = Place::of_project(project).here(&options, &|text| host.log(text));
    let place = place.map_err(PlanningError::from)?;
    match place.folder.filter(|_| place.is_clone) {
        Some(path) => Ok(Folder {
            path,
            is_clone: true,
        }),
        None => Ok(Folder {
            path: checkout(id, project)?,
            is_clone: false,
        }),
    }
}

fn protocol_name(args: &Args) -> Result<String, StepError> {
    let given = args
        .protocol_name
        .as_deref()
        .filter(|name| !name.is_empty());
    if let Some(name) = given {
        refuse_bad_protocol_name(name)
            .map_err(|problem| StepError::bad_argument("protocol_name", problem))?;
        return Ok(name.to_owned());
    }
    let plain = args
        .feature_request
        .replace(|c: char| c.is_control() || "/\\".contains(c), " ");
    let words = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    let short: String = words.chars().take(50).collect();
    Ok(format!("Protocol: {}", short.trim_end()))
}

/// Where the plan is made: on the branch that is named, else on the first of the request's that is free. Nobody else plans
/// there meanwhile.
fn place(
    args: &Args,
    name: &str,
    project: &Project,
    folder: &Folder,
) -> Result<(Place, Reserved), StepError> {
    let options = Options::read(|name| std::env::var(name).ok());
    let given = args.branch_name.as_deref().filter(|name| !name.is_empty());
    let place = |branch: String| Place {
        folder: Some(folder.path.clone()),
        origin: Origin::of_project(project),
        is_clone: folder.is_clone,
        // The branch has a name, so the number of the run to come is not part of it.
        protocol_run_id: 0,
        protocol_name: name.to_owned(),
        protocol_root: None,
        base_branch: project.base_branch.clone(),
        branch: Some(branch),
    };
    let refused = |problem: String| StepError::bad_argument("branch_name", problem);
    if let Some(branch) = given {
        check_branch(branch).map_err(|problem| refused(problem.to_owned()))?;
        let place = place(branch.to_owned());
        let Some(reserved) = reserve(&place, &options)? else {
            let problem =
                format!("another plan is being made on the branch {branch}: name another");
            return Err(refused(problem));
        };
        let found = look(&place, &options)?;
        if found.is_some_and(|found| found.holds && !found.is_unnamed) {
            let problem = format!("the branch {branch} has a plan already: name another");
            return Err(refused(problem));
        }
        reserved.begin(found).map_err(PlanningError::from)?;
        return Ok((place, reserved));
    }
    let stem = format!("feature-{}", slug(&args.feature_request));
    for nth in 1..=MOST_BRANCHES {
        let number = (nth > 1).then(|| format!("-{nth}"));
        let place = place(format!("{stem}{}", number.unwrap_or_default()));
        let Some(reserved) = reserve(&place, &options)? else {
            continue;
        };
        let found = look(&place, &options)?;
        if found.is_none_or(|found| found.is_ours && (!found.holds || found.is_unnamed)) {
            reserved.begin(found).map_err(PlanningError::from)?;
            return Ok((place, reserved));
        }
    }
    let problem = format!("there are {MOST_BRANCHES} branches {stem}: name one yourself");
    Err(refused(problem))
}

fn reserve(place: &Place, options: &Options) -> Result<Option<Reserved>, StepError> {
    Reserved::take(place, options).map_err(|error| PlanningError::from(error).into())
}

/// Planning has failed; why is told already.
fn tidy(reserved: Reserved, place: &Place, host: &NativeHost) {
    let options = Options::read(|name| host.env(name));
    if let Err(error) = reserved.failed(place, &options) {
        host.log(&format!("warning: the worktree is not removed: {error}"));
    }
}

fn look(place: &Place, options: &Options) -> Result<Option<workspace::Found>, StepError> {
    let branch = place.branch.as_deref().unwrap_or_default();
    let tasks = Feature::of_branch(Path::new(""), branch)
        .folder
        .join("tasks.md");
    workspace::look(place, options, &tasks).map_err(|error| PlanningError::from(error).into())
}

/// Writes the three documents in a worktree of the branch, and commits them.
fn documents(
    args: &Args,
    project: &Project,
    place: &Place,
    run: Option<&RunId>,
    host: &NativeHost,
) -> Result<Planned, StepError> {
    let options = Options::read(|name| host.env(name));
    let work = format!("Plan of {}", place.protocol_name);
    let workspace = workspace::open(place, &work, &options).map_err(PlanningError::from)?;
    let folder = workspace.folder().unwrap_or(Path::new(""));
    let branch = place.branch.clone().unwrap_or_default();
    let feature = Feature::of_branch(folder, &branch);
    let site = Site {
        root: folder.to_owned(),
        defaults: defaults(project),
    };
    let (spec, plan, tasks, list) = write(host, run, &site, |writer| {
        let spec = writer.specification(&feature, &args.feature_request, None)?;
        let plan = writer.plan(&spec.path, "")?;
        let (tasks, list) = writer.tasks(&plan.path)?;
        Ok((spec, plan, tasks, list))
    })?;
    workspace.settle(&work).map_err(PlanningError::from)?;
    // A step that begins in another worktree would not find what is on no branch.
    if !look(place, &options)?.is_some_and(|found| found.holds) {
        let problem = format!(
            "git ignores {}, so that no step would find it: take it out of .gitignore",
            tasks.path.display()
        );
        return Err(StepError::failed(problem));
    }
    let prompt = tasks.path.strip_prefix(folder).unwrap_or(&tasks.path);
    let prompt = prompt.display().to_string();
    let shown = |path: &Path| workspace.published_path(path).display().to_string();
    Ok(Planned {
        branch: workspace.branch().map_or(branch, str::to_owned),
        spec_path: shown(&spec.path),
        plan_path: shown(&plan.path),
        tasks_path: shown(&tasks.path),
        list,
        prompt,
        asked: spec.asked.and(plan.asked).and(tasks.asked),
        is_shared: workspace.is_shared(),
    })
}

/// Makes the protocol run, and waits for its steps.
async fn make(
    args: &Args,
    name: String,
    project: &Project,
    plan: &Planned,
    reserved: Reserved,
    host: &NativeHost,
) -> Result<ProtocolRun, StepError> {
    let spec = spec(args, plan)?;
    let new = NewProtocol {
        protocol_name: name,
        base_branch: project.base_branch.clone(),
        description: args.feature_request.clone(),
        template_config: json!({
            "branch": plan.branch, "protocol_spec": spec, "planning": plan.asked.details(),
            SHARED_BRANCH: plan.is_shared,
        }),
    };
    let client = Client::protocols(host)?;
    let made = client.create_protocol(args.project_id, &new).await;
    if made.as_ref().err().is_none_or(ClientError::may_be_done) {
        reserved.named().map_err(PlanningError::from)?;
    }
    let made = made?;
    let wait = plan_and_wait::Args {
        protocol_run_id: made.id,
        timeout_seconds: PATIENCE_SECONDS,
        poll_interval_ms: PAUSE_MS,
    };
    let planned = protocol_plan_and_wait::plan(&wait, host).await?;
    if planned.status == ProtocolStatus::Blocked {
        let message = format!(
            "protocol run {} is blocked: `millwright protocol show {0}` says by what",
            made.id
        );
        return Err(StepError::failed(message));
    }
    Ok(planned.protocol)
}

/// The tasks as steps of the agent.
fn spec(args: &Args, plan: &Planned) -> Result<Value, StepError> {
    let mut spec = plan
        .list
        .spec(&plan.prompt)
        .map_err(|error| StepError::failed(format!("{}: {error}", plan.tasks_path)))?;
    let steps = spec.get_mut("steps").and_then(Value::as_array_mut);
    for step in steps.into_iter().flatten() {
        step["engine_id"] = args.agent_id.as_str().into();
    }
    Ok(spec)
}

/// Each task's step run.
async fn steps(
    protocol: i64,
    list: &TaskList,
    host: &NativeHost,
) -> Result<Vec<(String, i64)>, StepError> {
    let rows = Client::protocols(host)?.steps(protocol).await?;
    let row = |id: &String| rows.iter().find(|row| row.step_name == *id);
    let ids = list.tasks.iter().map(|task| &task.id);
    Ok(ids
        .filter_map(|id| Some((id.clone(), row(id)?.id)))
        .collect())
}
