//! The macros with which a script's types are written down once.
//!
//! Always so: they expand to plain structs with serde and schemars derived; nothing else happens in them.

/// Defines `Args`: what a script takes. Required arguments come first; the order is that of bash's `$1`, `$2` …
///
/// An optional argument is an `Option`, or has a `#[serde(default)]`; `null` and absent mean the same to a script.
/// The documentation of each argument becomes its description in the script's schema.
#[macro_export]
macro_rules! arguments {
    (
        $(#[$about:meta])*
        required { $( $(#[$required_about:meta])* $required:ident: $required_type:ty, )* }
        optional { $( $(#[$optional_about:meta])* $optional:ident: $optional_type:ty, )* }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, ::serde::Serialize, ::serde::Deserialize, ::schemars::JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct Args {
            $( $(#[$required_about])* pub $required: $required_type, )*
            $( $(#[$optional_about])* pub $optional: $optional_type, )*
        }

        impl $crate::catalog::Arguments for Args {
            const ARGUMENTS: &'static [$crate::catalog::Argument] = &[
                $( $crate::catalog::Argument {
                    name: stringify!($required),
                    kind: <$required_type as $crate::catalog::ArgumentValue>::KIND,
                    required: true,
                }, )*
                $( $crate::catalog::Argument {
                    name: stringify!($optional),
                    kind: <$optional_type as $crate::catalog::ArgumentValue>::KIND,
                    required: false,
                }, )*
            ];
        }
    };
}

/// Defines a struct that a script yields, or a part of one.
///
/// Fields that are not known are ignored when it is read, so that a script may yield more later.
#[macro_export]
macro_rules! record {
    (
        $(#[$about:meta])*
        pub struct $name:ident { $( $(#[$field_about:meta])* pub $field:ident: $type:ty, )* }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, ::serde::Serialize, ::serde::Deserialize, ::schemars::JsonSchema)]
        pub struct $name {
            $( $(#[$field_about])* pub $field: $type, )*
        }
    };
}

/// Defines an enum that is a word in JSON.
#[macro_export]
macro_rules! words {
    (
        $(#[$about:meta])*
        pub enum $name:ident { $( $(#[$word_about:meta])* $word:ident, )+ }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, ::serde::Serialize, ::serde::Deserialize, ::schemars::JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $( $(#[$word_about])* $word, )+ }

        impl $crate::catalog::ArgumentValue for $name {
            const KIND: $crate::catalog::ArgumentKind = $crate::catalog::ArgumentKind::Text;
        }
    };
}
