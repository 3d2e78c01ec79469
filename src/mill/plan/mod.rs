//! What a flow needs, looked up before its first step runs.
//!
//! Always so: a flow that passes here names no script that is missing and nothing that the mill does not do; every
//! complaint is found, not the first alone.

mod around;
mod fields;
mod scripts;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use millwright_core::openflow::{Amount, Flow, Module, ModuleValue, RawScript};
use serde_json::{Map, Value};

use super::language::Script;
use super::project::Project;
use super::{MillError, MillOptions, Sources};

/// So many levels of steps inside one another are run.
const MOST_LEVELS: usize = 64;

/// The scripts and flows that a flow leads to, by their paths.
#[derive(Debug, Default)]
pub(super) struct Plan {
    scripts: HashMap<String, Arc<Script>>,
    /// The scripts inside flows, by their language and text.
    raw_scripts: HashMap<String, HashMap<String, Arc<Script>>>,
    flows: HashMap<String, Arc<Flow>>,
    /// What the project says of interpreters, variables and resources.
    pub(super) project: Arc<Project>,
    /// What the flow says in vain, or is likely to mean otherwise.
    pub(super) notes: Vec<String>,
    /// Why the flow's preprocessor cannot be run, where that is so.
    pub(super) no_preprocessor: Option<String>,
}

impl Plan {
    /// Looks up all that a flow needs. `path` is the flow's own, where it has one.
    ///
    /// # Errors
    /// [`MillError::Refused`] with every complaint.
    pub(super) fn of_flow(
        flow: &Flow,
        path: Option<&str>,
        args: &Map<String, Value>,
        options: &MillOptions,
    ) -> Result<Self, MillError> {
        let mut planner = Planner::new(path, options, true)?;
        planner.inputs(args);
        planner.plan_of(flow)
    }

    /// The same for a flow whose scripts and sub-flows something may stand in for: what is missing is no reason to refuse
    /// it, and such a script or sub-flow is empty.
    ///
    /// # Errors
    /// As [`Self::of_flow`].
    pub(super) fn of_rehearsed(
        flow: &Flow,
        path: Option<&str>,
        sources: &Sources,
    ) -> Result<Self, MillError> {
        let options = MillOptions::of_this_process(sources.clone());
        Planner::new(path, &options, false)?.plan_of(flow)
    }

    /// Looks up all that the script at a path needs.
    ///
    /// # Errors
    /// As [`Self::of_flow`], and where there is no such script.
    pub(super) fn of_script(
        path: &str,
        args: &Map<String, Value>,
        options: &MillOptions,
    ) -> Result<(Self, Arc<Script>), MillError> {
        let found = options.sources.script(path)?;
        let mut planner = Planner::new(None, options, true)?;
        let script = planner.prepared(path, found.language, found.content);
        planner.inputs(args);
        let plan = planner.planned()?;
        let script = script.expect("a script that is not there is complained of");
        Ok((plan, script))
    }

    /// A flow that the flow names, where it is there and has steps.
    pub(super) fn flow_if_known(&self, path: &str) -> Option<Arc<Flow>> {
        let flow = self.flows.get(path).cloned();
        flow.filter(|flow| !flow.value.modules.is_empty())
    }

    /// A script that the flow names.
    pub(super) fn script(&self, path: &str) -> Arc<Script> {
        let script = self.scripts.get(path);
        Arc::clone(script.expect("a plan holds every script that its flow names"))
    }

    /// A script inside the flow.
    pub(super) fn raw_script(&self, step: &RawScript) -> Arc<Script> {
        let scripts = self.raw_scripts.get(&step.language);
        let script = scripts.and_then(|scripts| scripts.get(&step.content));
        Arc::clone(script.expect("a plan holds every script inside its flow"))
    }

    /// A flow that the flow names.
    pub(super) fn flow(&self, path: &str) -> Arc<Flow> {
        let flow = self.flows.get(path);
        Arc::clone(flow.expect("a plan holds every flow that its flow names"))
    }
}

struct Planner<'a> {
    sources: &'a Sources,
    plan: Plan,
    complaints: Vec<String>,
    /// The paths of the flows that led here, the outermost first.
    trail: Vec<String>,
    /// What stands before a place: empty, or the path of a sub-flow.
    at: String,
    /// Whether a script or flow that is missing is a reason to refuse.
    all_there: bool,
    /// How many levels deep the steps of this flow are.
    height: usize,
    /// The same of the flows that it runs as steps.
    heights: HashMap<String, usize>,
}

impl<'a> Planner<'a> {
    fn new(
        path: Option<&str>,
        options: &'a MillOptions,
        all_there: bool,
    ) -> Result<Self, MillError> {
        let project = Project::read(options.sources.root(), options.search())?;
        Ok(Self {
            sources: &options.sources,
            plan: Plan {
                project: Arc::new(project),
                ..Plan::default()
            },
            complaints: Vec::new(),
            trail: path.map(str::to_owned).into_iter().collect(),
            at: String::new(),
            all_there,
            height: 0,
            heights: HashMap::new(),
        })
    }

    fn plan_of(mut self, flow: &Flow) -> Result<Plan, MillError> {
        self.flow(flow);
        self.planned()
    }

    fn planned(self) -> Result<Plan, MillError> {
        if self.complaints.is_empty() {
            Ok(self.plan)
        } else {
            Err(MillError::Refused(self.complaints))
        }
    }

    fn flow(&mut self, flow: &Flow) {
        let value = &flow.value;
        for name in fields::FOR_OTHERS {
            if flow.other.contains_key(*name) {
                self.note(&format!("/{name}"), fields::ONE_PERSON);
            }
        }
        self.fields(fields::FLOW, "/value", &value.other);
        if value.flow_env.as_ref().is_some_and(|env| !env.is_object()) {
            self.refuse("/value/flow_env", "it is no object of names and values");
        }
        self.preprocessor(value);
        let same_worker = value.same_worker == Some(true);
        let mut steps = Vec::new();
        value.walk("/value", &mut |place, module| {
            steps.push((place.to_owned(), module));
        });
        self.ids(&steps);
        let places: HashSet<String> = steps.iter().map(|(place, _)| place.clone()).collect();
        // A flow that is run as a step has none; one that cannot be run is told of when it is asked for.
        let is_left_out = !self.is_outermost() || self.plan.no_preprocessor.is_some();
        for (place, module) in steps {
            if is_left_out && place == "/value/preprocessor_module" {
                continue;
            }
            self.module(&place, module);
            let is_last = !next_of(&place).is_some_and(|next| places.contains(&next));
            self.afterwards(&place, module, is_last);
            if same_worker && is_parallel(&module.value) {
                self.refuse(
                    &format!("{place}/value/parallel"),
                    "with `same_worker` nothing runs side by side",
                );
            }
        }
    }

    /// Windmill's server runs steps of one id; its editor calls the flow broken.
    fn ids(&mut self, steps: &[(String, &Module)]) {
        let mut known = HashMap::new();
        for (place, module) in steps {
            let id = module.id.as_str();
            let first: &str = known.entry(id).or_insert(place);
            if first != place {
                let both = format!("{first} has the id {id:?} as well");
                let reason =
                    format!("{both}: `results.{id}` is of either; give each step its own id");
                self.note(&format!("{place}/id"), &reason);
            }
        }
    }

    fn module(&mut self, place: &str, module: &Module) {
        self.fields(fields::MODULE, place, &module.other);
        self.decisions(place, module);
        self.conditions(place, module);
        if let Some(Amount::Computed(transform)) = &module.timeout {
            self.transform(&format!("{place}/timeout"), transform);
        }
        self.value(&format!("{place}/value"), &module.value);
        self.depth(place, module);
        let script = self.script_of(&module.value);
        for (name, transform) in module.value.input_transforms().into_iter().flatten() {
            let place = format!("{place}/value/input_transforms/{name}");
            self.transform(&place, transform);
            if script.as_ref().is_some_and(|script| script.ignores(name)) {
                self.note(&place, &scripts::ignored(script.as_deref(), name));
            }
        }
    }

    /// What is decided around a step.
    fn decisions(&mut self, place: &str, module: &Module) {
        let others = [
            ("skip_if", module.skip_if.as_ref().map(|part| &part.other)),
            ("retry", module.retry.as_ref().map(|part| &part.other)),
            ("mock", module.mock.as_ref().map(|part| &part.other)),
            (
                "stop_after_if",
                module.stop_after_if.as_ref().map(|part| &part.other),
            ),
            (
                "stop_after_all_iters_if",
                module
                    .stop_after_all_iters_if
                    .as_ref()
                    .map(|part| &part.other),
            ),
        ];
        for (name, other) in others {
            if let Some(other) = other {
                self.fields(fields::NOTHING, &format!("{place}/{name}"), other);
            }
        }
        let parallel =
            matches!(&module.value, ModuleValue::ForLoop(inner) if inner.parallel == Some(true));
        if parallel && module.stop_after_if.is_some() {
            let reason = "rounds that run side by side cannot be stopped after one of them";
            self.refuse(&format!("{place}/stop_after_if"), reason);
        }
    }

    /// How deep steps are inside one another, those of flows that are run as steps included.
    fn depth(&mut self, place: &str, module: &Module) {
        let inside = match &module.value {
            ModuleValue::Flow(flow) => 1 + self.heights.get(&flow.path).copied().unwrap_or(0),
            _ => 0,
        };
        let height = levels_of(place) + inside;
        if height > MOST_LEVELS && self.height <= MOST_LEVELS {
            let reason = format!(
                "steps are {height} levels deep inside one another, and the mill runs {MOST_LEVELS}: put some side by side"
            );
            self.refuse(place, &reason);
        }
        self.height = self.height.max(height);
    }

    fn value(&mut self, place: &str, value: &ModuleValue) {
        match value {
            ModuleValue::Script(script) => {
                self.fields(fields::SCRIPT, place, &script.other);
                self.script(place, &script.path);
            }
            ModuleValue::RawScript(script) => self.raw_script(place, script),
            ModuleValue::Flow(flow) => {
                self.fields(fields::NOTHING, place, &flow.other);
                self.sub_flow(place, &flow.path);
            }
            ModuleValue::ForLoop(inner) => {
                self.fields(fields::LOOP, place, &inner.other);
                self.transform(&format!("{place}/iterator"), &inner.iterator);
                if let Some(Amount::Computed(transform)) = &inner.parallelism {
                    self.transform(&format!("{place}/parallelism"), transform);
                }
            }
            ModuleValue::WhileLoop(inner) => self.fields(fields::LOOP, place, &inner.other),
            ModuleValue::BranchOne(inner) => {
                self.fields(fields::NOTHING, place, &inner.other);
                for (index, branch) in inner.branches.iter().enumerate() {
                    let place = format!("{place}/branches/{index}");
                    self.fields(fields::NOTHING, &place, &branch.other);
                }
            }
            ModuleValue::BranchAll(inner) => {
                self.fields(fields::NOTHING, place, &inner.other);
                for (index, branch) in inner.branches.iter().enumerate() {
                    let place = format!("{place}/branches/{index}");
                    self.fields(fields::BRANCH, &place, &branch.other);
                }
            }
            ModuleValue::Identity(inner) => self.fields(fields::NOTHING, place, &inner.other),
            ModuleValue::Unknown(unknown) => {
                let reason = format!("the mill does not run steps of type `{}`", unknown.kind);
                self.refuse(&format!("{place}/type"), &reason);
            }
        }
    }

    fn sub_flow(&mut self, place: &str, path: &str) {
        let place = format!("{place}/path");
        if self.trail.iter().any(|seen| seen == path) {
            let circle = format!("{} → {path}", self.trail.join(" → "));
            return self.refuse(&place, &format!("the flow leads back to itself: {circle}"));
        }
        if self.plan.flows.contains_key(path) {
            return;
        }
        let flow = match self.sources.flow(path) {
            Ok(flow) => Arc::new(flow),
            Err(MillError::Missing { .. }) if !self.all_there => Arc::default(),
            Err(error) => return self.refuse(&place, &error.to_string()),
        };
        let before = std::mem::replace(&mut self.at, format!("{path}: "));
        let height = std::mem::take(&mut self.height);
        self.trail.push(path.to_owned());
        self.flow(&flow);
        self.trail.pop();
        self.at = before;
        let inside = std::mem::replace(&mut self.height, height);
        self.heights.insert(path.to_owned(), inside);
        self.plan.flows.insert(path.to_owned(), flow);
    }

    fn fields(&mut self, harmless: &[fields::Harmless], place: &str, other: &Map<String, Value>) {
        for (name, value) in other {
            let place = format!("{place}/{name}");
            if fields::says_nothing(value) {
                continue;
            }
            match harmless.iter().find(|(known, _)| known == name) {
                Some((_, why)) => self.note(&place, &format!("left out, {why}")),
                None => self.refuse(&place, fields::reason(name)),
            }
        }
    }

    /// Whether this flow is not one that another runs as a step.
    fn is_outermost(&self) -> bool {
        self.at.is_empty()
    }

    fn note(&mut self, place: &str, reason: &str) {
        self.plan
            .notes
            .push(format!("{}{place}: {reason}", self.at));
    }

    fn refuse(&mut self, place: &str, reason: &str) {
        self.complaints
            .push(format!("{}{place}: {reason}", self.at));
    }
}

/// The place of the step after one; nothing where it is in no list.
fn next_of(place: &str) -> Option<String> {
    let (list, index) = place.rsplit_once('/')?;
    let index: usize = index.parse().ok()?;
    Some(format!("{list}/{}", index + 1))
}

/// How many lists of steps lead to a place.
fn levels_of(place: &str) -> usize {
    let parts = place.split('/');
    parts
        .filter(|part| ["modules", "default"].contains(part))
        .count()
}

fn is_parallel(value: &ModuleValue) -> bool {
    match value {
        ModuleValue::ForLoop(inner) => inner.parallel == Some(true),
        ModuleValue::BranchAll(inner) => inner.parallel == Some(true),
        _ => false,
    }
}
