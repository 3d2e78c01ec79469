//! A project's setup: what workers tell of it, and what becomes of the protocol that stands for it.
//!
//! Always so: an event has the metadata of its type and no other, and nothing secret; only the end of a setup asks whether
//! questions are open.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::address::without_secrets;
use super::clarification::in_few_words;
use super::words::words;
use super::{
    Clarification, Decision, EventType, NewEvent, Phase, ProtocolAction, ProtocolStatus, Snapshot,
};

/// A message, or a text of the metadata, has at most so many characters.
pub const LONGEST_SETUP_TEXT: usize = 4_000;
/// So many texts are in a list of the metadata at most.
const MOST_IN_A_LIST: usize = 100;

words! {
    /// What a worker tells of a project's setup.
    SetupFact is a "fact of a setup" {
        /// The repository is about to be brought in.
        Started = "setup_started",
        /// It is not there, and nobody is to clone it by itself.
        PendingClone = "setup_pending_clone",
        /// It could not be cloned or brought up to date.
        CloneFailed = "setup_clone_failed",
        /// It was cloned.
        Cloned = "setup_cloned",
        /// Its folder was recorded on the project.
        LocalPathRecorded = "setup_local_path_recorded",
        /// The remote that the checkout has.
        GitRemote = "setup_git_remote",
        /// The name under which commits are made in it.
        GitIdentity = "setup_git_identity",
        /// Something was left out.
        Warning = "setup_warning",
        /// An engine is about to look at the project.
        DiscoveryStarted = "setup_discovery_started",
        /// No engine looked at the project.
        DiscoverySkipped = "setup_discovery_skipped",
        /// An engine has described the project, or parts of it.
        DiscoveryCompleted = "setup_discovery_completed",
        /// An engine has left parts of it without a description.
        DiscoveryWarning = "setup_discovery_warning",
        /// The project's files for specifications are there.
        Assets = "setup_assets",
        /// Something else went wrong.
        Failed = "setup_failed",
    }
}

/// Something that a worker did for a project's setup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SetupEvent {
    /// What.
    pub event_type: SetupFact,
    /// The same in a sentence.
    pub message: String,
    /// What belongs to it, by type: texts, numbers and lists of texts.
    #[serde(default)]
    pub metadata: Map<String, Value>,
}

/// What a worker did for a project's setup.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SetupReport {
    /// What happened, in order.
    pub events: Vec<SetupEvent>,
    /// Whether nothing is left to do: the setup is completed, or waits for answers.
    #[serde(default)]
    pub finished: bool,
}

impl SetupFact {
    /// What may be said beside it.
    pub const fn metadata(self) -> &'static [&'static str] {
        match self {
            Self::Started | Self::PendingClone | Self::CloneFailed => {
                &["git_url", "local_path", "projects_root"]
            }
            Self::Cloned => &["path", "git_url"],
            Self::LocalPathRecorded => &["local_path"],
            Self::GitRemote => &["path", "origin"],
            Self::GitIdentity => &["path", "user", "email"],
            Self::Warning | Self::Assets => &["path"],
            Self::DiscoveryStarted => &["path", "model", "engine_id", "timeout_seconds", "stages"],
            Self::DiscoveryCompleted => &["completed_stages", "failed_stages"],
            Self::DiscoveryWarning => &["failed_stages"],
            Self::DiscoverySkipped | Self::Failed => &[],
        }
    }

    /// Whether the setup cannot go on after it.
    pub const fn stops(self) -> bool {
        matches!(self, Self::PendingClone | Self::CloneFailed | Self::Failed)
    }

    const fn event_type(self) -> EventType {
        match self {
            Self::Started => EventType::SetupStarted,
            Self::PendingClone => EventType::SetupPendingClone,
            Self::CloneFailed => EventType::SetupCloneFailed,
            Self::Cloned => EventType::SetupCloned,
            Self::LocalPathRecorded => EventType::SetupLocalPathRecorded,
            Self::GitRemote => EventType::SetupGitRemote,
            Self::GitIdentity => EventType::SetupGitIdentity,
            Self::Warning => EventType::SetupWarning,
            Self::DiscoveryStarted => EventType::SetupDiscoveryStarted,
            Self::DiscoverySkipped => EventType::SetupDiscoverySkipped,
            Self::DiscoveryCompleted => EventType::SetupDiscoveryCompleted,
            Self::DiscoveryWarning => EventType::SetupDiscoveryWarning,
            Self::Assets => EventType::SetupAssets,
            Self::Failed => EventType::SetupFailed,
        }
    }
}

impl SetupReport {
    /// What is wrong with it, with the name of the field.
    ///
    /// # Errors
    /// That of an event, or an end beside an event after which the setup cannot go on.
    pub fn check(&self) -> Result<(), (String, String)> {
        for (index, event) in self.events.iter().enumerate() {
            let place = |(field, problem)| (format!("events.{index}.{field}"), problem);
            event.check().map_err(place)?;
        }
        let stop = self.events.iter().find(|event| event.event_type.stops());
        match stop {
            Some(event) if self.finished => {
                let problem = format!("a setup is not finished after {}", event.event_type);
                Err(("finished".to_owned(), problem))
            }
            _ => Ok(()),
        }
    }
}

impl SetupEvent {
    /// What is wrong with it, with the name of the field.
    ///
    /// # Errors
    /// Metadata of another type, a text that is empty, too long or has control characters, an address with a password.
    pub fn check(&self) -> Result<(), (String, String)> {
        let known = self.event_type.metadata();
        for (key, value) in &self.metadata {
            let wrong = |problem: &str| (format!("metadata.{key}"), problem.to_owned());
            if !known.contains(&&**key) {
                let takes = if known.is_empty() {
                    "none".to_owned()
                } else {
                    known.join(", ")
                };
                let problem = format!("{} has no such metadata: it takes {takes}", self.event_type);
                return Err(wrong(&problem));
            }
            check_value(value).map_err(wrong)?;
        }
        check_text(&self.message).map_err(|problem| ("message".to_owned(), problem.to_owned()))
    }
}

fn check_value(value: &Value) -> Result<(), &'static str> {
    match value {
        Value::Number(_) => Ok(()),
        Value::String(text) if without_secrets(text) != *text => {
            Err("an address is told without user and password")
        }
        Value::String(text) => check_text(text),
        Value::Array(texts) if texts.len() > MOST_IN_A_LIST => Err("it has more than 100 texts"),
        Value::Array(texts) if texts.iter().all(Value::is_string) => {
            texts.iter().try_for_each(check_value)
        }
        _ => Err("it is neither a text, a number nor a list of texts"),
    }
}

fn check_text(text: &str) -> Result<(), &'static str> {
    if text.trim().is_empty() {
        Err("it is empty")
    } else if text.chars().count() > LONGEST_SETUP_TEXT {
        Err("it has more than 4000 characters")
    } else if text.chars().any(|c| c.is_control() && !"\n\t".contains(c)) {
        Err("it has control characters")
    } else {
        Ok(())
    }
}

/// What a worker did for the setup that this protocol stands for. Where `waits`, a setup is completed only when the
/// questions about it are answered.
pub fn setup_reported(snapshot: &Snapshot, report: &SetupReport, waits: bool) -> Decision {
    let mut decision = Decision::from(snapshot);
    // Its setup stays completed, whatever becomes of a later one.
    let is_set_up = snapshot.status == ProtocolStatus::Completed;
    for event in &report.events {
        let fact = event.event_type;
        let event_type = match fact {
            SetupFact::CloneFailed if is_set_up => EventType::RepoCloneFailed,
            _ => fact.event_type(),
        };
        let told = NewEvent::new(event_type, without_secrets(&event.message));
        decision.emit(told.with_all(event.metadata.clone()));
        if fact == SetupFact::Started {
            decision.try_protocol(ProtocolAction::SetUp);
        }
        if fact.stops() {
            decision.block();
        }
        if fact == SetupFact::CloneFailed && !is_set_up {
            decision.note(
                EventType::SetupFailed,
                "Setup failed: the checkout is not there, or could not be brought up to date.",
            );
        }
    }
    if report.finished {
        finish(&mut decision, waits);
    }
    decision
}

/// The questions that a setup was blocked for are answered: it is completed. None where others are open.
pub fn setup_answered(snapshot: &Snapshot) -> Option<Decision> {
    if snapshot.status != ProtocolStatus::Blocked || !questions(snapshot).is_empty() {
        return None;
    }
    let mut decision = Decision::from(snapshot);
    complete(&mut decision);
    Some(decision)
}

fn finish(decision: &mut Decision, waits: bool) {
    let open = questions(&decision.after);
    if open.is_empty() {
        return complete(decision);
    }
    let named = in_few_words(&open);
    let about =
        |event_type, message| NewEvent::new(event_type, message).with("questions", named.clone());
    let asked = about(
        EventType::SetupClarifications,
        "Questions about the setup are open.",
    );
    let blocked = about(EventType::SetupBlocked, "Setup waits for answers.");
    decision.emit(asked.with("blocking", waits));
    if waits {
        decision.block();
        if decision.after.status == ProtocolStatus::Blocked {
            decision.emit(blocked);
        }
    } else {
        complete(decision);
    }
}

/// A setup that is completed already stays so, which is nothing to tell.
fn complete(decision: &mut Decision) {
    if decision.after.status == ProtocolStatus::Completed {
        return;
    }
    decision.try_protocol(ProtocolAction::SetUp);
    decision.try_protocol(ProtocolAction::Complete);
    if decision.after.status == ProtocolStatus::Completed {
        decision.note(EventType::SetupCompleted, "Project setup completed.");
    }
}

/// The open questions about a setup that work waits for.
fn questions(snapshot: &Snapshot) -> Vec<&Clarification> {
    let about = |question: &&Clarification| {
        question.step_run_id.is_none()
            && matches!(question.applies_to, None | Some(Phase::Onboarding))
    };
    snapshot.questions.iter().filter(about).collect()
}
