//! `spec_to_tasks`: a feature request becomes a specification, a plan, a task list.
//!
//! Always so: the project is named in the same way in every step: by its folder, or by its id.

use super::common::{Registered, flow as named, project_id, register};
use crate::catalog::scripts::{
    generate_plan as plan, generate_spec as spec, generate_tasks as tasks,
};
use crate::catalog::{BuildError, FlowDefinition};

pub(super) fn flow() -> Result<FlowDefinition, BuildError> {
    let mut flow = named(
        "spec_to_tasks",
        "Turns a feature request into tasks",
        "Writes a specification for a feature request, a plan for it, and the task list. Yields \
         what `generate_tasks` yields.",
    );
    let about = "The project's folder. By default that of the project with project_id.";
    let project_path = flow
        .input::<String>("project_path", about)
        .blank(String::new());
    let feature_request = flow
        .input::<String>("feature_request", "What is wanted, in words.")
        .required();
    let about = "What the plan has to respect, in words.";
    let tech_hints = flow
        .input::<String>("tech_hints", about)
        .blank(String::new());
    let project_id = project_id(&mut flow);
    let run = Registered {
        run_kind: "planning",
        project_id: project_id.clone(),
        protocol_run_id: None,
        step_run_id: None,
    };
    register(&mut flow, run);
    flow.on_one_worker();
    let body = flow.body();
    let call = spec::call(feature_request)
        .project_path(&project_path)
        .project_id(&project_id);
    let specified = body.step("generate_spec", call);
    let spec_path = specified.get(spec::Output::spec_path);
    let call = plan::call(spec_path)
        .project_path(&project_path)
        .project_id(&project_id)
        .tech_hints(tech_hints);
    let planned = body.step("generate_plan", call);
    let plan_path = planned.get(plan::Output::plan_path);
    let call = tasks::call(plan_path)
        .project_path(project_path)
        .project_id(project_id);
    body.step("generate_tasks", call);
    flow.build()
}
