//! `generate_spec`: writes a specification for a feature request.
//!
//! Always so: the project is named as in the steps that follow: by its folder, or by its id.

use crate::catalog::{Reach, Script};

arguments! {
    /// What to specify.
    required {
        /// What is wanted, in words.
        feature_request: String,
    }
    optional {
        /// The project's folder. By default that of the project with this id.
        project_path: Option<String>,
        /// The project, whose engine and models are used.
        project_id: Option<i64>,
        /// The branch; the feature is named after it, without `feature-`.
        branch_name: Option<String>,
        /// The rules to follow. By default the project's `.specify/memory/constitution.md`.
        constitution: Option<String>,
    }
}

record! {
    /// The specification.
    pub struct Output {
        /// Where it was written.
        pub spec_path: String,
        /// The feature's name.
        pub feature_name: Option<String>,
        /// The specification's number in the project.
        pub spec_number: Option<i64>,
        /// How long it took.
        pub duration_seconds: f64,
    }
}

impl Script for Args {
    type Output = Output;
    const NAME: &'static str = "generate_spec";
    const SUMMARY: &'static str = "Writes a specification";
    const DESCRIPTION: &'static str = "Has an engine write a specification for a feature request, \
        or fills in the template where none is configured. Fails when the project is unknown or the engine fails.";
    const IDEMPOTENT: bool = false;
    const TIMEOUT_SECONDS: i64 = 3_600;
    const REACH: Reach = Reach::Processes;
    const RUNS_ENGINES: bool = true;
}
