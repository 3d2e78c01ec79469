//! The engine `codemachine`: an agent of a CodeMachine workspace, whose prompt is handed to the agent's own engine.
//!
//! Always so: what the agent decided in its directive counts only after its own work, never what an earlier one left.

use std::borrow::Cow;
use std::fmt;
use std::fs;
use std::io;
use std::path::PathBuf;

use millwright_core::protocol::placeholders::{Values, fill, values};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Control, Engine, EngineError, EngineOutput, Mode, Registry, Task};
use crate::files::read_file;
use crate::placeholders::{LONGEST_FILLED, length_filled, value_of};

/// The largest file that is read.
const LARGEST: usize = 1024 * 1024;
const ID: &str = "codemachine";
/// The contract's engine of last resort.
const LAST_ENGINE: &str = "opencode";

/// Hands an agent's prompt to the agent's engine.
#[derive(Debug)]
pub struct CodeMachine {
    engines: Registry,
}

/// What a step says about its agent: its `inputs`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Inputs {
    /// The agent.
    agent_id: String,
    /// The agent's engine.
    engine_id: Option<String>,
    /// How much the agent's model is to reason.
    reasoning_effort: Option<String>,
    /// The prompts that follow the first.
    more_prompts: Vec<String>,
    /// What stands for what in those.
    placeholders: Map<String, Value>,
    /// What the project is about: appended to the prompts.
    specification: Option<String>,
    /// Where the agent writes what is to happen next.
    directive: Option<String>,
}

/// What an agent decided.
#[derive(Debug, Deserialize)]
struct Directive {
    action: String,
    #[serde(default)]
    reason: Option<String>,
}

impl CodeMachine {
    /// The engine whose agents have these engines.
    pub fn over(engines: Registry) -> Self {
        Self { engines }
    }

    fn work(&self, agent: &Agent<'_>, control: &Control<'_>) -> Result<EngineOutput, EngineError> {
        let engine = self.engine_of(agent)?;
        let task = Task {
            input: agent.text()?,
            model: agent
                .task
                .model
                .clone()
                .or_else(|| engine.default_model().map(str::to_owned)),
            effort: agent.effort(),
            ..agent.task.clone()
        };
        let line = format!(
            "millwright: agent {} by {}",
            agent.inputs.agent_id,
            engine.id()
        );
        control.log.line(&line);
        let mut output = engine.run(&task, control)?;
        output.model = output.model.or(task.model);
        Ok(output)
    }

    fn engine_of(&self, agent: &Agent<'_>) -> Result<&dyn Engine, EngineError> {
        let of_environment = [
            "TASKSGODZILLA_EXEC_ENGINE_ID",
            "TASKSGODZILLA_DEFAULT_ENGINE_ID",
        ]
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|id| !id.is_empty() && id != ID);
        let of_project = agent.task.fallback_engine.clone().filter(|id| id != ID);
        let id = agent.inputs.engine_id.clone();
        let id = id.or(of_project).or(of_environment);
        let id = id.unwrap_or_else(|| LAST_ENGINE.to_owned());
        self.engines.get(&id).ok_or_else(|| {
            let known: Vec<&str> = self.engines.ids().collect();
            agent.failed(format!(
                "its engine {id} is not known: this version has {}",
                known.join(", ")
            ))
        })
    }
}

impl Engine for CodeMachine {
    fn id(&self) -> &'static str {
        ID
    }

    fn default_model(&self) -> Option<&'static str> {
        None
    }

    fn keeps_inputs(&self) -> bool {
        true
    }

    fn text<'t>(&self, task: &'t Task) -> Result<Cow<'t, str>, EngineError> {
        Agent::of(task)?.text().map(Cow::Owned)
    }

    fn run(&self, task: &Task, control: &Control<'_>) -> Result<EngineOutput, EngineError> {
        let agent = Agent::of(task)?;
        if task.mode == Mode::Qa && agent.inputs.directive.is_some() {
            return agent.verdict();
        }
        agent.forget_directive()?;
        let output = self.work(&agent, control)?;
        match agent.directive()? {
            Some(directive) if directive.stops() => {
                Err(agent.failed(format!("it asks for a person ({})", directive.in_words())))
            }
            _ => Ok(output),
        }
    }
}

/// An agent, and what it is to do.
struct Agent<'a> {
    task: &'a Task,
    inputs: Inputs,
}

impl<'a> Agent<'a> {
    fn of(task: &'a Task) -> Result<Self, EngineError> {
        let written = task.environment.get("MILLWRIGHT_INPUTS");
        let written = written.filter(|text| !text.trim().is_empty());
        let inputs =
            written.map_or_else(|| Ok(Inputs::default()), |text| serde_json::from_str(text));
        match inputs {
            Ok(inputs) => Ok(Self { task, inputs }),
            Err(error) => {
                let unknown = Self {
                    task,
                    inputs: Inputs::default(),
                };
                Err(unknown.failed(format!("the step's inputs are wrong: {error}")))
            }
        }
    }

    /// The prompts, one after another, and the specification.
    fn text(&self) -> Result<String, EngineError> {
        let mut text = self.task.input.clone();
        let values = self.values();
        for name in &self.inputs.more_prompts {
            let more = self
                .read(name)
                .map_err(|reason| self.unreadable(name, &reason))?;
            self.refuse_too_long(text.len().saturating_add(length_filled(&more, &values)))?;
            let more = fill(&more, &values)
                .map_err(|missing| self.failed(format!("{name}: {missing}")))?;
            append(&mut text, &more);
        }
        if let Some(name) = &self.inputs.specification {
            match self.read(name) {
                Ok(specification) => {
                    self.refuse_too_long(text.len() + specification.len())?;
                    append(&mut text, &specification);
                }
                // One that is gone since the import is none.
                Err(reason) if reason.kind() == io::ErrorKind::NotFound => {}
                Err(reason) => return Err(self.unreadable(name, &reason)),
            }
        }
        Ok(text)
    }

    /// The whole is bounded before it is put together.
    fn refuse_too_long(&self, length: usize) -> Result<(), EngineError> {
        if length > LONGEST_FILLED {
            return Err(self.failed(format!(
                "its prompts and its specification would be longer than {LONGEST_FILLED} bytes with their placeholders filled in"
            )));
        }
        Ok(())
    }

    fn values(&self) -> Values {
        values(&self.inputs.placeholders, |source| {
            value_of(source, |name| self.beneath(name).ok())
        })
    }

    /// A word: what is none is no argument of a program.
    fn effort(&self) -> Option<String> {
        let effort = self.inputs.reasoning_effort.clone()?;
        let is_word = !effort.is_empty() && effort.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_word.then_some(effort)
    }

    /// What the agent wrote beside its output: the check of a loop.
    fn verdict(&self) -> Result<EngineOutput, EngineError> {
        let directive = self.directive()?;
        let is_loop = directive
            .as_ref()
            .is_some_and(|found| found.action == "loop");
        let words =
            directive.map_or_else(|| "continue: it wrote none".to_owned(), |it| it.in_words());
        let verdict = if is_loop { "FAIL" } else { "PASS" };
        let report = format!("The agent's directive is {words}\n\nVERDICT: {verdict}\n");
        Ok(EngineOutput {
            output: report.into_bytes(),
            usage: None,
            model: None,
        })
    }

    fn directive(&self) -> Result<Option<Directive>, EngineError> {
        let Some(name) = &self.inputs.directive else {
            return Ok(None);
        };
        match self.read(name) {
            Ok(text) => serde_json::from_str(&text)
                .map(Some)
                .map_err(|error| self.failed(format!("{name} is no directive: {error}"))),
            Err(reason) if reason.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(reason) => Err(self.unreadable(name, &reason)),
        }
    }

    fn forget_directive(&self) -> Result<(), EngineError> {
        let Some(name) = &self.inputs.directive else {
            return Ok(());
        };
        let removed = self.beneath(name).and_then(fs::remove_file);
        match removed {
            Err(reason) if reason.kind() != io::ErrorKind::NotFound => {
                Err(self.failed(format!("{name} cannot be removed: {reason}")))
            }
            _ => Ok(()),
        }
    }

    fn read(&self, name: &str) -> io::Result<String> {
        let bytes = read_file(&self.beneath(name)?, LARGEST)?;
        String::from_utf8(bytes).map_err(|_| io::Error::other("is not UTF-8"))
    }

    /// A file of the workspace, without symbolic links.
    fn beneath(&self, name: &str) -> io::Result<PathBuf> {
        let workspace = fs::canonicalize(&self.task.directory)?;
        let path = fs::canonicalize(workspace.join(name))?;
        if path.starts_with(&workspace) {
            Ok(path)
        } else {
            Err(io::Error::other("leads out of the workspace"))
        }
    }

    fn unreadable(&self, name: &str, reason: &io::Error) -> EngineError {
        self.failed(format!("{name}: {reason}"))
    }

    fn failed(&self, message: impl fmt::Display) -> EngineError {
        let agent = &self.inputs.agent_id;
        EngineError::Agent {
            program: ID,
            message: format!("agent {agent:?}: {message}"),
        }
    }
}

impl Directive {
    /// Whether a person has to look first.
    fn stops(&self) -> bool {
        matches!(self.action.as_str(), "checkpoint" | "pause" | "error")
    }

    fn in_words(&self) -> String {
        let reason = self.reason.as_deref().unwrap_or("no reason is given");
        format!("{}: {}", self.action, reason.trim())
    }
}

fn append(text: &mut String, more: &str) {
    text.truncate(text.trim_end().len());
    text.push_str("\n\n");
    text.push_str(more);
}

#[cfg(test)]
mod tests;
