//! How a mill is set up.
//!
//! Always so: a job's environment is what is named here and nothing else of the mill's own.

use std::path::PathBuf;
use std::time::Duration;

use uuid::Uuid;

use super::Sources;

/// Variables of this process that every job sees.
const PASSED_ON: &[&str] = &["HOME", "LANG", "TZ", "TMPDIR"];
/// Variables that tell the steps where the API is.
const API: &[&str] = &[
    "TASKSGODZILLA_API_URL",
    "TASKSGODZILLA_API_TOKEN",
    "DEVGODZILLA_API_URL",
];
/// Names more of this process's variables, with commas between them, as it does for a Windmill worker.
const WHITELIST: &str = "WHITELIST_ENVS";
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How a mill is set up.
#[derive(Debug, Clone)]
pub struct MillOptions {
    /// Where flows and scripts are found by their path.
    pub sources: Sources,
    /// The workspace that jobs belong to.
    pub workspace: String,
    /// The address of the server that mounts the mill, for `WM_BASE_URL`; empty where there is none.
    pub base_url: String,
    /// Variables that every job sees, beside the `WM_*` ones.
    pub environment: Vec<(String, String)>,
    /// How many scripts run at once, and how many rounds of one parallel loop.
    pub parallel: usize,
    /// How long one expression may take. Windmill's limit is ten seconds.
    pub expression_limit: Duration,
    /// How long a process has between being asked to end and being killed.
    pub grace: Duration,
    /// Where jobs have their folders.
    pub folder: PathBuf,
}

impl MillOptions {
    /// For this process: jobs find programs beside this executable first, and the API where this process would.
    pub fn of_this_process(sources: Sources) -> Self {
        let mut environment = vec![("PATH".to_owned(), path_variable())];
        for name in PASSED_ON.iter().chain(API) {
            if let Ok(value) = std::env::var(name) {
                environment.push(((*name).to_owned(), value));
            }
        }
        let listed = std::env::var(WHITELIST).unwrap_or_default();
        environment.extend(let_through(&listed, &environment));
        Self {
            sources,
            workspace: "starter".to_owned(),
            base_url: String::new(),
            environment,
            parallel: 8,
            expression_limit: Duration::from_secs(10),
            grace: Duration::from_secs(3),
            folder: std::env::temp_dir().join(format!("millwright-{}", Uuid::new_v4())),
        }
    }

    /// The folders in which jobs find programs.
    pub(super) fn search(&self) -> &str {
        let mut variables = self.environment.iter();
        let path = variables.find(|(name, _)| name == "PATH");
        path.map_or(DEFAULT_PATH, |(_, path)| path)
    }

    /// Sets a variable that every job sees.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.into()));
        self
    }
}

/// The listed variables; one that is not set arrives empty, as on a Windmill worker. What jobs see anyway stays as it is.
fn let_through(listed: &str, seen: &[(String, String)]) -> Vec<(String, String)> {
    let is_new = |name: &&str| !name.is_empty() && !seen.iter().any(|(known, _)| known == name);
    let names = listed.split(',').map(str::trim).filter(is_new);
    names
        .filter(|name| !name.starts_with("WM_") && !name.contains(['=', '\0']))
        .map(|name| (name.to_owned(), std::env::var(name).unwrap_or_default()))
        .collect()
}

fn path_variable() -> String {
    let path = std::env::var("PATH").unwrap_or_else(|_| DEFAULT_PATH.to_owned());
    let program = std::env::current_exe().ok();
    match program.as_ref().and_then(|program| program.parent()) {
        Some(folder) => format!("{}:{path}", folder.display()),
        None => path,
    }
}
