//! Enums that are words: in the API, in the tables and in the code, written once.
//!
//! Always so: a word parses back to the variant that printed it.

/// A text that is none of an enum's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is no {what}: use one of {known}")]
pub struct UnknownWord {
    /// What was expected.
    pub what: &'static str,
    /// What was there.
    pub found: String,
    /// The words that there are.
    pub known: String,
}

/// Declares an enum of words with `ALL`, `as_str`, `Display`, `FromStr`, serde and schemas. A word is taken as a token:
/// utoipa does not see a `literal`, and would show the variant's name instead.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident is a $what:literal { $($(#[$doc:meta])* $variant:ident = $word:tt,)+ }) => {
        $(#[$meta])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord,
            serde::Serialize, serde::Deserialize, schemars::JsonSchema,
        )]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// Every one of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word in the API and the tables.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::protocol::UnknownWord;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|word| word.as_str() == text).ok_or_else(|| {
                    crate::protocol::UnknownWord {
                        what: $what,
                        found: text.chars().take(80).collect(),
                        known: Self::ALL.iter().map(|word| word.as_str()).collect::<Vec<_>>().join(", "),
                    }
                })
            }
        }
    };
}

pub(super) use words;
