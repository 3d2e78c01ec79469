//! `generate_plan`: writes the plan of a specification, beside it.
//!
//! Always so: a plan that someone has changed is not written over.

use millwright_core::catalog::Script;
use millwright_core::catalog::scripts::generate_plan::{Args, ImplementationPlan, Output};

use super::StepError;
use super::documents::{Site, write};
use super::registration::{Belongs, with_own_run};
use crate::host::NativeHost;
use crate::planning::inside;

/// Has the plan written.
///
/// # Errors
/// When the project or the specification is not there, and when the engine fails.
pub(super) async fn run(args: Args, host: &NativeHost) -> Result<Output, StepError> {
    let site = Site::find(host, args.project_path.as_deref(), args.project_id).await?;
    let spec = inside(&site.root, &args.spec_path)
        .map_err(|error| StepError::bad_argument("spec_path", error))?;
    let hints = args.tech_hints.unwrap_or_default();
    let belongs = Belongs::project(args.project_id);
    with_own_run(host, Args::NAME, belongs, async |run| {
        let written = write(host, run, &site, |writer| writer.plan(&spec, &hints))?;
        let path = written.path.display().to_string();
        Ok(Output {
            plan_path: path.clone(),
            implementation_plan: ImplementationPlan {
                path,
                spec_path: spec.display().to_string(),
            },
        })
    })
    .await
}
