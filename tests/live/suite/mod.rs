//! The tests for a real Windmill, a file per area; also run against the doubles, so that they themselves are known to work.
//!
//! Always so: a test makes things in folders of its own alone, which [`Live`] names and removes.

#[macro_use]
mod declare;
mod deploy;
mod doctor;
mod live;
mod run;

pub(crate) use declare::Test;
pub(crate) use live::{Live, Target};

/// Every test, with its area.
pub(crate) fn all() -> impl Iterator<Item = (&'static str, &'static Test)> {
    let areas = [
        ("deploy", deploy::TESTS),
        ("doctor", doctor::TESTS),
        ("run", run::TESTS),
    ];
    areas
        .into_iter()
        .flat_map(|(area, tests)| tests.iter().map(move |test| (area, test)))
}
