//! `spec_to_tasks`: a feature request becomes a specification, a plan, a task list.
//!
//! Always so: the project is named by its folder in every step.

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
    let project_path = flow
        .input::<String>("project_path", "The project's folder.")
        .required();
    let feature_request = flow
        .input::<String>("feature_request", "What is wanted, in words.")
        .required();
    let about = "What the plan has to respect, in words.";
    let tech_hints = flow
        .input::<String>("tech_hints", about)
        .blank(String::new());
    let run = Registered {
        run_kind: "planning",
        project_id: project_id(&mut flow),
        protocol_run_id: None,
        step_run_id: None,
    };
    register(&mut flow, run);
    let body = flow.body();
    let specified = body.step("generate_spec", spec::call(&project_path, feature_request));
    let spec_path = specified.get(spec::Output::spec_path);
    let call = plan::call(&project_path, spec_path).tech_hints(tech_hints);
    let planned = body.step("generate_plan", call);
    let plan_path = planned.get(plan::Output::plan_path);
    body.step("generate_tasks", tasks::call(project_path, plan_path));
    flow.build()
}
