//! The policy in effect: the project's, and what its repository's own file adds.
//!
//! Always so: the repository's file is read in the project's folder, where no protocol's work changes it, and what cannot be
//! read is a finding.

use std::fs;
use std::path::Path;

use millwright_core::protocol::{PolicyFinding, PolicyMode, Project, ProjectPolicy, policy_hash};
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
        let own = ProjectPolicy::of_overrides(project.policy_overrides.as_ref());
        let (own, problem) = match own {
            Ok(own) => (own, None),
            Err(error) => (ProjectPolicy::default(), Some((None, error.to_string()))),
        };
        let mut problems = Vec::from_iter(problem);
        let (mut file, mut of_repository) = (None, None);
        match of_project_folder(project) {
            None => {}
            Some((name, Ok(policy))) => (file, of_repository) = (Some(name), Some(policy)),
            Some((name, Err(problem))) => {
                problems.push((Some(name.to_owned()), problem));
                file = Some(name);
            }
        }
        let hash = policy_hash(project, of_repository.as_ref());
        let policy = own.in_effect(mode.unwrap_or(PolicyMode::Warn), of_repository);
        let problems = problems.into_iter();
        let problems = problems.filter(|_| policy.mode() != PolicyMode::Off);
        Self {
            problems: problems
                .map(|(path, problem)| policy.unreadable(path, &problem))
                .collect(),
            file: file.map(str::to_owned),
            hash,
            policy,
        }
    }

    /// Whether there is nothing to look for and nothing to tell.
    pub fn is_silent(&self) -> bool {
        self.problems.is_empty() && self.policy.asks_for_nothing()
    }
}

type Read = (&'static str, Result<ProjectPolicy, String>);

fn of_project_folder(project: &Project) -> Option<Read> {
    let folder = project.local_path.as_ref().map(Path::new)?;
    if !project.policy_repo_local_enabled {
        return None;
    }
    let is_there = |name: &&&str| fs::symlink_metadata(folder.join(name)).is_ok();
    let name = FILES.iter().find(is_there)?;
    Some((name, read(folder, name)))
}

fn read(folder: &Path, name: &str) -> Result<ProjectPolicy, String> {
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
    let policy: ProjectPolicy =
        serde_path_to_error::deserialize(value).map_err(|error| error.to_string())?;
    policy.check().map_err(|complaint| complaint.to_string())?;
    Ok(policy)
}
