//! A run's id: a job id by default, or a word that the flow's caller chose.
//!
//! Always so: it is safe as one segment of a URL or a path.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

/// A run's id: 1 to 200 of `A-Z a-z 0-9 . _ : -`, beginning with a letter or a digit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct RunId(String);

/// Why a text is no run id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a run id: use 1 to 200 letters, digits and . _ : - beginning with a letter or a digit"
)]
pub struct RunIdError(String);

impl RunId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RunId {
    type Err = RunIdError;

    fn from_str(text: &str) -> Result<Self, RunIdError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._:-".contains(c);
        let first = text
            .chars()
            .next()
            .is_some_and(|c| c.is_ascii_alphanumeric());
        if first && text.len() <= 200 && text.chars().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(RunIdError(text.chars().take(80).collect()))
        }
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RunId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_job_ids_pass_and_paths_do_not() {
        for good in ["run-a", "01a1fd8d-0c2a-5aa4-e27d-4a6fdf9e6e24", "a:b.c_d"] {
            assert_eq!(good.parse::<RunId>().unwrap().as_str(), good);
        }
        for bad in ["", "..", "a/b", "a b", ".a", "ü", &"a".repeat(201)] {
            assert!(bad.parse::<RunId>().is_err(), "{bad:?} passed");
        }
    }
}
