//! Steps that run a script.
//!
//! Always so: a script waits in the queue while the mill runs as many as it may.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use millwright_core::openflow::{PathScript, RawScript, Transform};
use millwright_core::refs::JobId;
use serde_json::{Map, Value, json};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::cache;
use super::frame::Run;
use super::journal::{Beginning, Finished, JobCard, Standing};
use super::outcome::Ended;
use super::parts::NO_PATH;
use super::step::Step;
use crate::mill::language::Script;
use crate::mill::limits::{Limit, Turn, key_with};
use crate::mill::new_job_id;
use crate::mill::stand_in::{Reply, Runs};
use crate::mill::stop::{Cause, Stop};
use crate::mill::worker::{self, Outcome, Place, Task};
use crate::store::StoreError;
use crate::store::jobs::JobKind;

impl Step<'_> {
    pub(super) async fn path_script(&self, step: &PathScript) -> Result<Ended, StoreError> {
        let script = self.frame.run.plan.script(&step.path);
        let path = Some(step.path.clone());
        let together = |_: &Map<String, Value>| None;
        self.script(
            script,
            path,
            JobKind::Script,
            &step.input_transforms,
            together,
        )
        .await
    }

    pub(super) async fn raw_script(&self, step: &RawScript) -> Result<Ended, StoreError> {
        let script = self.frame.run.plan.raw_script(step);
        let inside = |flow: &String| format!("{flow}/{}", self.module.id);
        let path = self.frame.path.as_ref().map(inside);
        let kind = if path.is_some() {
            JobKind::FlowScript
        } else {
            JobKind::Preview
        };
        let together = |args: &Map<String, Value>| self.crowd(step, kind, args);
        self.script(script, path, kind, &step.input_transforms, together)
            .await
    }

    async fn script(
        &self,
        script: Arc<Script>,
        path: Option<String>,
        kind: JobKind,
        transforms: &IndexMap<String, Transform>,
        together: impl Fn(&Map<String, Value>) -> Option<Limit>,
    ) -> Result<Ended, StoreError> {
        if let Some(known) = self.known(None) {
            return self.as_known(known).await;
        }
        let since = Instant::now();
        let prepared = self.arguments(transforms).await;
        let limit = match self.limit().await {
            Ok(limit) => limit,
            Err(ended) => return Ok(ended),
        };
        let place = self.place(new_job_id(), path, &script);
        match prepared {
            Ok(args) => {
                let together = together(&args);
                let runs = Runs::Script {
                    path: place.path.as_deref().filter(|_| kind == JobKind::Script),
                    known: !script.text.is_empty(),
                };
                let task = ScriptTask {
                    reply: self.reply(place.job, &args, runs, limit),
                    script,
                    kind,
                    args: Arc::new(args),
                    limit,
                    place,
                    together,
                    cache_ttl: self.module.cache_ttl,
                };
                self.run_task(task).await
            }
            Err(ended) => self.never_began(&place, kind, &script, ended, since).await,
        }
    }

    /// The jobs with which those of a script in the flow count together.
    fn crowd(&self, step: &RawScript, kind: JobKind, args: &Map<String, Value>) -> Option<Limit> {
        let frame = self.frame;
        let workspace = &frame.run.mill.options.workspace;
        let path = frame.path.as_deref().unwrap_or(NO_PATH);
        let own = || format!("{workspace}/{}/{path}/{}", kind.as_str(), self.module.id);
        let key = step.custom_concurrency_key.as_deref();
        let key = key.map(|key| key_with(key, workspace, args));
        Limit::of(
            step.concurrent_limit,
            key,
            step.concurrency_time_window_s,
            own,
        )
    }

    /// The folder that the step shares with others. One that waits for people or sleeps afterwards shares none: that is
    /// Windmill's.
    pub(super) fn shared(&self) -> Option<PathBuf> {
        let waits = self.module.suspend.is_some() || self.module.sleep.is_some();
        self.frame.shared.clone().filter(|_| !waits)
    }

    async fn run_task(&self, task: ScriptTask) -> Result<Ended, StoreError> {
        let stop = self.frame.stop.child();
        let status = self.begins(task.place.job);
        let shared = self.shared();
        let label = self.module.id.clone();
        let standing = self.standing(task.place.job);
        let begun = task.begin(standing, label, status, &stop).await?;
        let run = &self.frame.run;
        let (card, outcome) = task.run(begun, run, shared.as_deref(), &stop).await?;
        let status = self.ends(outcome.success);
        let result = Arc::new(outcome.result.clone());
        card.end(&outcome.finished(&result), status).await?;
        Ok(if self.frame.stop.cause().is_some() {
            Ended::Canceled
        } else if outcome.success {
            Ended::Done(result)
        } else {
            Ended::failed((*result).clone())
        })
    }

    /// A step whose arguments cannot be computed: its job fails before anything runs.
    async fn never_began(
        &self,
        place: &Place,
        kind: JobKind,
        script: &Script,
        ended: Ended,
        since: Instant,
    ) -> Result<Ended, StoreError> {
        let Ended::Failed(failure) = &ended else {
            return Ok(ended);
        };
        let beginning = beginning_of(place, kind, script, self.module.id.clone());
        let status = self.begins(place.job);
        let stop = self.frame.stop.child();
        let standing = self.standing(place.job);
        let card = JobCard::begin(standing, beginning, status, &stop).await?;
        let finished = Finished {
            success: false,
            skipped: false,
            result: Arc::clone(&failure.result),
            flow_status: None,
            log: format!("{}\n", super::outcome::line_of(&failure.result)),
        };
        let card = card.prepared_since(since);
        card.end(&finished, self.ends(false)).await?;
        Ok(ended)
    }

    fn place(&self, job: JobId, path: Option<String>, script: &Script) -> Place {
        let frame = self.frame;
        let options = &frame.run.mill.options;
        Place {
            job,
            root: frame.run.root,
            flow: Some(frame.job),
            root_flow: Some(frame.root_flow),
            flow_path: frame.path.clone().unwrap_or_default(),
            step_id: Some(self.module.id.clone()),
            path,
            hash: script.hash.clone(),
            workspace: options.workspace.clone(),
            base_url: options.base_url.clone(),
        }
    }
}

/// A script with everything that it needs to run.
pub(super) struct ScriptTask {
    pub(super) script: Arc<Script>,
    pub(super) kind: JobKind,
    pub(super) args: Arc<Map<String, Value>>,
    pub(super) limit: Option<Duration>,
    pub(super) place: Place,
    /// What takes the script's place.
    pub(super) reply: Option<Reply>,
    /// The jobs with which it counts together.
    pub(super) together: Option<Limit>,
    /// For how many seconds its result is kept.
    pub(super) cache_ttl: Option<u64>,
}

/// A script whose job is written.
pub(super) struct BegunScript {
    card: JobCard,
    /// `None` where the script has to wait for others.
    slot: Option<OwnedSemaphorePermit>,
    /// Its place among the jobs that count together.
    turn: Option<Turn>,
}

impl ScriptTask {
    /// Writes the script's job: it runs or waits.
    pub(super) async fn begin(
        &self,
        standing: Standing<'_>,
        label: String,
        status: Option<String>,
        stop: &Arc<Stop>,
    ) -> Result<BegunScript, StoreError> {
        let mill = &standing.run.mill;
        let turn = self.together.clone().map(|limit| mill.limits.queue(limit));
        let slot = Arc::clone(&mill.slots).try_acquire_owned().ok();
        let slot = slot.filter(|_| turn.is_none());
        let beginning = Beginning {
            args: Arc::clone(&self.args),
            queued: slot.is_none(),
            ..beginning_of(&self.place, self.kind, &self.script, label)
        };
        let card = JobCard::begin(standing, beginning, status, stop).await?;
        Ok(BegunScript { card, slot, turn })
    }

    /// Runs the script when it may. Its end is still to be written.
    pub(super) async fn run(
        &self,
        begun: BegunScript,
        run: &Run,
        shared: Option<&Path>,
        stop: &Arc<Stop>,
    ) -> Result<(JobCard, Outcome), StoreError> {
        let BegunScript {
            card,
            mut slot,
            mut turn,
        } = begun;
        if slot.is_none() {
            if !has_come(&mut turn, stop).await {
                return Ok((card, never_ran(stop)));
            }
            let free = Arc::clone(&run.mill.slots).acquire_owned();
            tokio::select! {
                free = free => slot = free.ok(),
                () = stop.wished() => return Ok((card, never_ran(stop))),
            }
            card.start().await?;
        }
        let outcome = self.run_or_reuse(run, shared, stop).await?;
        drop((slot, turn));
        Ok((card, outcome))
    }

    /// Runs the script, unless the result for these arguments is kept.
    async fn run_or_reuse(
        &self,
        run: &Run,
        shared: Option<&Path>,
        stop: &Arc<Stop>,
    ) -> Result<Outcome, StoreError> {
        let Some(seconds) = self.cache_ttl else {
            return self.run_now(run, shared, stop).await;
        };
        let path = self.place.path.as_deref();
        let key = cache::key_of(self.kind, path, &self.script.text, &self.args);
        if let Some(result) = cache::result_of(&run.mill, &key).await? {
            return Ok(Outcome {
                success: true,
                result,
                log: cache::FOUND.to_owned(),
            });
        }
        let outcome = self.run_now(run, shared, stop).await?;
        if outcome.success {
            cache::keep(run, key, &outcome.result, seconds).await?;
        }
        Ok(outcome)
    }

    async fn run_now(
        &self,
        run: &Run,
        shared: Option<&Path>,
        stop: &Arc<Stop>,
    ) -> Result<Outcome, StoreError> {
        let mill = &run.mill;
        if let Some(reply) = &self.reply {
            let played = self.stood_in(reply, run, shared, stop);
            return Ok(within(self.limit, stop, played).await);
        }
        let sink = mill.records.log_of(self.place.job);
        let task = Task {
            script: &self.script,
            args: &self.args,
            project: &run.plan.project,
            place: &self.place,
            environment: &mill.options.environment,
            folder: &mill.options.folder,
            shared,
            stop,
            grace: mill.options.grace,
        };
        within(self.limit, stop, worker::run(&task, sink)).await
    }
}

/// Waits for a job's turn among those that count together; whether it has come before the job was to end.
pub(super) async fn has_come(turn: &mut Option<Turn>, stop: &Stop) -> bool {
    let Some(turn) = turn else { return true };
    tokio::select! {
        () = turn.come() => true,
        () = stop.wished() => false,
    }
}

/// Waits for something; when its time is over it is told to end, and waited for all the same.
pub(super) async fn within<T>(
    limit: Option<Duration>,
    stop: &Stop,
    work: impl Future<Output = T>,
) -> T {
    let Some(limit) = limit else {
        return work.await;
    };
    let mut work = std::pin::pin!(work);
    tokio::select! {
        done = &mut work => done,
        () = tokio::time::sleep(limit) => {
            stop.stop(Cause::TimedOut);
            work.await
        }
    }
}

/// The result of a job that was canceled.
pub(super) fn canceled(cause: Option<&Cause>) -> Value {
    let (by, reason) = match cause {
        Some(Cause::Canceled(wish)) => (wish.by.as_str(), wish.reason.as_str()),
        Some(Cause::TimedOut) => ("timeout", "the time of the flow around it is over"),
        Some(Cause::Broken) | None => ("mill", "the mill cannot go on"),
    };
    let message = format!("Job canceled: {reason} by {by}");
    json!({"error": {"name": "Canceled", "reason": reason, "message": message, "canceler": by}})
}

fn never_ran(stop: &Stop) -> Outcome {
    let by = match stop.cause() {
        Some(Cause::Canceled(wish)) => wish.by.clone(),
        _ => "mill".to_owned(),
    };
    Outcome {
        success: false,
        result: canceled(stop.cause()),
        log: format!("canceled by {by}: (force cancel: false)"),
    }
}

fn beginning_of(place: &Place, kind: JobKind, script: &Script, label: String) -> Beginning {
    Beginning {
        kind,
        language: Some(script.language.name().to_owned()),
        path: place.path.clone(),
        script_hash: Some(place.hash.clone()),
        label,
        args: Arc::default(),
        raw_flow: None,
        flow_status: None,
        queued: false,
    }
}

impl Outcome {
    pub(super) fn finished(&self, result: &Arc<Value>) -> Finished {
        Finished {
            success: self.success,
            skipped: false,
            result: Arc::clone(result),
            flow_status: None,
            log: self.log.clone(),
        }
    }
}
