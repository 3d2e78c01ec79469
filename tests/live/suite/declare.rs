//! What a test is, and how a file declares its own.
//!
//! Always so: a test's name is its function's.

use futures_util::future::LocalBoxFuture;

use super::Live;

/// A test.
pub(crate) struct Test {
    pub(crate) name: &'static str,
    pub(crate) body: for<'a> fn(&'a Live) -> LocalBoxFuture<'a, ()>,
}

/// Declares functions to be the file's tests.
macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        pub(crate) const TESTS: &[crate::suite::Test] = &[$(
            crate::suite::Test { name: stringify!($name), body: |live| Box::pin($name(live)) }
        ),*];
    };
}
