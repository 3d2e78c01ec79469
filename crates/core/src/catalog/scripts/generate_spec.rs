//! `generate_spec`: writes a specification for a feature request.
//!
//! Always so: the project is named by its folder, as in the steps that follow.

use crate::catalog::{Reach, Script};

arguments! {
    /// What to specify.
    required {
        /// The project's folder.
        project_path: String,
        /// What is wanted, in words.
        feature_request: String,
    }
    optional {
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
    const DESCRIPTION: &'static str = "Has an engine write a specification for a feature request. \
        Fails when the folder is no project or the engine fails.";
    const IDEMPOTENT: bool = false;
    const TIMEOUT_SECONDS: i64 = 3_600;
    const REACH: Reach = Reach::Processes;
}
