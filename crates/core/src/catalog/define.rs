//! The macros with which a script's types are written down once.
//!
//! Always so: the types are plain structs with serde and schemars derived; beside them stands only what a flow needs
//! to call the script and to read its result.

/// Defines `Args`, what a script takes, and `call`, how a flow calls it.
///
/// Required arguments come first; the order is that of bash's `$1`, `$2` … An optional argument is an `Option`, or has a
/// `#[serde(default)]`; `null` and absent mean the same to a script. The documentation of each argument becomes its
/// description in the script's schema.
#[macro_export]
macro_rules! arguments {
    (
        $(#[$about:meta])*
        required { $( $(#[doc = $required_doc:literal])+ $required:ident: $required_type:ty, )* }
        optional { $(
            $(#[doc = $optional_doc:literal])+ $(#[serde($($serde:tt)*)])?
            $optional:ident: $optional_type:ty,
        )* }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, ::serde::Serialize, ::serde::Deserialize, ::schemars::JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct Args {
            $( $(#[doc = $required_doc])+ pub $required: $required_type, )*
            $( $(#[doc = $optional_doc])+ $(#[serde($($serde)*)])? pub $optional: $optional_type, )*
        }

        impl $crate::catalog::Arguments for Args {
            const ARGUMENTS: &'static [$crate::catalog::Argument] = &[
                $( $crate::catalog::Argument {
                    name: stringify!($required),
                    about: &[$($required_doc),+],
                    kind: <$required_type as $crate::catalog::ArgumentValue>::KIND,
                    required: true,
                }, )*
                $( $crate::catalog::Argument {
                    name: stringify!($optional),
                    about: &[$($optional_doc),+],
                    kind: <$optional_type as $crate::catalog::ArgumentValue>::KIND,
                    required: false,
                }, )*
            ];

            fn defaults() -> $crate::catalog::Object {
                #[derive(::serde::Serialize, ::serde::Deserialize)]
                struct Optional {
                    $( $(#[serde($($serde)*)])? $optional: $optional_type, )*
                }
                $crate::catalog::defaults_of::<Optional>()
            }
        }

        /// A call of the script in a flow.
        #[derive(Debug, Clone)]
        pub struct Call($crate::catalog::Transforms);

        /// Calls the script in a flow, with what must be given.
        pub fn call($( $required: impl $crate::catalog::IntoExpr<$required_type> ),*) -> Call {
            let transforms = $crate::catalog::Transforms::default();
            $( let transforms = transforms.with(stringify!($required), &$required.into_expr()); )*
            Call(transforms)
        }

        impl Call {
            $(
                $(#[doc = $optional_doc])+
                #[must_use]
                pub fn $optional(
                    self,
                    value: impl $crate::catalog::IntoExpr<
                        <$optional_type as $crate::catalog::ArgumentValue>::Nullable,
                    >,
                ) -> Self {
                    Self(self.0.with(stringify!($optional), &value.into_expr()))
                }
            )*

            /// The call as a flow's step, to say more about it.
            pub fn step(self) -> $crate::catalog::ScriptStep<Args> {
                $crate::catalog::ScriptStep::new(self.0)
            }
        }

        impl From<Call> for $crate::catalog::ScriptStep<Args> {
            fn from(call: Call) -> Self {
                call.step()
            }
        }
    };
}

/// Defines a struct that a script yields, or a part of one, and how a flow reads its fields: `done.get(Output::field)`.
///
/// Fields that are not known are ignored when it is read, so that a script may yield more later.
#[macro_export]
macro_rules! record {
    (
        $(#[$about:meta])*
        pub struct $name:ident { $(
            $(#[doc = $doc:literal])+ $(#[serde($($serde:tt)*)])?
            pub $field:ident: $type:ty,
        )* }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, ::serde::Serialize, ::serde::Deserialize, ::schemars::JsonSchema)]
        pub struct $name {
            $( $(#[doc = $doc])+ $(#[serde($($serde)*)])? pub $field: $type, )*
        }

        impl $crate::catalog::Record for $name {}

        impl $name {
            $(
                $(#[doc = $doc])+
                pub fn $field(of: &$crate::catalog::Expr<Self>) -> $crate::catalog::Expr<$type> {
                    of.field_named(stringify!($field))
                }
            )*
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
            type Nullable = Option<Self>;
        }

        $crate::values_are_expressions!($name => $name);
    };
}
