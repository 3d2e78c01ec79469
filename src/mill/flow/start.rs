//! Where flows begin: the outermost one, sub-flows, and scripts that are run by themselves.
//!
//! Always so: a sub-flow sees its own inputs and nothing of the flow that runs it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use millwright_core::openflow::{Flow, PathFlow};
use millwright_core::refs::JobId;
use serde_json::{Map, Value};

use super::frame::{Frame, Run};
use super::journal::{Beginning, Finished, JobCard, Standing};
use super::outcome::Ended;
use super::parts::ids;
use super::scripts::{BegunScript, ScriptTask, within};
use super::status::FlowStatus;
use super::step::Step;
use crate::mill::language::Script;
use crate::mill::limits::Turn;
use crate::mill::new_job_id;
use crate::mill::stand_in::{Act, Runs};
use crate::mill::stop::Stop;
use crate::mill::stored::stored_object;
use crate::mill::worker::Place;
use crate::store::StoreError;
use crate::store::jobs::JobKind;

/// A flow that is about to run as the outermost job.
pub(in crate::mill) struct FlowTask {
    run: Arc<Run>,
    flow: Arc<Flow>,
    path: Option<String>,
    args: Map<String, Value>,
    label: String,
    preprocesses: bool,
    /// The run and the step of it at which it begins.
    from: Option<(JobId, String)>,
}

/// A flow whose job is written and whose steps have not begun.
pub(in crate::mill) struct BegunFlow {
    frame: Arc<Frame>,
    flow: Arc<Flow>,
    card: JobCard,
    /// Its place among the runs that count together.
    turn: Option<Turn>,
    preprocesses: bool,
}

impl FlowTask {
    pub(in crate::mill) fn new(
        run: Arc<Run>,
        flow: Arc<Flow>,
        path: Option<&str>,
        args: Map<String, Value>,
    ) -> Self {
        let label = path.or(flow.summary.as_deref()).unwrap_or("flow");
        Self {
            label: label.to_owned(),
            run,
            path: path.map(str::to_owned),
            args,
            flow,
            preprocesses: false,
            from: None,
        }
    }

    /// The same, as a run that begins at a step of an earlier one.
    pub(in crate::mill) fn from(self, job: JobId, step_id: &str) -> Self {
        let from = Some((job, step_id.to_owned()));
        Self { from, ..self }
    }

    /// The run that it is.
    pub(in crate::mill) fn run(&self) -> &Arc<Run> {
        &self.run
    }

    /// The same, with the flow's preprocessor first, where it has one.
    pub(in crate::mill) fn preprocessed(self) -> Self {
        let preprocesses = self.flow.value.preprocessor_module.is_some();
        Self {
            preprocesses,
            ..self
        }
    }

    /// Writes the flow's job.
    pub(in crate::mill) async fn begin(self) -> Result<BegunFlow, StoreError> {
        let job = self.run.root;
        let kind = if self.path.is_some() {
            JobKind::Flow
        } else {
            JobKind::FlowPreview
        };
        let args = stored_object(self.args);
        let stop = Arc::clone(&self.run.stop);
        let place = FlowPlace {
            run: &self.run,
            job,
            path: self.path,
            within: Arc::from(""),
            depth: 0,
            shared: None,
        };
        let frame = place.frame(&self.flow, args, stop);
        frame.change(|status| status.from = self.from);
        let raw_flow = self.run.raw_text_of(&self.flow);
        let turn = if self.preprocesses {
            None
        } else {
            frame.turn(&self.flow.value)
        };
        let beginning = Beginning {
            queued: turn.is_some(),
            ..frame.beginning(kind, self.label, raw_flow)
        };
        let standing = Standing {
            run: &self.run,
            job,
            step: None,
        };
        let card = JobCard::begin(standing, beginning, None, &frame.stop).await?;
        Ok(BegunFlow {
            frame,
            flow: self.flow,
            card,
            turn,
            preprocesses: self.preprocesses,
        })
    }
}

impl BegunFlow {
    /// Runs the flow to its end and writes it.
    pub(in crate::mill) async fn run(self) -> Result<Finished, StoreError> {
        let Self {
            mut frame,
            mut turn,
            ..
        } = self;
        let value = &self.flow.value;
        let mut ended = None;
        if self.preprocesses {
            match frame.preprocess(value).await? {
                Ok(preprocessed) => {
                    turn = preprocessed.turn(value);
                    frame = preprocessed;
                }
                Err(failed) => ended = Some(failed),
            }
        }
        let finished = match ended {
            Some(ended) => frame.finished(&ended),
            None => frame.whole(value, turn, &self.card).await?.1,
        };
        self.card.end(&finished, None).await?;
        frame.run.end_leftovers().await;
        remove_shared(frame.shared.clone());
        Ok(finished.concealed(&frame.run).into_owned())
    }
}

/// A script that runs as the outermost job.
pub(in crate::mill) struct RootScript {
    run: Arc<Run>,
    task: ScriptTask,
    begun: BegunScript,
    stop: Arc<Stop>,
}

impl RootScript {
    /// Writes the script's job.
    pub(in crate::mill) async fn begin(
        run: Arc<Run>,
        path: &str,
        script: Arc<Script>,
        args: Map<String, Value>,
    ) -> Result<Self, StoreError> {
        let stop = Arc::clone(&run.stop);
        let options = &run.mill.options;
        let place = Place {
            job: run.root,
            root: run.root,
            flow: None,
            root_flow: None,
            flow_path: String::new(),
            step_id: None,
            path: Some(path.to_owned()),
            hash: script.hash.clone(),
            workspace: options.workspace.clone(),
            base_url: options.base_url.clone(),
        };
        let task = ScriptTask {
            script,
            kind: JobKind::Script,
            args: Arc::new(stored_object(args)),
            reply: None,
            limit: None,
            together: None,
            cache_ttl: None,
            place,
        };
        let standing = Standing {
            run: &run,
            job: run.root,
            step: None,
        };
        let begun = task.begin(standing, path.to_owned(), None, &stop).await?;
        Ok(Self {
            run,
            task,
            begun,
            stop,
        })
    }

    /// Runs the script to its end and writes it.
    pub(in crate::mill) async fn run(self) -> Result<Finished, StoreError> {
        let ran = self.task.run(self.begun, &self.run, None, &self.stop);
        let (card, outcome) = ran.await?;
        let finished = outcome.finished(&Arc::new(outcome.result.clone()));
        card.end(&finished, None).await?;
        Ok(finished.concealed(&self.run).into_owned())
    }
}

impl Step<'_> {
    pub(super) async fn sub_flow(&self, step: &PathFlow) -> Result<Ended, StoreError> {
        let args = match self.arguments(&step.input_transforms).await {
            Ok(args) => args,
            Err(ended) => {
                self.write_end(&ended).await?;
                return Ok(ended);
            }
        };
        let limit = match self.limit().await {
            Ok(limit) => limit,
            Err(ended) => return Ok(ended),
        };
        let job = match self.known(None) {
            Some(known) if known.is_over() => return self.as_known(known).await,
            Some(known) => known.job(),
            None => new_job_id(),
        };
        let outer = self.frame;
        let flow = outer.run.plan.flow(&step.path);
        let ear = outer.stop.child();
        let place = FlowPlace {
            run: &outer.run,
            job,
            path: Some(step.path.clone()),
            within: format!("{}{}/", outer.within, self.module.id).into(),
            depth: outer.depth + 1,
            shared: self.shared(),
        };
        let runs = Runs::Flow {
            path: &step.path,
            known: !flow.value.modules.is_empty(),
        };
        let reply = self.reply(job, &args, runs, limit);
        let frame = place.frame(&flow, args, Arc::clone(&ear));
        let raw_flow = outer.run.raw_text_of(&flow);
        let turn = frame.turn(&flow.value);
        let beginning = Beginning {
            queued: turn.is_some(),
            ..frame.beginning(JobKind::Flow, self.module.id.clone(), raw_flow)
        };
        let begins = self.begins(job);
        let card = JobCard::begin(self.standing(job), beginning, begins, &ear).await?;
        let (ended, finished) = match reply.filter(|reply| reply.act != Act::Really) {
            Some(reply) => {
                let ended = within(limit, &ear, frame.stood_in(reply)).await;
                let finished = frame.finished(&ended);
                (ended, finished)
            }
            None => within(limit, &ear, frame.whole(&flow.value, turn, &card)).await?,
        };
        let went_well = matches!(ended, Ended::Done(_) | Ended::Stopped { .. });
        card.end(&finished, self.ends(went_well)).await?;
        if outer.shared.is_none() {
            remove_shared(frame.shared.clone());
        }
        Ok(self.unless_timed_out(ended.of_sub_flow(), &ear))
    }
}

impl Ended {
    /// A sub-flow's end, for the flow that runs it: stopping early is an end like any other, and a failure is the
    /// step's.
    fn of_sub_flow(self) -> Self {
        match self {
            Self::Stopped { result, .. } => Self::Done(result),
            Self::Failed(failure) => Self::failed((*failure.result).clone()),
            ended => ended,
        }
    }
}

impl Run {
    /// A flow's steps as JSON text, where that is kept.
    fn raw_text_of(&self, flow: &Flow) -> Option<String> {
        let records = &self.mill.records;
        records.text(|| flow.value.to_value().to_string())
    }
}

/// Where a flow stands among the jobs.
struct FlowPlace<'a> {
    run: &'a Arc<Run>,
    job: JobId,
    path: Option<String>,
    within: Arc<str>,
    depth: usize,
    /// The folder that the steps of the flow around it share: a flow inside another with `same_worker` uses that one.
    shared: Option<PathBuf>,
}

impl FlowPlace<'_> {
    fn frame(self, flow: &Flow, args: Map<String, Value>, stop: Arc<Stop>) -> Arc<Frame> {
        let Self { run, job, .. } = self;
        let value = &flow.value;
        let own = || run.mill.options.folder.join(format!("shared-{job}"));
        let same_worker = value.same_worker == Some(true);
        Arc::new(Frame {
            run: Arc::clone(run),
            job,
            around: None,
            root_flow: job,
            within: self.within,
            round: None,
            path: self.path,
            flow_input: Arc::new(args),
            flow_env: Arc::new(flow_env_of(flow)),
            failure_module: value.failure_module.as_deref().cloned().map(Arc::new),
            shared: self.shared.or_else(|| same_worker.then(own)),
            depth: self.depth,
            stop,
            status: Mutex::new(FlowStatus::new(ids(&value.modules))),
            status_written: Mutex::default(),
            results: Mutex::new(HashMap::new()),
        })
    }
}

fn flow_env_of(flow: &Flow) -> Map<String, Value> {
    let named = flow.value.flow_env.as_ref().and_then(Value::as_object);
    named.cloned().unwrap_or_default()
}

fn remove_shared(shared: Option<PathBuf>) {
    if let Some(folder) = shared {
        // What cannot be removed goes with the folder for temporary files.
        drop(std::fs::remove_dir_all(folder));
    }
}
