//! `generate_spec`: writes a specification for a feature request, in a new folder below `.specify/specs`.
//!
//! Always so: each specification has a folder of its own, and a failure leaves none.

use millwright_core::catalog::Script;
use millwright_core::catalog::scripts::generate_spec::{Args, Output};

use super::StepError;
use super::documents::{Site, refuse_bad_request, write};
use super::registration::{Belongs, with_own_run};
use crate::host::{Host, NativeHost};
use crate::planning::{Feature, slug};

/// Has the specification written.
///
/// # Errors
/// When the project is not known or cannot be written to, and when the engine fails.
pub(super) async fn run(args: Args, host: &NativeHost) -> Result<Output, StepError> {
    let begun = host.now();
    refuse_bad_request(&args.feature_request)?;
    let site = Site::find(host, args.project_path.as_deref(), args.project_id).await?;
    let belongs = Belongs::project(args.project_id);
    with_own_run(host, Args::NAME, belongs, async |run| {
        let feature = Feature::new(&site.root, &name(&args))?;
        let written = write(host, run, &site, |writer| {
            writer.specification(
                &feature,
                &args.feature_request,
                args.constitution.as_deref(),
            )
        });
        let written = written.inspect_err(|_| feature.drop_empty())?;
        Ok(Output {
            spec_path: written.path.display().to_string(),
            feature_name: Some(feature.name),
            spec_number: feature.number.map(i64::from),
            duration_seconds: host.now().saturating_sub(begun).as_secs_f64(),
        })
    })
    .await
}

/// The feature's name: by its branch, else by the first words of the request.
fn name(args: &Args) -> String {
    let branch = args.branch_name.as_deref().filter(|name| !name.is_empty());
    match branch {
        Some(branch) => slug(branch.strip_prefix("feature-").unwrap_or(branch)),
        None => slug(&args.feature_request),
    }
}
