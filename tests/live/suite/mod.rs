//! The tests for a real Windmill, a file per area; also run against the doubles, so that they themselves are known to work.
//!
//! Always so: a test makes things in folders of its own alone, which [`Live`] names and removes.

#[macro_use]
mod declare;
mod api;
mod deploy;
mod doctor;
mod journey;
mod live;
mod packaging;
mod reconciled;
mod run;
mod runs;
mod wait;

pub(crate) use declare::Test;
pub(crate) use live::{Live, Said, Target};
pub(crate) use wait::Patience;

/// Every test, with its area.
pub(crate) fn all() -> impl Iterator<Item = (&'static str, &'static Test)> {
    let areas = [
        ("deploy", deploy::TESTS),
        ("doctor", doctor::TESTS),
        ("journey", journey::TESTS),
        ("reconciled", reconciled::TESTS),
        ("packaging", packaging::TESTS),
        ("run", run::TESTS),
        ("runs", runs::TESTS),
    ];
    areas
        .into_iter()
        .flat_map(|(area, tests)| tests.iter().map(move |test| (area, test)))
}
