//! Work in a worktree: its name, and whose it is.
//!
//! Always so: two protocols that share a branch never take up each other's work, even where their steps have one name.

use super::Place;

/// Work that has a name, of one protocol run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Work {
    key: String,
}

impl Work {
    pub(super) fn of(place: &Place, name: &str) -> Self {
        Self {
            key: format!("{}/{name}", place.protocol_run_id),
        }
    }

    /// As it was written down.
    pub(super) fn from_key(key: String) -> Self {
        Self { key }
    }

    /// What no other work has.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// Whether it is a protocol run's.
    pub(super) fn is_of(&self, protocol_run_id: i64) -> bool {
        let number = self.key.split_once('/').map(|(number, _)| number);
        number == Some(protocol_run_id.to_string().as_str())
    }

    /// Its name, for people.
    pub(super) fn name(&self) -> &str {
        match self.key.split_once('/') {
            Some((number, name)) if number.parse::<i64>().is_ok() => name,
            _ => &self.key,
        }
    }
}
