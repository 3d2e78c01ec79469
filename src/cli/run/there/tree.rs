//! A job on Windmill with all the jobs in it, followed as it goes, and told as the mill tells of its own.
//!
//! Always so: of each flow one connection tells how it stands, of each job in it one more as long as that is under way; jobs
//! that do not run at the same time are told one after the other.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use millwright_core::refs::JobId;
use serde_json::Value;
use tokio::sync::broadcast::Sender;

use super::labels::{is_parallel, label};
use crate::cli::run::texts::Texts;
use crate::mill::{Change, End, Event, line_of};
use crate::windmill::{Client, Ended, FlowStatus, JobState, WindmillError};

/// So many of a flow's jobs are followed at once.
const AT_ONCE: usize = 16;

/// A job with the jobs in it.
pub(super) struct Tree {
    pub(super) client: Client,
    pub(super) root: JobId,
    /// Where the outermost flow stands, and its value, where they are known.
    pub(super) path: Option<String>,
    pub(super) definition: Option<Value>,
    pub(super) events: Sender<Event>,
    pub(super) texts: Texts,
}

/// A place in the tree.
#[derive(Debug, Clone)]
struct Node {
    job: JobId,
    parent: Option<JobId>,
    depth: usize,
    label: String,
}

type Outcome = Result<Box<Ended>, WindmillError>;

impl Tree {
    /// Follows the job to its end.
    pub(super) async fn follow(&self, label: String) -> Outcome {
        let root = Node {
            job: self.root,
            parent: None,
            depth: 0,
            label,
        };
        self.job(root).await
    }

    fn job(&self, node: Node) -> BoxFuture<'_, Outcome> {
        Box::pin(async move {
            let (job, mut updates) = self.client.updates(node.job).await?;
            let is_flow = job.flow_status.is_some();
            self.tell(&node, Change::Began { is_flow });
            let definition = self.definition_of(job.script_path.as_deref());
            let mut inner = Inner::new(self, &node, definition);
            inner.learn(job.flow_status.as_ref());
            let ended = loop {
                tokio::select! {
                    update = updates.next() => {
                        let update = update?;
                        if !is_flow {
                            self.texts.push(node.job, &update.log);
                        }
                        inner.learn(update.flow_status.as_ref());
                        if let Some(ended) = update.ended {
                            break ended;
                        }
                    }
                    told = inner.tell_next(), if inner.is_busy() => told?,
                }
            };
            inner.learn(ended.job.flow_status.as_ref());
            while inner.is_busy() {
                inner.tell_next().await?;
            }
            self.tell(&node, end_of(&ended));
            Ok(ended)
        })
    }

    /// What is known of the steps of a flow: those of the outermost, and of the rounds and branches in it.
    fn definition_of(&self, path: Option<&str>) -> Option<&Value> {
        let own = self.path.as_deref();
        let is_in = |path: &str, own| {
            let rest = path.strip_prefix(own);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let is_own = path.is_none_or(|path| own.is_some_and(|own| is_in(path, own)));
        self.definition.as_ref().filter(|_| is_own)
    }

    fn tell(&self, node: &Node, change: Change) {
        // Nobody has to watch.
        drop(self.events.send(Event {
            root: self.root,
            job: node.job,
            parent: node.parent,
            depth: node.depth,
            label: node.label.clone(),
            change,
        }));
    }
}

/// The jobs in a flow.
struct Inner<'a> {
    tree: &'a Tree,
    parent: Node,
    definition: Option<&'a Value>,
    known: BTreeSet<JobId>,
    /// Those that are not told of yet, in their order.
    next: VecDeque<Child>,
    under_way: FuturesUnordered<BoxFuture<'a, (Child, Outcome)>>,
    /// The step whose jobs are under way.
    step: String,
    /// The last job that failed, and why.
    failed: Option<(Node, String)>,
}

/// A job in a flow.
struct Child {
    node: Node,
    step: String,
    is_parallel: bool,
    /// How many tries of the step failed before.
    failed_tries: usize,
}

impl<'a> Inner<'a> {
    fn new(tree: &'a Tree, parent: &Node, definition: Option<&'a Value>) -> Self {
        Self {
            tree,
            parent: parent.clone(),
            definition,
            known: BTreeSet::new(),
            next: VecDeque::new(),
            under_way: FuturesUnordered::new(),
            step: String::new(),
            failed: None,
        }
    }

    /// Takes note of the jobs that have begun since.
    fn learn(&mut self, status: Option<&FlowStatus>) {
        for step in status.map(FlowStatus::jobs).unwrap_or_default() {
            if !self.known.insert(step.job) {
                continue;
            }
            self.next.push_back(Child {
                node: Node {
                    job: step.job,
                    parent: Some(self.parent.job),
                    depth: self.parent.depth + 1,
                    label: label(&step, self.definition),
                },
                step: step.module.id.clone().unwrap_or_default(),
                is_parallel: is_parallel(&step, self.definition),
                failed_tries: step.failed_tries,
            });
        }
    }

    fn is_busy(&self) -> bool {
        !self.next.is_empty() || !self.under_way.is_empty()
    }

    /// Waits until one of the jobs has ended. It may be dropped while it waits, and called again.
    async fn tell_next(&mut self) -> Result<(), WindmillError> {
        while self.may_begin() {
            self.begin();
        }
        let Some((child, outcome)) = self.under_way.next().await else {
            return Ok(());
        };
        let change = match outcome {
            Err(error) if error.is_not_found() => {
                let gone = gone();
                self.tree.tell(&child.node, gone.clone());
                gone
            }
            outcome => end_of(&*outcome?),
        };
        if let Change::Ended {
            end: End::Failed(why),
            ..
        } = change
        {
            self.failed = Some((child.node, why));
        }
        Ok(())
    }

    fn may_begin(&self) -> bool {
        let Some(next) = self.next.front() else {
            return false;
        };
        let goes_along = next.is_parallel && next.step == self.step;
        self.under_way.is_empty() || goes_along && self.under_way.len() < AT_ONCE
    }

    fn begin(&mut self) {
        let Some(child) = self.next.pop_front() else {
            return;
        };
        self.step.clone_from(&child.step);
        if child.failed_tries > 0
            && let Some((node, error)) = self.failed.take()
        {
            let attempt = child.failed_tries as u64;
            self.tree.tell(&node, Change::Again { attempt, error });
        }
        let following = self.tree.job(child.node.clone());
        self.under_way
            .push(Box::pin(async move { (child, following.await) }));
    }
}

/// A job in a flow that Windmill has deleted, while the flow is there.
fn gone() -> Change {
    Change::Ended {
        end: End::Failed("Windmill has this job no more".to_owned()),
        took: Duration::ZERO,
    }
}

/// How a job ended, as the mill tells it.
fn end_of(ended: &Ended) -> Change {
    let end = match ended.job.state() {
        JobState::Skipped => End::Skipped,
        JobState::Succeeded => End::Succeeded,
        _ => End::Failed(line_of(&ended.result)),
    };
    Change::Ended {
        end,
        took: ended.took,
    }
}
