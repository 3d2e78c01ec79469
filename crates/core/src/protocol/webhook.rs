//! Webhooks of forges: what a delivery tells of a protocol's branch, and what follows from it.
//!
//! Always so: a delivery is an event of its own and changes no status; what CI has come to is told by the forge's words alone.

use serde_json::{Map, Value};

use super::words::words;
use super::{Decision, EventType, NewEvent, Snapshot};

words! {
    /// A forge.
    Forge is a "forge" {
        /// GitHub.
        Github = "github",
        /// GitLab.
        Gitlab = "gitlab",
    }
}

/// What a delivery says of the continuous integration of a branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CiState {
    /// It begins, or goes on.
    Begins,
    /// A workflow, a suite of checks or a pipeline of it has passed: others of the same commit may not be over.
    Passed,
}

/// A delivery, as far as protocols are concerned.
#[derive(Debug, Clone, PartialEq)]
pub struct Hook {
    /// Who sent it.
    pub forge: Forge,
    /// The event that it is put on record as.
    pub event_type: EventType,
    /// The addresses of its repository.
    pub addresses: Vec<String>,
    /// The branches that it is about.
    pub branches: Vec<String>,
    /// The number of the pull request that it is about.
    pub pr_number: Option<i64>,
    /// Whether that was merged just now.
    pub merged: bool,
    /// What it says of continuous integration.
    pub ci: Option<CiState>,
    /// The commit.
    pub sha: Option<String>,
    /// What else is put on record: action, status, conclusion, the check's name, ids.
    pub details: Map<String, Value>,
}

/// A forge has told something of a protocol's branch. `ci_is_new` says that nothing was told yet of the CI of this commit, and
/// that the branch has a pull request.
pub fn hook_received(snapshot: &Snapshot, hook: &Hook, branch: &str, ci_is_new: bool) -> Decision {
    let mut decision = Decision::from(snapshot);
    let forge = hook.forge.as_str();
    let about = |event_type, what: &str| {
        NewEvent::new(event_type, format!("{forge}: {what}."))
            .with("provider", forge)
            .with("branch", branch)
            .with("sha", hook.sha.clone())
            .with("pr_number", hook.pr_number)
    };
    let what = format!("{} of {branch}", hook.event_type.as_str());
    decision.emit(about(hook.event_type, &what).with_all(hook.details.clone()));
    if hook.merged {
        let event_type = match hook.forge {
            Forge::Github => EventType::PrMerged,
            Forge::Gitlab => EventType::MrMerged,
        };
        decision.emit(about(event_type, &format!("{branch} was merged")));
    }
    if ci_is_new && hook.ci == Some(CiState::Begins) {
        let what = format!("the continuous integration of {branch} begins");
        decision.emit(about(EventType::CiTriggered, &what));
    }
    decision
}

/// Whether two addresses are those of one repository, by whatever way each reaches it.
pub fn is_same_repository(one: &str, other: &str) -> bool {
    let one = host_and_path(one);
    !one.is_empty() && one == host_and_path(other)
}

/// `host/owner/name`, without scheme, user, port, case and `.git`.
fn host_and_path(address: &str) -> String {
    let address = address.trim();
    let (host, path) = match address.split_once("://") {
        Some((_, rest)) => rest.split_once('/').unwrap_or((rest, "")),
        // `user@host:path`
        None => match address.split_once(':') {
            Some(parts) => parts,
            None => return String::new(),
        },
    };
    let host = host.rsplit('@').next().unwrap_or(host);
    let host = host.split(':').next().unwrap_or(host);
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    if host.is_empty() || path.is_empty() {
        return String::new();
    }
    format!("{host}/{path}").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_the_same_by_any_way_that_leads_to_it() {
        let https = "https://github.com/Acme/demo.v2.git";
        for same in [
            "git@github.com:acme/demo.v2.git",
            "ssh://git@github.com:22/acme/demo.v2",
            "https://me:hush@github.com/acme/demo.v2/",
            "git://github.com/acme/demo.v2.git",
        ] {
            assert!(is_same_repository(https, same), "{same}");
        }
        for other in [
            "https://gitlab.com/acme/demo.v2.git",
            "https://github.com/acme/demo",
            "/srv/acme/demo.v2.git",
            "https://github.com/",
            "",
        ] {
            assert!(!is_same_repository(https, other), "{other}");
        }
        assert!(!is_same_repository("", ""));
        assert!(!is_same_repository("/srv/x", "/srv/x"));
    }
}
