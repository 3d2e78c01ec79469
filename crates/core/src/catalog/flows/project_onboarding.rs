//! `project_onboarding`: clones a repository, looks at it, makes `.specify/`.
//!
//! Always so: a clone that fails ends the flow.

use super::common::{Registered, flow as named, project_id, register};
use crate::catalog::scripts::{
    analyze_project as analyze, clone_repo as clone, initialize_speckit as speckit,
};
use crate::catalog::{BuildError, FlowDefinition};

pub(super) fn flow() -> Result<FlowDefinition, BuildError> {
    let mut flow = named(
        "project_onboarding",
        "Brings a project in",
        "Clones a repository, finds out what it is made of, records both on the project, and makes \
         its `.specify` folder. Yields what `initialize_speckit` yields.",
    );
    let repo_url = flow
        .input::<String>("repo_url", "The repository's address.")
        .required();
    let project_name = flow
        .input::<String>("project_name", "The project's name.")
        .required();
    let branch = flow
        .input::<String>("branch", "The branch.")
        .default("main");
    let project_id = project_id(&mut flow);
    let run = Registered {
        run_kind: "onboarding",
        project_id: project_id.clone(),
        protocol_run_id: None,
        step_run_id: None,
    };
    register(&mut flow, run);
    flow.on_one_worker();
    let body = flow.body();
    let call = clone::call(repo_url).branch(branch).project_id(&project_id);
    let cloned = body.step("clone_repo", call.step().retry(2, 10));
    let path = cloned.get(clone::Output::path);
    body.step(
        "analyze_project",
        analyze::call(&path).project_id(&project_id),
    );
    body.step(
        "initialize_speckit",
        speckit::call(path, project_name).project_id(project_id),
    );
    flow.build()
}
