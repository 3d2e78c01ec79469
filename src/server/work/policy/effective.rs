//! The policy in effect: the project's, and what its repository's own file adds.
//!
//! Always so: the repository's file is read in the project's folder, where no protocol's work changes it, and what cannot be
//! read is a finding.

use std::fs;
use std::path::Path;

use millwright_core::protocol::{
    PolicyFinding, PolicyMode, Project, ProjectPolicy, UnknownField, policy_hash, unknown_fields,
};
use millwright_step::files::read_file;
use serde_json::Value;

/// Where a repository's own policy is looked for; the first that is there counts.
const FILES: [&str; 3] = [
    ".tasksgodzilla/policy.json",
    ".tasksgodzilla/policy.yml",
    ".tasksgodzilla/policy.yaml",
];
/// A longer file is no policy.
const LONGEST: usize = 256 * 1024;

/// A project's policy, as it holds now.
#[derive(Debug, Clone)]
pub struct EffectivePolicy {
    /// The policy.
    pub policy: ProjectPolicy,
    /// Its hash.
    pub hash: String,
    /// The repository's own file, where it has one that counts.
    pub file: Option<String>,
    /// What of it cannot be read.
    pub problems: Vec<PolicyFinding>,
}

impl EffectivePolicy {
    /// The policy of a project. Reads the repository's own file, where the project lets it have one.
    pub fn of(project: &Project) -> Self {
        let mode = project.policy_enforcement_mode.parse();
        let overrides = ProjectPolicy::in_overrides(project.policy_overrides.as_ref());
        let (own, problem) = parted(policy_in(overrides));
        let mut problems = Vec::from_iter(problem.map(|problem| (None, problem)));
        let (mut file, mut of_repository) = (None, None);
        if let Some((name, read)) = of_project_folder(project) {
            file = Some(name.to_owned());
            let (policy, problem) = parted(read);
            problems.extend(problem.map(|problem| (file.clone(), problem)));
            of_repository = policy;
        }
        let hash = policy_hash(project, of_repository.as_ref());
        let own = own.unwrap_or_default();
        let policy = own.in_effect(mode.unwrap_or(PolicyMode::Warn), of_repository);
        if policy.mode() == PolicyMode::Off {
            problems.clear();
        }
        let told = |(path, problem)| match problem {
            Problem::Unreadable(why) => policy.unreadable(path, &why),
            Problem::Unknown(fields) => policy.unknown(path, &fields),
        };
        Self {
            problems: problems.into_iter().map(told).collect(),
            file,
            hash,
            policy,
        }
    }

    /// Whether there is nothing to look for and nothing to tell.
    pub fn is_silent(&self) -> bool {
        self.problems.is_empty() && self.policy.asks_for_nothing()
    }
}

/// What is wrong with what should be a policy.
enum Problem {
    /// All of it.
    Unreadable(String),
    /// Some of its fields.
    Unknown(Vec<UnknownField>),
}

/// A policy and those of its fields that mean nothing, or why it is none.
type Read = Result<(ProjectPolicy, Vec<UnknownField>), String>;

fn policy_in(value: Value) -> Read {
    let unknown = unknown_fields(&value);
    let policy = serde_path_to_error::deserialize(value).map_err(|error| error.to_string())?;
    Ok((policy, unknown))
}

fn parted(read: Read) -> (Option<ProjectPolicy>, Option<Problem>) {
    match read {
        Ok((policy, unknown)) if unknown.is_empty() => (Some(policy), None),
        Ok((policy, unknown)) => (Some(policy), Some(Problem::Unknown(unknown))),
        Err(why) => (None, Some(Problem::Unreadable(why))),
    }
}

fn of_project_folder(project: &Project) -> Option<(&'static str, Read)> {
    let folder = project.local_path.as_ref().map(Path::new)?;
    if !project.policy_repo_local_enabled {
        return None;
    }
    let is_there = |name: &&&str| fs::symlink_metadata(folder.join(name)).is_ok();
    let name = FILES.iter().find(is_there)?;
    Some((name, read(folder, name)))
}

fn read(folder: &Path, name: &str) -> Read {
    let resolved = |path: &Path| path.canonicalize().map_err(|error| error.to_string());
    let path = resolved(&folder.join(name))?;
    if !path.starts_with(resolved(folder)?) {
        return Err("it leads out of the project".to_owned());
    }
    let bytes = read_file(&path, LONGEST).map_err(|error| error.to_string())?;
    let text = String::from_utf8(bytes).map_err(|_| "it is no UTF-8 text".to_owned())?;
    let value: Value = if Path::new(name).extension().is_some_and(|end| end == "json") {
        serde_json::from_str(&text).map_err(|error| format!("it is no JSON: {error}"))?
    } else {
        serde_saphyr::from_str(&text).map_err(|error| format!("it is no YAML: {error}"))?
    };
    let (policy, unknown) = policy_in(value)?;
    policy.check().map_err(|complaint| complaint.to_string())?;
    Ok((policy, unknown))
}
