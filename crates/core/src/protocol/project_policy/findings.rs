//! What a policy finds: what it asks for, held against what is there.
//!
//! Always so: nothing is looked up here; whoever asks shows the ground. The order is that of the policy and of the steps.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{PolicyCode, ProjectPolicy, UnknownField, missing_sections};
use crate::protocol::placeholders;
use crate::protocol::words::words;

/// So many findings are told of one look: mend these, and the next look tells of more.
const MOST_FINDINGS: usize = 500;

words! {
    /// What a finding is worth.
    PolicySeverity is a "severity of a policy's finding" {
        /// It is told.
        Warning = "warning",
        /// It keeps the protocol from going on.
        Block = "block",
    }
}

/// Something that a policy asks for and that is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PolicyFinding {
    /// What it is.
    pub code: PolicyCode,
    /// What it is worth.
    pub severity: PolicySeverity,
    /// The same in a sentence, with what to do.
    pub message: String,
    /// The file, by its path in the workspace.
    pub path: Option<String>,
    /// The step, by its name.
    pub step: Option<String>,
}

/// A step, and the file that says what it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepPrompt {
    /// The step's name.
    pub name: String,
    /// Its `prompt_ref`; nothing where it is known only when the step runs.
    pub prompt_ref: Option<String>,
}

/// A prompt's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptFile {
    /// Its path in the workspace.
    pub path: String,
    /// What it holds; nothing where it is no text.
    pub text: Option<String>,
}

impl StepPrompt {
    /// The prompts of steps that are looked at together, from their names and their entries in a spec with `placeholders`.
    /// One that stands for another name, or that another of these steps writes, is known only when its step runs.
    pub fn of_entries(
        steps: Vec<(String, Option<Value>)>,
        placeholders: Option<&Value>,
    ) -> Vec<Self> {
        let none = Map::new();
        let placeholders = placeholders.and_then(Value::as_object).unwrap_or(&none);
        let values = placeholders::values(placeholders, |_| None);
        let mut writers: BTreeMap<String, usize> = BTreeMap::new();
        for path in steps.iter().flat_map(|(_, entry)| outputs(entry.as_ref())) {
            *writers.entry(path).or_default() += 1;
        }
        let is_known = |prompt: &String, own: &BTreeSet<String>| {
            let filled = placeholders::fill_path(prompt, &values);
            let writers = writers.get(prompt).copied().unwrap_or_default();
            let of_others = writers - usize::from(own.contains(prompt));
            of_others == 0 && filled.is_ok_and(|path| path == *prompt)
        };
        let prompt = |(name, entry): (String, Option<Value>)| {
            let own = outputs(entry.as_ref());
            let prompt_ref = entry.as_ref().and_then(prompt_ref);
            Self {
                name,
                prompt_ref: prompt_ref.filter(|prompt| is_known(prompt, &own)),
            }
        };
        steps.into_iter().map(prompt).collect()
    }
}

/// The `prompt_ref` of an entry, also by its older names.
fn prompt_ref(entry: &Value) -> Option<String> {
    let named = ["prompt_ref", "prompt", "file"].into_iter();
    let mut named = named.filter_map(|key| entry.get(key)?.as_str());
    named.next().map(str::to_owned)
}

fn outputs(entry: Option<&Value>) -> BTreeSet<String> {
    let outputs = entry.and_then(|entry| entry.get("outputs"));
    let protocol = outputs.and_then(|outputs| outputs.get("protocol"));
    let aux = outputs.and_then(|outputs| outputs.get("aux")?.as_object());
    let all = protocol
        .into_iter()
        .chain(aux.into_iter().flat_map(Map::values));
    all.filter_map(|path| path.as_str().map(str::to_owned))
        .collect()
}

/// What lies in a protocol's workspace.
pub trait Ground {
    /// Whether the workspace has a file, and whether that can be executed.
    fn file(&self, path: &str) -> Option<bool>;

    /// A name in the protocol's folder, as a path in the workspace.
    fn in_protocol(&self, name: &str) -> String;

    /// The file of a prompt, where it is there.
    fn prompt(&self, prompt_ref: &str) -> Option<PromptFile>;
}

impl ProjectPolicy {
    /// What is missing of a protocol and of these steps of it. Without `ground` the files are not on this machine.
    pub fn findings(
        &self,
        steps: &[StepPrompt],
        ground: Option<&dyn Ground>,
    ) -> Vec<PolicyFinding> {
        if self.asks_for_nothing() {
            return Vec::new();
        }
        let Some(ground) = ground else {
            let message = "the protocol's files are not on this machine, so that nothing can be said of them: give the \
                           project a local_path that is there";
            return vec![self.finding(PolicyCode::Unverifiable, message.to_owned())];
        };
        let of_protocol = self.checks(ground).chain(self.files(ground));
        let of_steps = steps.iter().flat_map(|step| self.of_step(step, ground));
        of_protocol.chain(of_steps).take(MOST_FINDINGS).collect()
    }

    /// The policy, or a part of it, cannot be read.
    pub fn unreadable(&self, path: Option<String>, problem: &str) -> PolicyFinding {
        let place = path.as_deref().unwrap_or("the project's policy_overrides");
        let message = format!("{place} cannot be read as a policy: {problem}");
        PolicyFinding {
            path,
            ..self.finding(PolicyCode::Unreadable, message)
        }
    }

    /// Fields of the policy mean nothing; the others hold.
    pub fn unknown(&self, path: Option<String>, fields: &[UnknownField]) -> PolicyFinding {
        let place = path.as_deref().unwrap_or("the project's policy_overrides");
        let fields: Vec<String> = fields.iter().map(ToString::to_string).collect();
        let message = format!("{place}: {}; the rest counts", fields.join("; "));
        PolicyFinding {
            code: PolicyCode::Unreadable,
            severity: PolicySeverity::Warning,
            message,
            path,
            step: None,
        }
    }

    fn checks(&self, ground: &dyn Ground) -> impl Iterator<Item = PolicyFinding> {
        let checks = self.defaults.ci.required_checks.iter();
        checks.filter_map(|path| {
            let (code, message) = match ground.file(path) {
                None => (
                    PolicyCode::CheckMissing,
                    format!("the check {path} is not there: add it to the project"),
                ),
                Some(false) if is_script(path) => (
                    PolicyCode::CheckNotExecutable,
                    format!("the check {path} cannot be executed: chmod +x {path}"),
                ),
                Some(_) => return None,
            };
            Some(self.finding(code, message).at(path))
        })
    }

    fn files(&self, ground: &dyn Ground) -> impl Iterator<Item = PolicyFinding> {
        let paths = self.requirements.protocol_files.iter();
        let paths = paths.map(|name| ground.in_protocol(name));
        let missing = paths.filter(|path| ground.file(path).is_none());
        missing.map(|path| {
            let message = format!("the protocol's file {path} is not there: add it");
            self.finding(PolicyCode::FileMissing, message).at(&path)
        })
    }

    fn of_step(&self, step: &StepPrompt, ground: &dyn Ground) -> Vec<PolicyFinding> {
        let wanted = &self.requirements.step_sections;
        let Some(name) = step.prompt_ref.as_deref().filter(|_| !wanted.is_empty()) else {
            return Vec::new();
        };
        let of_step = |code, message| PolicyFinding {
            step: Some(step.name.clone()),
            ..self.finding(code, message)
        };
        let Some(PromptFile { path, text }) = ground.prompt(name) else {
            let message = format!("the file {name} of step {} is not there: add it", step.name);
            return vec![of_step(PolicyCode::StepFileMissing, message).at(name)];
        };
        let Some(text) = text.filter(|text| has_sections(&path, text)) else {
            return Vec::new();
        };
        let missing = missing_sections(&text, wanted).into_iter();
        let missing = missing.map(|section| {
            let message = format!("{path} has no section {section:?}: add a heading of that name");
            of_step(PolicyCode::SectionMissing, message).at(&path)
        });
        missing.collect()
    }

    fn finding(&self, code: PolicyCode, message: String) -> PolicyFinding {
        let severity = if self.blocks(code) {
            PolicySeverity::Block
        } else {
            PolicySeverity::Warning
        };
        PolicyFinding {
            code,
            severity,
            message,
            path: None,
            step: None,
        }
    }
}

impl PolicyFinding {
    fn at(mut self, path: &str) -> Self {
        self.path = Some(path.to_owned());
        self
    }

    /// Whether it keeps the protocol from going on.
    pub fn blocks(&self) -> bool {
        self.severity == PolicySeverity::Block
    }
}

/// Whether a file is one that is started by its name.
fn is_script(path: &str) -> bool {
    let end = Path::new(path).extension();
    end.is_none_or(|end| end == "sh" || end == "py")
}

/// Whether a file can have sections; one that says what executes it is a script, whatever its name.
fn has_sections(path: &str, text: &str) -> bool {
    let end = Path::new(path).extension();
    end.is_some_and(|end| end.eq_ignore_ascii_case("md")) && !text.starts_with("#!")
}
