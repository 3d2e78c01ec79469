//! Modules: what becomes of a workflow when a step's agent says so. Here they are a step's policies.
//!
//! Always so: a policy is written flat, in one spelling, whatever the module's was.

use serde_json::{Map, Value, json};

use super::Notes;
use super::fields::Fields;

/// A module, as it is used by one step.
pub(super) struct Module<'a> {
    pub(super) id: &'a str,
    pub(super) fields: Fields<'a>,
    /// Whether it is a step itself, as a workflow's modules are.
    pub(super) is_step: bool,
}

/// The steps that policies refer to.
pub(super) struct Steps {
    /// The agents, by the indices of their steps.
    pub(super) agents: Vec<String>,
    /// The steps that run once, whatever loops.
    pub(super) once: Vec<i64>,
}

/// What a module does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behavior {
    Loop,
    Trigger,
    Checkpoint,
}

const TRIGGER_AGENT: &[&str] = &["triggerAgentId", "trigger_agent_id"];
const TARGET_AGENT: &[&str] = &["targetAgentId", "target_agent_id"];
const SKIP: &[&str] = &["skip", "skipSteps", "skip_steps"];

impl<'a> Module<'a> {
    /// What it does; without a behavior it only has a prompt.
    pub(super) fn behavior(&self) -> Result<Option<Behavior>, String> {
        let word = match self.fields.get(&["behavior"]) {
            None => return Ok(None),
            Some(Value::Object(nested)) => Fields::of([nested]).text(&["type"]),
            Some(Value::String(word)) => Some(word.as_str()),
            Some(_) => None,
        };
        match word.map(|word| word.trim().to_lowercase()).as_deref() {
            Some("loop") => Ok(Some(Behavior::Loop)),
            Some("trigger") => Ok(Some(Behavior::Trigger)),
            Some("checkpoint") => Ok(Some(Behavior::Checkpoint)),
            word => Err(format!(
                "the behavior {} of the module {} is none of loop, trigger and checkpoint",
                word.unwrap_or("without a type"),
                self.id
            )),
        }
    }

    /// Whether it names an agent: as its target, or, where there is no workflow, as the agent that it triggers.
    pub(super) fn names(&self, agent: &str, is_agents_only: bool) -> bool {
        let fields = self.with_nested();
        let triggers = || {
            self.behavior() == Ok(Some(Behavior::Trigger))
                && fields.text(TRIGGER_AGENT) == Some(agent)
        };
        fields.text(TARGET_AGENT) == Some(agent) || is_agents_only && triggers()
    }

    /// The step's policy.
    pub(super) fn policy(
        &self,
        steps: &Steps,
        place: &str,
        notes: &mut Notes,
    ) -> Option<Map<String, Value>> {
        let behavior = match self.behavior() {
            Ok(behavior) => behavior?,
            Err(reason) => {
                notes.wrong(place, reason);
                return None;
            }
        };
        let mut policy = Map::new();
        policy.insert("module_id".to_owned(), json!(self.id));
        policy.insert("behavior".to_owned(), json!(behavior.as_str()));
        let action = self.with_nested().text(&["action"]);
        let action = action.unwrap_or(behavior.usual_action());
        policy.insert("action".to_owned(), json!(action));
        match behavior {
            Behavior::Loop => self.add_loop(&mut policy, steps, place, notes),
            Behavior::Trigger => self.add_target(&mut policy, steps, place, notes)?,
            Behavior::Checkpoint => {}
        }
        self.add_conditions(&mut policy, behavior);
        Some(policy)
    }

    fn add_loop(
        &self,
        policy: &mut Map<String, Value>,
        steps: &Steps,
        place: &str,
        notes: &mut Notes,
    ) {
        let nested = self.with_nested();
        let back = self.fields.number(&["loopSteps"]);
        let back = back.or_else(|| nested.number(&["steps", "stepBack", "step_back"]));
        policy.insert("step_back".to_owned(), json!(back.unwrap_or(1).max(1)));
        let most = self.fields.number(&["loopMaxIterations"]);
        let most = most.or_else(|| nested.number(&["maxIterations", "max_iterations"]));
        match most.filter(|most| *most > 0) {
            Some(most) => {
                policy.insert("max_iterations".to_owned(), json!(most));
            }
            None => notes.warn(
                place,
                format!(
                    "the loop {} has no limit: give it one by loopMaxIterations",
                    self.id
                ),
            ),
        }
        let skip = self.fields.get(&["loopSkip"]).or_else(|| nested.get(SKIP));
        let mut skipped = steps.once.clone();
        for entry in skip.and_then(Value::as_array).into_iter().flatten() {
            let indices = steps.indices(entry);
            if indices.is_empty() {
                notes.warn(
                    place,
                    format!("the loop {} skips {entry}, which is no step", self.id),
                );
            }
            skipped.extend(indices);
        }
        skipped.sort_unstable();
        skipped.dedup();
        if !skipped.is_empty() {
            policy.insert("skip_steps".to_owned(), json!(skipped));
        }
    }

    fn add_target(
        &self,
        policy: &mut Map<String, Value>,
        steps: &Steps,
        place: &str,
        notes: &mut Notes,
    ) -> Option<()> {
        let nested = self.with_nested();
        for (key, spellings) in [
            ("trigger_agent_id", TRIGGER_AGENT),
            ("target_agent_id", TARGET_AGENT),
        ] {
            if let Some(agent) = nested.text(spellings) {
                policy.insert(key.to_owned(), json!(agent));
            }
        }
        let target = nested.text(TRIGGER_AGENT).or(nested.text(TARGET_AGENT));
        let Some(target) = target else {
            notes.wrong(place, format!("the trigger {} names no agent", self.id));
            return None;
        };
        let is_step = steps.agents.iter().any(|agent| agent == target);
        if !is_step {
            let what = format!(
                "the trigger {} is left out: its agent {target} is no step of the workflow",
                self.id
            );
            notes.warn(place, what);
        }
        is_step.then_some(())
    }

    /// The reasons that the policy is for. A workflow's own `conditions` are another thing: they choose steps.
    fn add_conditions(&self, policy: &mut Map<String, Value>, behavior: Behavior) {
        let nested = self.nested();
        let beside = self.fields.clone();
        let fields = if self.is_step { &nested } else { &beside };
        for key in ["condition", "conditions"] {
            if let Some(value) = nested.get(&[key]).or_else(|| fields.get(&[key])) {
                policy.insert(key.to_owned(), value.clone());
            }
        }
        let is_open = !policy.contains_key("condition") && !policy.contains_key("conditions");
        if is_open && self.is_step && behavior == Behavior::Loop {
            // Its agent decides, and its check reads what it decided: an engine that fails is no reason to loop.
            policy.insert("condition".to_owned(), json!("qa_failed"));
        }
    }

    fn nested(&self) -> Fields<'a> {
        let nested = self.fields.get(&["behavior"]).and_then(Value::as_object);
        Fields::of(nested)
    }

    fn with_nested(&self) -> Fields<'a> {
        self.nested().or(&self.fields)
    }
}

impl Steps {
    /// The steps that an entry of a loop's list means: an index, or an agent's.
    fn indices(&self, entry: &Value) -> Vec<i64> {
        if let Some(index) = entry.as_i64() {
            return vec![index];
        }
        let agents = (0i64..).zip(&self.agents);
        agents
            .filter(|(_, agent)| entry.as_str() == Some(agent))
            .map(|(index, _)| index)
            .collect()
    }
}

impl Behavior {
    fn as_str(self) -> &'static str {
        match self {
            Self::Loop => "loop",
            Self::Trigger => "trigger",
            Self::Checkpoint => "checkpoint",
        }
    }

    fn usual_action(self) -> &'static str {
        match self {
            Self::Loop => "stepBack",
            Self::Trigger => "mainAgentCall",
            Self::Checkpoint => "evaluate",
        }
    }
}
