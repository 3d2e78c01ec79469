//! Work on a step in this process: claimed over HTTP, done here, reported over HTTP.
//!
//! Always so: the claim is renewed while the work goes on, and given up when the program is ended.

use std::time::Duration;

use millwright_core::catalog::Object;
use millwright_core::protocol::{Begun, Kind, Report, StepRun};
use millwright_core::refs::RunId;
use serde_json::Value;

use super::agent_log::AgentLog;
use super::{StepError, job};
use crate::client::{Client, ClientError};
use crate::engine::{Cancel, Registry};
use crate::host::{Guard, Host, NativeHost, block_on, stay_if_ending};
use crate::runner::{OutcomePort, PortError, Runner, Settings};
use crate::workspace::{self, Options};

/// The API may be away so long when work is reported, as when it is started anew: the work may have taken hours.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two attempts to report.
const PAUSE: Duration = Duration::from_millis(500);

/// Which step is meant: by its run, or by its protocol and its id there.
pub(super) struct Wanted<'a> {
    pub(super) step_run_id: Option<i64>,
    pub(super) protocol_run_id: Option<i64>,
    pub(super) step_id: Option<&'a str>,
    pub(super) claim: Option<&'a str>,
}

/// Work that has begun.
pub(super) struct Work {
    pub(super) begun: Begun,
    _guard: Guard,
}

/// Claims the step, where the caller has not, and begins.
pub(super) async fn begin(
    wanted: &Wanted<'_>,
    kind: Kind,
    host: &NativeHost,
) -> Result<Work, StepError> {
    let client = Client::protocols(host)?;
    let step = find(wanted, &client).await?;
    let claim = match wanted.claim {
        Some(claim) => claim.to_owned(),
        None => client.claim_step(step, &job::holder(host)).await?.claim,
    };
    let begun = client.begin_step(step, kind, &claim).await?;
    let guard = host.cancel_if_terminated(client.giving_up(step, kind, &claim));
    Ok(Work {
        begun,
        _guard: guard,
    })
}

/// Does `work` with a runner that reports to the API, which keeps its log as that of `run`.
pub(super) fn run<T>(
    host: &NativeHost,
    run: Option<&RunId>,
    agent: Option<&str>,
    context: &Object,
    work: impl FnOnce(&Runner<'_>) -> Result<T, PortError>,
) -> Result<T, StepError> {
    let mut settings = Settings::read(|name| host.env(name));
    settings.agent = agent.map(str::to_owned);
    settings.context = (!context.is_empty()).then(|| Value::Object(context.clone()).to_string());
    let done = AgentLog::kept(run, |log| {
        work(&Runner {
            engines: &Registry::default(),
            settings: &settings,
            port: &ApiPort,
            log,
            cancel: &Cancel::default(),
        })
    });
    done.map_err(|error| StepError::failed(error.to_string()))
}

/// Removes the worktrees of a protocol that has ended with this work. A step has done what it was to do all the same.
pub(super) async fn tidy(protocol_run_id: i64, host: &NativeHost) {
    if let Err(error) = retire(protocol_run_id, host).await {
        host.log(&format!("warning: worktrees are not removed: {error}"));
    }
}

async fn retire(protocol_run_id: i64, host: &NativeHost) -> Result<(), StepError> {
    let client = Client::protocols(host)?;
    let run = client.protocol(protocol_run_id).await?;
    if run.status.is_terminal() {
        let project = client.project(run.project_id).await?;
        let options = Options::read(|name| host.env(name));
        workspace::retire(&run, &project, &options)?;
    }
    Ok(())
}

async fn find(wanted: &Wanted<'_>, client: &Client<'_, NativeHost>) -> Result<i64, StepError> {
    if let Some(step) = wanted.step_run_id {
        return Ok(step);
    }
    let (Some(protocol), Some(id)) = (wanted.protocol_run_id, wanted.step_id) else {
        return Err(StepError::BadArguments(
            "give step_run_id, or protocol_run_id with step_id".to_owned(),
        ));
    };
    let spec = client.spec(protocol).await?.spec;
    let name = spec.as_ref().and_then(|spec| name_in(spec, id));
    let name = name.unwrap_or(id);
    let steps = client.steps(protocol).await?;
    let found = steps.iter().find(|step| step.step_name == name);
    found.map(|step| step.id).ok_or_else(|| {
        StepError::bad_argument("step_id", format!("protocol {protocol} has no step {id:?}"))
    })
}

/// The name of the row of a spec's step.
fn name_in<'a>(spec: &'a Value, id: &str) -> Option<&'a str> {
    let steps = spec.get("steps")?.as_array()?;
    let step = steps
        .iter()
        .find(|step| step.get("id").and_then(Value::as_str) == Some(id))?;
    step.get("name")?.as_str().filter(|name| !name.is_empty())
}

/// The outcome port of a worker. It is asked from two threads, so each call has a connection of its own.
struct ApiPort;

impl OutcomePort for ApiPort {
    fn renew(&self, step_run_id: i64, claim: &str) -> Result<(), PortError> {
        let host = NativeHost::new();
        let client = Client::protocols(&host).map_err(|error| refused(&error))?;
        let renewed = block_on(client.renew_claim(step_run_id, claim));
        renewed.map(drop).map_err(|error| refused(&error))
    }

    fn report(&self, step_run_id: i64, claim: &str, report: &Report) -> Result<StepRun, PortError> {
        let host = NativeHost::new();
        let client = Client::protocols(&host).map_err(|error| refused(&error))?;
        let until = host.now() + PATIENCE;
        loop {
            stay_if_ending();
            let error = match block_on(client.report_step(step_run_id, claim, report)) {
                Ok(step) => return Ok(step),
                Err(error) => error,
            };
            if !error.is_passing() || host.now() > until {
                return Err(refused(&error));
            }
            block_on(host.sleep(PAUSE));
        }
    }
}

fn refused(error: &ClientError) -> PortError {
    match error.status() {
        Some(400..=499) => PortError::Refused(error.to_string()),
        _ => PortError::Unavailable(error.to_string()),
    }
}
