//! `initialize_speckit`: makes a project's `.specify/` folder.
//!
//! Always so: a file that exists is never overwritten.

use crate::catalog::{Reach, Script};

arguments! {
    /// What project to prepare.
    required {
        /// The project's folder.
        project_path: String,
        /// The project's name, for the documents.
        project_name: String,
    }
    optional {
        /// The constitution's text. By default ten articles.
        constitution_template: Option<String>,
        /// The project that is set up with it.
        project_id: Option<i64>,
    }
}

record! {
    /// What was made.
    pub struct Output {
        /// Whether all is there. A failure fails the job, so a result says `true`.
        pub success: bool,
        /// The files and folders that were made.
        pub paths_created: Vec<String>,
        /// The `.specify` folder.
        pub specify_path: String,
        /// The constitution.
        pub constitution_path: String,
        /// The project's name.
        pub project_name: String,
    }
}

impl Script for Args {
    type Output = Output;
    const NAME: &'static str = "initialize_speckit";
    const SUMMARY: &'static str = "Makes a project's .specify folder";
    const DESCRIPTION: &'static str = "Makes `.specify/` with constitution and templates, where they \
        are not there yet, and extends an existing .gitignore. The project's setup is then over. Fails when it cannot write.";
    const IDEMPOTENT: bool = true;
    const TIMEOUT_SECONDS: i64 = 60;
    const REACH: Reach = Reach::Files;
}
