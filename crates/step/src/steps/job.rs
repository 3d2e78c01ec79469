//! The Windmill job in which a step runs, as the environment tells it.
//!
//! Always so: an id that is no UUID is refused, not passed on.

use millwright_core::refs::JobId;

use super::StepError;
use crate::host::Host;

/// This job's own id.
pub(super) const JOB: &str = "WM_JOB_ID";
/// The job of the flow, or of the loop or branch in it, that runs this job.
pub(super) const FLOW: &str = "WM_FLOW_JOB_ID";
/// The job of the whole flow.
pub(super) const ROOT_FLOW: &str = "WM_ROOT_FLOW_JOB_ID";

const FLOW_STEP: &str = "WM_FLOW_STEP_ID";
/// The flow's step that registers the flow.
const EMIT_STEP: &str = "tgz_emit_refs";

/// This job, which a step that registers it cannot do without.
pub(super) fn own(host: &impl Host) -> Result<JobId, StepError> {
    let missing = || {
        StepError::BadEnvironment(format!(
            "{JOB} is not set: this step registers the Windmill job that it runs in, so it runs in one"
        ))
    };
    named(host, JOB)?.ok_or_else(missing)
}

/// The whole flow's job, when this job is the flow's step that registers it.
pub(super) fn registered_flow(host: &impl Host) -> Result<Option<JobId>, StepError> {
    if host.env(FLOW_STEP).as_deref() != Some(EMIT_STEP) {
        return Ok(None);
    }
    Ok(match named(host, ROOT_FLOW)? {
        Some(flow) => Some(flow),
        None => named(host, FLOW)?,
    })
}

/// Who claims steps here: the flow's job, in a loop or branch the whole flow's and that part's, else this job, else a
/// new id.
pub(super) fn holder(host: &impl Host) -> String {
    match (host.env(ROOT_FLOW), host.env(FLOW)) {
        (Some(whole), Some(part)) if whole != part => format!("{whole}/{part}"),
        (_, Some(flow)) => flow,
        _ => host.env(JOB).unwrap_or_else(|| host.new_id()),
    }
}

fn named(host: &impl Host, name: &str) -> Result<Option<JobId>, StepError> {
    let bad = |error| StepError::BadEnvironment(format!("{name}: {error}"));
    host.env(name)
        .map(|text| text.parse().map_err(bad))
        .transpose()
}
