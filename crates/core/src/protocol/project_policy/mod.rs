//! A project's policy: what its protocols and steps have to have, and what becomes of those that have it not.
//!
//! Always so: what a repository says of itself only adds to what its project says: it makes nothing laxer.

mod findings;
mod gate;
mod sections;
#[cfg(test)]
mod tests;
mod unknown;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub use findings::{Ground, PolicyFinding, PolicySeverity, PromptFile, StepPrompt};
pub use gate::{PolicyLook, PolicyScope, policy_looked, policy_mended};
pub use sections::{missing_sections, with_sections};
pub use unknown::{UnknownField, unknown_fields};

use super::words::words;
use super::{Project, long_hash};

/// More entries than this no list of a policy has.
const MOST_ENTRIES: usize = 50;
/// No name or path in a policy is longer.
const LONGEST_ENTRY: usize = 200;

words! {
    /// How strictly a project's policy is held; the later word is the stricter.
    PolicyMode is a "policy mode" {
        /// Nothing is looked for.
        Off = "off",
        /// What is found is told.
        Warn = "warn",
        /// And what is found of some codes keeps the protocol from going on.
        Block = "block",
    }
}

words! {
    /// What a policy may find.
    PolicyCode is a "code of a policy's findings" {
        /// A script that checks the project is not there.
        CheckMissing = "policy.ci.required_check_missing",
        /// It is there and cannot be executed.
        CheckNotExecutable = "policy.ci.required_check_not_executable",
        /// The protocol's folder lacks a file.
        FileMissing = "policy.protocol.missing_file",
        /// A step's file lacks a section.
        SectionMissing = "policy.step.missing_section",
        /// A step's file is not there.
        StepFileMissing = "policy.step.file_missing",
        /// The policy cannot be read.
        Unreadable = "policy.unreadable",
        /// The files are not on this machine.
        Unverifiable = "policy.unverifiable",
    }
}

/// What keeps a protocol from going on, where the policy names no codes: everything that is known to be wrong.
const BLOCKING: [PolicyCode; 6] = [
    PolicyCode::CheckMissing,
    PolicyCode::CheckNotExecutable,
    PolicyCode::FileMissing,
    PolicyCode::SectionMissing,
    PolicyCode::StepFileMissing,
    PolicyCode::Unreadable,
];

/// A policy: that part of a project's `policy_overrides`, or a repository's own file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ProjectPolicy {
    /// What protocols have to have.
    pub requirements: PolicyRequirements,
    /// What holds for the project as a whole.
    pub defaults: PolicyDefaults,
    /// What becomes of what is missing.
    pub enforcement: PolicyEnforcement,
}

/// What protocols have to have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct PolicyRequirements {
    /// Headings that every step's Markdown file has.
    pub step_sections: Vec<String>,
    /// Files that a protocol's folder has.
    pub protocol_files: Vec<String>,
}

/// What holds for the project as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct PolicyDefaults {
    /// How it is built and tested.
    pub ci: PolicyCi,
}

/// How a project is built and tested.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct PolicyCi {
    /// Scripts that the project has, by their paths in it.
    pub required_checks: Vec<String>,
}

/// What becomes of what is missing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct PolicyEnforcement {
    /// How strictly the policy is held; as `policy_enforcement_mode` says when absent.
    pub mode: Option<PolicyMode>,
    /// What blocks in the mode `block`; all that is known to be wrong when absent.
    pub block_codes: Option<Vec<PolicyCode>>,
    /// Whether missing sections and files are added when a protocol is planned.
    pub autofix: Option<bool>,
}

/// An entry of a policy that cannot be, by the names of the fields that lead to it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}.{position}: {problem}", .place.join("."))]
pub struct PolicyComplaint {
    /// The fields.
    pub place: Vec<&'static str>,
    /// Where it stands in the list.
    pub position: usize,
    /// What was written there.
    pub entry: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl ProjectPolicy {
    /// The fields of a project's `policy_overrides` that are its policy.
    pub const FIELDS: [&str; 3] = ["requirements", "defaults", "enforcement"];

    /// The policy in a project's `policy_overrides`, as JSON; what else stands there is left out.
    pub fn in_overrides(overrides: Option<&Value>) -> Value {
        let fields = overrides.and_then(Value::as_object).into_iter().flatten();
        let own = fields.filter(|(key, _)| Self::FIELDS.contains(&key.as_str()));
        let own = own.map(|(key, value)| (key.clone(), value.clone()));
        Value::Object(own.collect::<Map<_, _>>())
    }

    /// The policy in a project's `policy_overrides`.
    ///
    /// # Errors
    /// What it cannot be read for.
    pub fn of_overrides(overrides: Option<&Value>) -> Result<Self, serde_json::Error> {
        Self::deserialize(Self::in_overrides(overrides))
    }

    /// The policy in effect: this one, where it is silent the project's mode and the usual codes, and what the repository adds.
    #[must_use]
    pub fn in_effect(mut self, mode: PolicyMode, of_repository: Option<Self>) -> Self {
        let own = &mut self.enforcement;
        own.mode.get_or_insert(mode);
        own.block_codes.get_or_insert_with(|| BLOCKING.to_vec());
        own.autofix.get_or_insert(false);
        if let Some(other) = of_repository {
            self.add(other);
        }
        self
    }

    fn add(&mut self, other: Self) {
        let (own, theirs) = (&mut self.requirements, other.requirements);
        add_missing(&mut own.step_sections, theirs.step_sections);
        add_missing(&mut own.protocol_files, theirs.protocol_files);
        let (own, theirs) = (&mut self.defaults.ci, other.defaults.ci);
        add_missing(&mut own.required_checks, theirs.required_checks);
        let (own, theirs) = (&mut self.enforcement, other.enforcement);
        own.mode = own.mode.max(theirs.mode);
        own.autofix = own.autofix.max(theirs.autofix);
        let codes = own.block_codes.get_or_insert_default();
        add_missing(codes, theirs.block_codes.unwrap_or_default());
    }

    /// How strictly it is held.
    pub fn mode(&self) -> PolicyMode {
        self.enforcement.mode.unwrap_or(PolicyMode::Warn)
    }

    /// Whether missing sections and files are to be added.
    pub fn adds_what_is_missing(&self) -> bool {
        self.mode() != PolicyMode::Off && self.enforcement.autofix == Some(true)
    }

    /// Whether there is nothing to look for.
    pub fn asks_for_nothing(&self) -> bool {
        let requirements = &self.requirements;
        let lists = [
            &requirements.step_sections,
            &requirements.protocol_files,
            &self.defaults.ci.required_checks,
        ];
        self.mode() == PolicyMode::Off || lists.iter().all(|list| list.is_empty())
    }

    /// Whether a finding keeps the protocol from going on.
    fn blocks(&self, code: PolicyCode) -> bool {
        let codes = self.enforcement.block_codes.as_deref();
        self.mode() == PolicyMode::Block && codes.unwrap_or(&BLOCKING).contains(&code)
    }

    /// What whoever plans is told, in words; nothing where the plan is free.
    pub fn as_text(&self) -> String {
        if self.mode() == PolicyMode::Off {
            return String::new();
        }
        let sections = &self.requirements.step_sections;
        let files = &self.requirements.protocol_files;
        let checks = &self.defaults.ci.required_checks;
        let lines = [
            (
                "Every step's file has sections with these headings",
                sections,
            ),
            ("The protocol's folder has these files", files),
            ("The project has these checks, which steps may run", checks),
        ];
        let told = lines.into_iter().filter(|(_, list)| !list.is_empty());
        let told = told.map(|(what, list)| format!("- {what}: {}.", list.join(", ")));
        told.collect::<Vec<_>>().join("\n")
    }

    /// Checks what no type holds.
    ///
    /// # Errors
    /// The first entry that cannot be: an empty or long one, a path that leads out of its folder, one too many.
    pub fn check(&self) -> Result<(), PolicyComplaint> {
        let (requirements, ci) = (&self.requirements, &self.defaults.ci);
        let place = ["requirements", "step_sections"];
        check_list(&place, &requirements.step_sections, complaint_of_heading)?;
        let place = ["requirements", "protocol_files"];
        check_list(&place, &requirements.protocol_files, complaint_of_path)?;
        let place = ["defaults", "ci", "required_checks"];
        check_list(&place, &ci.required_checks, complaint_of_path)
    }
}

/// The hash of the policy in effect: of the project's pack, of what it does otherwise, and of its repository's own policy.
pub fn policy_hash(project: &Project, of_repository: Option<&ProjectPolicy>) -> String {
    let mut policy = json!({
        "key": project.policy_pack_key, "version": project.policy_pack_version, "overrides": project.policy_overrides,
    });
    if let Some(of_repository) = of_repository {
        policy["repository"] = json!(of_repository);
    }
    long_hash(&policy)
}

fn add_missing<T: PartialEq>(list: &mut Vec<T>, more: Vec<T>) {
    for entry in more {
        if !list.contains(&entry) {
            list.push(entry);
        }
    }
}

fn check_list(
    place: &[&'static str],
    list: &[String],
    complaint: impl Fn(&str) -> Option<&'static str>,
) -> Result<(), PolicyComplaint> {
    for (nth, entry) in list.iter().enumerate() {
        let problem = if nth >= MOST_ENTRIES {
            Some("a list of a policy has at most 50 entries")
        } else if entry.trim().is_empty() || entry.len() > LONGEST_ENTRY {
            Some("an entry has 1 to 200 bytes")
        } else if entry.contains(char::is_control) {
            Some("an entry has no control characters")
        } else {
            complaint(entry)
        };
        if let Some(problem) = problem {
            return Err(PolicyComplaint {
                place: place.to_vec(),
                position: nth,
                entry: entry.clone(),
                problem,
            });
        }
    }
    Ok(())
}

fn complaint_of_heading(heading: &str) -> Option<&'static str> {
    heading
        .trim()
        .starts_with('#')
        .then_some("a section is named without the marks of its heading")
}

fn complaint_of_path(path: &str) -> Option<&'static str> {
    let is_plain = |part: &str| !matches!(part, "" | "." | ".." | ".git");
    (!path.split('/').all(is_plain)).then_some("a path is relative and stays in its folder")
}
