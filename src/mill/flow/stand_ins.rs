//! Steps whose place is taken: they do what they are told in place of running a script or a flow.
//!
//! Always so: a step that is told to end ends, whatever it is doing; a script that is really run in between runs in
//! real time, and the flow's clock stands still for it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use millwright_core::refs::JobId;
use serde_json::{Map, Value, json};

use super::frame::{Frame, Run};
use super::outcome::Ended;
use super::scripts::{ScriptTask, within};
use super::step::Step;
use crate::mill::MillOptions;
use crate::mill::language::{Language, Script};
use crate::mill::project::Project;
use crate::mill::stand_in::{Act, Call, Reply, Runs};
use crate::mill::stop::{Cause, Stop};
use crate::mill::stored::stored;
use crate::mill::worker::{self, LogSink, Outcome, Place, Task};
use crate::store::jobs::Cancellation;

impl Step<'_> {
    /// What becomes of a call, where something takes the place of scripts.
    pub(super) fn reply(
        &self,
        job: JobId,
        args: &Map<String, Value>,
        runs: Runs<'_>,
        limit: Option<Duration>,
    ) -> Option<Reply> {
        let run = &self.frame.run;
        let stand_in = run.mill.stand_in.as_ref()?;
        // Who stands in shows them.
        let args = &*run.plan.project.secrets.stored(Arc::new(args.clone()));
        Some(stand_in.reply(&Call {
            job,
            parent: self.frame.job,
            within: &self.frame.within,
            step_id: &self.module.id,
            rounds: self.frame.rounds(),
            args,
            runs,
            limit,
        }))
    }
}

impl ScriptTask {
    /// Does what is said in place of running the script.
    pub(super) async fn stood_in(
        &self,
        reply: &Reply,
        run: &Run,
        shared: Option<&Path>,
        stop: &Arc<Stop>,
    ) -> Outcome {
        let step_id = self.place.step_id.as_deref();
        if !waited(reply.after, stop).await {
            return Outcome::stopped(stop.cause(), step_id, String::new());
        }
        match &reply.act {
            Act::Yield(result) => Outcome {
                success: true,
                result: stored(result.clone()),
                log: String::new(),
            },
            Act::Fail(error) => Outcome::failed_with(&stored(error.clone()), step_id),
            Act::Cancel => {
                cancel_all(stop);
                Outcome::stopped(stop.cause(), step_id, String::new())
            }
            Act::RunScript(text) => {
                let interpreters = &run.plan.project.interpreters;
                match Script::prepare(Language::Bash, text.clone(), interpreters) {
                    Ok(script) => self.really(Arc::new(script), run, shared, stop).await,
                    Err(reason) => Outcome::failed(&reason, step_id, String::new()),
                }
            }
            Act::Really => {
                let script = Arc::clone(&self.script);
                self.really(script, run, shared, stop).await
            }
        }
    }

    /// Runs a script in real time, with this one's arguments.
    async fn really(
        &self,
        script: Arc<Script>,
        run: &Run,
        shared: Option<&Path>,
        stop: &Arc<Stop>,
    ) -> Outcome {
        let real = RealScript {
            script,
            args: Arc::clone(&self.args),
            place: self.place.clone(),
            project: Arc::clone(&run.plan.project),
            options: run.mill.options.clone(),
            shared: shared.map(Path::to_owned),
            limit: self.limit,
            stop: Arc::clone(stop),
            sink: run.mill.records.log_of(self.place.job),
        };
        let step_id = self.place.step_id.as_deref();
        let ran = tokio::task::spawn_blocking(|| real.run()).await;
        let outcome = ran.map_err(std::io::Error::other).flatten();
        outcome.unwrap_or_else(|error| Outcome::failed(&error.to_string(), step_id, String::new()))
    }
}

impl Frame {
    /// Does what is said in place of running a sub-flow's steps.
    pub(super) async fn stood_in(&self, reply: Reply) -> Ended {
        if !waited(reply.after, &self.stop).await {
            return Ended::Canceled;
        }
        match reply.act {
            Act::Yield(result) => Ended::Done(Arc::new(stored(result))),
            Act::Fail(error) => Ended::failed(json!({"error": stored(error)})),
            Act::Cancel => {
                cancel_all(&self.stop);
                Ended::Canceled
            }
            Act::RunScript(_) | Act::Really => Ended::Done(Arc::default()),
        }
    }
}

/// Waits, and says whether it may go on then.
async fn waited(time: Duration, stop: &Stop) -> bool {
    if !time.is_zero() {
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = stop.wished() => {}
        }
    }
    stop.cause().is_none()
}

fn cancel_all(stop: &Arc<Stop>) {
    let wish = Cancellation {
        by: crate::mill::USER.to_owned(),
        reason: "the test cancels the flow here".to_owned(),
    };
    stop.outermost().stop(Cause::Canceled(wish));
}

/// A script with everything that it needs on a thread of its own.
struct RealScript {
    script: Arc<Script>,
    args: Arc<Map<String, Value>>,
    place: Place,
    project: Arc<Project>,
    options: MillOptions,
    shared: Option<PathBuf>,
    limit: Option<Duration>,
    stop: Arc<Stop>,
    sink: Arc<dyn LogSink>,
}

impl RealScript {
    fn run(self) -> std::io::Result<Outcome> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let task = Task {
            script: &self.script,
            args: &self.args,
            project: &self.project,
            place: &self.place,
            environment: &self.options.environment,
            folder: &self.options.folder,
            shared: self.shared.as_deref(),
            stop: &self.stop,
            grace: self.options.grace,
        };
        let work = within(self.limit, &self.stop, worker::run(&task, self.sink));
        runtime.block_on(work).map_err(std::io::Error::other)
    }
}
