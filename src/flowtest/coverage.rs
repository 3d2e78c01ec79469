//! Which steps of a flow ran in some test, and which way it went where it could go two.
//!
//! Always so: a point counts as reached where one test reached it; a branch without steps counts where it has a
//! condition of its own.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use millwright_core::openflow::{Flow, Module, ModuleValue};
use millwright_core::refs::JobId;

use crate::mill::{Decision, NotedDecision, NotedJob};
use crate::store::jobs::JobKind;

/// What was reached of each flow.
#[derive(Debug, Clone, Default)]
pub struct Coverage {
    /// The flows, by their names.
    pub flows: Vec<FlowCoverage>,
}

/// What was reached of a flow.
#[derive(Debug, Clone)]
pub struct FlowCoverage {
    /// The flow's path; its file where it has none.
    pub flow: String,
    /// Everything that can be reached, in the order of the flow.
    pub points: Vec<Point>,
}

/// Something that can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// The step.
    pub step: String,
    /// What of it.
    pub kind: PointKind,
    /// What it is called, for a person.
    pub about: String,
    /// Whether a test reached it.
    pub reached: bool,
}

/// What of a step can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PointKind {
    /// The step itself.
    Step,
    /// One way that it can go.
    Way(Decision),
}

impl Coverage {
    /// The share of what was reached, in percent; 100 where there is nothing to reach.
    pub fn percent(&self) -> f64 {
        let points = || self.flows.iter().flat_map(|flow| &flow.points);
        share(
            points().filter(|point| point.reached).count(),
            points().count(),
        )
    }
}

impl FlowCoverage {
    /// How many steps were reached, of how many.
    pub fn steps(&self) -> (usize, usize) {
        self.count(|kind| kind == PointKind::Step)
    }

    /// How many ways were gone, of how many.
    pub fn branches(&self) -> (usize, usize) {
        self.count(|kind| kind != PointKind::Step)
    }

    /// The share of what was reached, in percent.
    pub fn percent(&self) -> f64 {
        let (reached, all) = self.count(|_| true);
        share(reached, all)
    }

    /// What no test reached.
    pub fn missed(&self) -> impl Iterator<Item = &Point> {
        self.points.iter().filter(|point| !point.reached)
    }

    fn count(&self, which: impl Fn(PointKind) -> bool) -> (usize, usize) {
        let points = self.points.iter().filter(|point| which(point.kind));
        let (mut reached, mut all) = (0, 0);
        for point in points {
            all += 1;
            reached += usize::from(point.reached);
        }
        (reached, all)
    }
}

fn share(reached: usize, all: usize) -> f64 {
    if all == 0 {
        return 100.0;
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "a flow has far fewer points than 2^52"
    )]
    let share = 100.0 * reached as f64 / all as f64;
    share
}

/// What tests reached, by the flow's name.
#[derive(Debug, Clone, Default)]
pub(super) struct Hits(BTreeMap<String, BTreeSet<(String, PointKind)>>);

impl Hits {
    /// What one run reached; `name` is that of the outermost flow.
    pub(super) fn of(name: &str, jobs: &[NotedJob], decisions: &[NotedDecision]) -> Self {
        let mut hits = Self::default();
        for job in jobs {
            let was_passed_over =
                job.kind == JobKind::Identity && job.end.as_ref().is_some_and(|end| end.skipped);
            if let (Some(step), false) = (&job.step_id, was_passed_over) {
                let flow = flow_around(job, jobs).and_then(|flow| flow.path.as_deref());
                hits.add(flow.unwrap_or(name), step, PointKind::Step);
            }
        }
        let flows: HashMap<JobId, &NotedJob> = jobs
            .iter()
            .filter(|job| job.kind == JobKind::Flow)
            .map(|flow| (flow.job, flow))
            .collect();
        for noted in decisions {
            let flow = flows.get(&noted.flow).filter(|flow| flow.parent.is_some());
            let flow = flow.and_then(|flow| flow.path.as_deref()).unwrap_or(name);
            let step = noted.step_id.as_str();
            if matches!(noted.decision, Decision::Branch(_) | Decision::Default) {
                hits.add(flow, step, PointKind::Step);
            }
            hits.add(flow, step, PointKind::Way(noted.decision));
        }
        hits
    }

    fn add(&mut self, flow: &str, step: &str, kind: PointKind) {
        if !self.0.contains_key(flow) {
            self.0.insert(flow.to_owned(), BTreeSet::new());
        }
        if let Some(reached) = self.0.get_mut(flow) {
            reached.insert((step.to_owned(), kind));
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (flow, reached) in &other.0 {
            let own = self.0.entry(flow.clone()).or_default();
            own.extend(reached.iter().cloned());
        }
    }

    /// What was reached of these flows, and of their sub-flows that were entered.
    pub(super) fn coverage(&self, flows: &BTreeMap<String, (bool, Arc<Flow>)>) -> Coverage {
        let nothing = BTreeSet::new();
        let known = flows
            .iter()
            .filter(|(name, (tested, _))| *tested || self.0.contains_key(*name));
        let flows = known.map(|(name, (_, flow))| FlowCoverage {
            flow: name.clone(),
            points: points(flow, self.0.get(name).unwrap_or(&nothing)),
        });
        Coverage {
            flows: flows.collect(),
        }
    }
}

/// The innermost flow around a job that is no round or branch; `None` for the outermost.
fn flow_around<'a>(job: &NotedJob, jobs: &'a [NotedJob]) -> Option<&'a NotedJob> {
    let mut around = jobs.get(job.parent?)?;
    while around.kind != JobKind::Flow {
        around = jobs.get(around.parent?)?;
    }
    around.parent.is_some().then_some(around)
}

fn points(flow: &Flow, reached: &BTreeSet<(String, PointKind)>) -> Vec<Point> {
    let mut points = Vec::new();
    flow.value.walk("", &mut |_, module| {
        for (kind, about) in points_of(module) {
            let step = module.id.clone();
            let reached = reached.contains(&(step.clone(), kind));
            points.push(Point {
                step,
                kind,
                about,
                reached,
            });
        }
    });
    points
}

fn points_of(module: &Module) -> Vec<(PointKind, String)> {
    let id = &module.id;
    let mut points = vec![(PointKind::Step, format!("{id} does not run"))];
    let mut way = |decision, about| points.push((PointKind::Way(decision), about));
    if let ModuleValue::BranchOne(one) = &module.value {
        for (index, branch) in one.branches.iter().enumerate() {
            let called = branch.summary.as_ref().unwrap_or(&branch.expr);
            way(
                Decision::Branch(index),
                format!("{id} never takes its branch {called:?}"),
            );
        }
        if !one.default.is_empty() {
            way(
                Decision::Default,
                format!("{id} never takes its default branch"),
            );
        }
    }
    if module.skip_if.is_some() {
        way(Decision::Skip(true), format!("{id} is never skipped"));
        way(Decision::Skip(false), format!("{id} is always skipped"));
    }
    if module.stop_after_if.is_some() || module.stop_after_all_iters_if.is_some() {
        way(
            Decision::Stop(true),
            format!("{id} never stops what it is in"),
        );
        way(
            Decision::Stop(false),
            format!("{id} always stops what it is in"),
        );
    }
    points
}
