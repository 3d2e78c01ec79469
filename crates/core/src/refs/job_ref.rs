//! `windmill://job/<job_id>/<resource>`: a reference to what a job left behind.
//!
//! Always so: a [`JobRef`] prints the text that it was parsed from, except that the short form gains `/logs`
//! and the id is printed in lower case with hyphens.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

const PREFIX: &str = "windmill://job/";

/// A job's id: a UUID, in Windmill and in the mill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(pub Uuid);

/// What of a job is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Resource {
    /// The job's log, as text.
    Logs,
    /// The job's result, as JSON.
    Result,
    /// The job's error, as JSON.
    Error,
}

/// A reference to one resource of one job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobRef {
    /// The job.
    pub job: JobId,
    /// Which of its resources.
    pub resource: Resource,
}

/// Why a text is no job reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefError {
    /// It does not begin as a reference to a job does.
    #[error("{0:?} is not a job reference: it does not begin with \"windmill://job/\"")]
    NotAJobReference(String),
    /// The job id is no UUID.
    #[error(
        "{0:?} is not a job id: a job id is a UUID such as 01a1fd8d-0c2a-5aa4-e27d-4a6fdf9e6e24"
    )]
    BadJobId(String),
    /// The resource is unknown.
    #[error("a job has no resource {0:?}: use logs, result or error")]
    UnknownResource(String),
}

impl JobId {
    /// The reference to one of this job's resources.
    pub fn reference(self, resource: Resource) -> JobRef {
        JobRef {
            job: self,
            resource,
        }
    }
}

impl FromStr for JobId {
    type Err = RefError;

    /// Takes the hyphenated form alone: `Uuid` itself would take braces and `urn:uuid:` too.
    fn from_str(text: &str) -> Result<Self, RefError> {
        let bad = || RefError::BadJobId(text.to_owned());
        if text.len() != 36 {
            return Err(bad());
        }
        Uuid::try_parse(text).map(Self).map_err(|_| bad())
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl Resource {
    /// Every resource, in the order in which they are registered.
    pub const ALL: [Self; 3] = [Self::Logs, Self::Result, Self::Error];

    /// The word in the reference.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Logs => "logs",
            Self::Result => "result",
            Self::Error => "error",
        }
    }
}

impl FromStr for Resource {
    type Err = RefError;

    fn from_str(text: &str) -> Result<Self, RefError> {
        Self::ALL
            .into_iter()
            .find(|resource| resource.as_str() == text)
            .ok_or_else(|| RefError::UnknownResource(text.to_owned()))
    }
}

impl JobRef {
    /// Whether a text claims to be a job reference, well-formed or not.
    pub fn is_meant_by(text: &str) -> bool {
        text.starts_with("windmill:")
    }
}

impl FromStr for JobRef {
    type Err = RefError;

    fn from_str(text: &str) -> Result<Self, RefError> {
        let rest = text
            .strip_prefix(PREFIX)
            .ok_or_else(|| RefError::NotAJobReference(text.to_owned()))?;
        let (job, resource) = rest
            .split_once('/')
            .unwrap_or((rest, Resource::Logs.as_str()));
        Ok(Self {
            job: job.parse()?,
            resource: resource.parse()?,
        })
    }
}

impl fmt::Display for JobRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}/{}", self.job, self.resource.as_str())
    }
}

impl Serialize for JobRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for JobRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_ref() -> impl Strategy<Value = JobRef> {
        (any::<u128>(), prop::sample::select(&Resource::ALL[..]))
            .prop_map(|(id, resource)| JobId(Uuid::from_u128(id)).reference(resource))
    }

    proptest! {
        #[test]
        fn what_is_printed_parses_back(reference in any_ref()) {
            prop_assert_eq!(reference.to_string().parse::<JobRef>().unwrap(), reference);
        }

        #[test]
        fn no_text_panics_and_only_uuids_pass(text in "(windmill://job/)?\\PC{0,60}") {
            if let Ok(reference) = text.parse::<JobRef>() {
                let url_safe = |c: char| c.is_ascii_alphanumeric() || "-/:".contains(c);
                prop_assert!(reference.to_string().chars().all(url_safe));
            }
        }
    }

    #[test]
    fn the_short_form_means_the_log() {
        let short: JobRef = "windmill://job/01a1fd8d-0c2a-5aa4-e27d-4a6fdf9e6e24"
            .parse()
            .unwrap();
        assert_eq!(short.resource, Resource::Logs);
    }

    #[test]
    fn what_is_no_reference_says_why() {
        let fails = |text: &str| text.parse::<JobRef>().unwrap_err();
        assert!(matches!(
            fails("http://job/x"),
            RefError::NotAJobReference(_)
        ));
        assert!(matches!(
            fails("windmill://job/../../etc/passwd"),
            RefError::BadJobId(_)
        ));
        assert!(matches!(
            fails("windmill://job/{01a1fd8d-0c2a-5aa4-e27d-4a6fdf9e6e24}/logs"),
            RefError::BadJobId(_)
        ));
        assert!(matches!(
            fails("windmill://job/01a1fd8d-0c2a-5aa4-e27d-4a6fdf9e6e24/logs/x"),
            RefError::UnknownResource(_)
        ));
    }
}
