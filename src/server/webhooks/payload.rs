//! What is taken out of a delivery's body.
//!
//! Always so: a text is cut to what an event may hold, and what is missing or of another type is nothing.

use millwright_core::protocol::{CiState, EventType, Forge, Hook};
use serde_json::{Map, Value};

/// So long a name may be.
const LONGEST: usize = 250;

/// A delivery's body.
#[derive(Clone, Copy)]
pub(super) struct Payload<'a>(pub(super) &'a Value);

impl Payload<'_> {
    /// A text that is not empty.
    pub(super) fn text(self, pointer: &str) -> Option<String> {
        let text = self.0.pointer(pointer)?.as_str()?;
        let short = &text[..text.floor_char_boundary(LONGEST)];
        (!short.is_empty()).then(|| short.to_owned())
    }

    /// A number.
    pub(super) fn number(self, pointer: &str) -> Option<i64> {
        self.0.pointer(pointer)?.as_i64()
    }

    /// Whether there is a `true`.
    pub(super) fn holds(self, pointer: &str) -> bool {
        self.0.pointer(pointer) == Some(&Value::Bool(true))
    }

    /// Whether two places hold the same, or nothing.
    pub(super) fn is_same(self, one: &str, other: &str) -> bool {
        self.0.pointer(one) == self.0.pointer(other)
    }

    /// The texts of several places.
    pub(super) fn texts(self, pointers: &[&str]) -> Vec<String> {
        let found = pointers.iter().filter_map(|pointer| self.text(pointer));
        found.collect()
    }

    /// A hook about a repository, with texts and numbers on record under these names.
    pub(super) fn hook(
        self,
        forge: Forge,
        event_type: EventType,
        addresses: &[&str],
        details: &[(&str, &str)],
    ) -> Hook {
        let detail = |(name, pointer): &(&str, &str)| {
            let value = self.text(pointer).map(Value::from);
            let value = value.or_else(|| self.number(pointer).map(Value::from));
            Some(((*name).to_owned(), value?))
        };
        Hook {
            forge,
            event_type,
            addresses: self.texts(addresses),
            branches: Vec::new(),
            pr_number: None,
            merged: false,
            ci: None,
            sha: None,
            details: details.iter().filter_map(detail).collect::<Map<_, _>>(),
        }
    }
}

/// What the words of a forge say: one that begins or goes on, one that has passed.
pub(super) fn ci(word: Option<&str>, begins: &[&str], has_passed: bool) -> Option<CiState> {
    if has_passed {
        return Some(CiState::Passed);
    }
    begins.contains(&word?).then_some(CiState::Begins)
}
