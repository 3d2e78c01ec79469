//! What the environment says about engines, models and time limits.
//!
//! Always so: the variables are read in one place and in the contract's spelling.

use std::time::Duration;

use millwright_core::protocol::{Kind, ProjectDefaults};

use super::budget::Budget;
use crate::workspace;

/// So often what a check found is mended, where nobody says otherwise.
const AUTO_FIX_ATTEMPTS: u32 = 3;
/// So many files a plan has to name, where nobody says otherwise.
const PATH_HITS: usize = 6;
/// The contract's engine of last resort.
pub(super) const LAST_ENGINE: &str = "opencode";
/// So long an engine works where nobody says otherwise.
const DEFAULT_LIMIT: Duration = Duration::from_hours(1);
/// So long it may look at a project for one document, where nobody says otherwise.
const DISCOVERY_LIMIT: Duration = Duration::from_mins(3);

/// The environment's word on engines, models and limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    default_engine: Option<String>,
    exec_engine: Option<String>,
    qa_engine: Option<String>,
    exec_model: Option<String>,
    qa_model: Option<String>,
    limit: Option<Duration>,
    pub(super) budget: Budget,
    /// How often what a check found is mended; 0 where that is switched off.
    pub(super) auto_fix_attempts: u32,
    planning_engine: Option<String>,
    /// The model that plans.
    pub(crate) planning_model: Option<String>,
    /// The model that tells the steps of a plan in detail; where one is named, they are.
    pub(crate) decompose_model: Option<String>,
    /// The engine that looks at a project when it is set up; where none is named, none does.
    discovery_engine: Option<String>,
    /// How long it may do so for one document.
    pub(crate) discovery_limit: Duration,
    /// Whether simple steps are left as they were planned then.
    pub(crate) skips_simple_steps: bool,
    /// What a plan has to name.
    pub(crate) grounding: Grounding,
    /// Whether a project's setup waits for the answers to the questions about it.
    pub setup_waits_for_answers: bool,
    /// How work is done in git.
    pub workspace: workspace::Options,
    /// The Windmill or mill job that this runs in.
    pub job_id: Option<String>,
    /// The agent in whose name this runs: an engine where spec, step and project name none.
    pub agent: Option<String>,
    /// What the caller tells the engine beside the prompt, as JSON.
    pub context: Option<String>,
}

/// What a plan has to name, so that it is one for this project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grounding {
    /// So many of the project's files and folders.
    pub(crate) min_path_hits: usize,
    /// A command.
    pub(crate) require_command: bool,
}

impl Grounding {
    fn read(text: impl Fn(&str) -> Option<String>) -> Self {
        let hits = text("TASKSGODZILLA_PLANNING_GROUNDING_MIN_PATH_HITS");
        let hits = hits.and_then(|number| number.trim().parse().ok());
        let command = text("TASKSGODZILLA_PLANNING_GROUNDING_REQUIRE_COMMAND");
        Self {
            min_path_hits: hits.unwrap_or(PATH_HITS),
            require_command: !command.is_some_and(|word| is_off(&word)),
        }
    }
}

impl Default for Settings {
    /// What holds where the environment says nothing.
    fn default() -> Self {
        Self::read(|_| None)
    }
}

impl Settings {
    /// Reads the variables; an empty one counts as absent.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let text = |name: &str| variable(name).filter(|text| !text.is_empty());
        let seconds = |name: &str| Some(Duration::from_secs(text(name)?.trim().parse().ok()?));
        Self {
            default_engine: text("TASKSGODZILLA_DEFAULT_ENGINE_ID"),
            exec_engine: text("TASKSGODZILLA_EXEC_ENGINE_ID"),
            qa_engine: text("TASKSGODZILLA_QA_ENGINE_ID"),
            exec_model: text("PROTOCOL_EXEC_MODEL"),
            qa_model: text("PROTOCOL_QA_MODEL"),
            limit: seconds("TASKSGODZILLA_EXEC_TIMEOUT_SECONDS"),
            budget: Budget::read(text),
            auto_fix_attempts: auto_fix_attempts(text),
            planning_engine: text("TASKSGODZILLA_PLANNING_ENGINE_ID"),
            planning_model: text("PROTOCOL_PLANNING_MODEL"),
            decompose_model: text("PROTOCOL_DECOMPOSE_MODEL"),
            discovery_engine: text("TASKSGODZILLA_DISCOVERY_ENGINE_ID"),
            discovery_limit: seconds("TASKSGODZILLA_DISCOVERY_TIMEOUT").unwrap_or(DISCOVERY_LIMIT),
            skips_simple_steps: text("PROTOCOL_SKIP_SIMPLE_DECOMPOSE")
                .is_some_and(|word| !is_off(&word)),
            grounding: Grounding::read(text),
            setup_waits_for_answers: text("TASKSGODZILLA_REQUIRE_ONBOARDING_CLARIFICATIONS")
                .is_some_and(|word| !is_off(&word)),
            workspace: workspace::Options::read(&variable),
            job_id: text("WM_JOB_ID"),
            agent: None,
            context: None,
        }
    }

    /// The engine of last resort for a kind of work.
    pub(super) fn engine(&self, kind: Kind) -> Option<&str> {
        let of_kind = match kind {
            Kind::Execute => &self.exec_engine,
            Kind::Qa => &self.qa_engine,
        };
        of_kind.as_deref().or(self.default_engine.as_deref())
    }

    /// The engine that plans where the project names none.
    pub(crate) fn planning_engine(&self) -> &str {
        self.named_planning_engine().unwrap_or(LAST_ENGINE)
    }

    /// The same, where someone names one.
    pub(crate) fn named_planning_engine(&self) -> Option<&str> {
        let own = self.planning_engine.as_deref();
        own.or(self.default_engine.as_deref())
    }

    /// The engine that looks at a project when it is set up, where someone names one.
    pub(crate) fn discovery_engine<'a>(&'a self, defaults: &'a ProjectDefaults) -> Option<&'a str> {
        let own = defaults.discovery_engine_id.as_deref();
        own.or(self.discovery_engine.as_deref())
    }

    /// The model for a kind of work.
    pub(super) fn model(&self, kind: Kind) -> Option<&str> {
        match kind {
            Kind::Execute => self.exec_model.as_deref(),
            Kind::Qa => self.qa_model.as_deref(),
        }
    }

    /// How long an engine may work: the step's word or the environment's, whichever is longer.
    pub(crate) fn limit(&self, step_seconds: Option<u32>) -> Duration {
        let step = step_seconds.map(|seconds| Duration::from_secs(seconds.into()));
        step.max(self.limit).unwrap_or(DEFAULT_LIMIT)
    }
}

/// How often what a check found is mended: as often as is said, where it is not switched off.
fn auto_fix_attempts(text: impl Fn(&str) -> Option<String>) -> u32 {
    let off = text("TASKSGODZILLA_QA_AUTO_FIX_ENABLED").is_some_and(|word| is_off(&word));
    let attempts = text("TASKSGODZILLA_QA_MAX_AUTO_FIX_ATTEMPTS");
    let attempts = attempts.and_then(|number| number.trim().parse().ok());
    if off {
        0
    } else {
        attempts.unwrap_or(AUTO_FIX_ATTEMPTS)
    }
}

/// Whether a variable's value switches something off.
pub(crate) fn is_off(word: &str) -> bool {
    let word = word.trim().to_ascii_lowercase();
    ["false", "0", "no", "off"].contains(&&*word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_raises_a_limit_and_never_lowers_it() {
        let settings = Settings::read(|name| {
            (name == "TASKSGODZILLA_EXEC_TIMEOUT_SECONDS").then(|| "60".to_owned())
        });
        assert_eq!(settings.limit(Some(5)), Duration::from_mins(1));
        assert_eq!(settings.limit(Some(90)), Duration::from_secs(90));
        assert_eq!(Settings::default().limit(Some(5)), Duration::from_secs(5));
        assert_eq!(Settings::default().limit(None), DEFAULT_LIMIT);
    }

    #[test]
    fn a_kind_of_work_has_its_own_engine_before_the_general_one() {
        let settings = Settings::read(|name| match name {
            "TASKSGODZILLA_DEFAULT_ENGINE_ID" => Some("general".to_owned()),
            "TASKSGODZILLA_QA_ENGINE_ID" => Some("checker".to_owned()),
            _ => None,
        });
        assert_eq!(settings.engine(Kind::Execute), Some("general"));
        assert_eq!(settings.engine(Kind::Qa), Some("checker"));
    }

    #[test]
    fn mending_is_on_and_may_be_switched_off_or_bounded() {
        let attempts = |name: &'static str, value: &'static str| {
            Settings::read(move |asked| (asked == name).then(|| value.to_owned())).auto_fix_attempts
        };
        assert_eq!(Settings::default().auto_fix_attempts, 3);
        assert_eq!(attempts("TASKSGODZILLA_QA_AUTO_FIX_ENABLED", "False"), 0);
        assert_eq!(attempts("TASKSGODZILLA_QA_MAX_AUTO_FIX_ATTEMPTS", "1"), 1);
        assert_eq!(
            attempts("TASKSGODZILLA_QA_MAX_AUTO_FIX_ATTEMPTS", "many"),
            3
        );
    }
}
