//! `analyze_project`: says what kind of project a folder holds.
//!
//! Always so: its result is what it read; only an engine that is named for it writes anything.

use indexmap::IndexMap;

use crate::catalog::{Reach, Script};

arguments! {
    /// What to look at.
    required {
        /// The project's folder.
        project_path: String,
    }
    optional {
        /// The project on which the answer is recorded.
        project_id: Option<i64>,
    }
}

record! {
    /// What was found.
    pub struct Output {
        /// The commonest language, or `unknown`.
        pub language: String,
        /// The framework, where one is recognised.
        pub framework: Option<String>,
        /// The files that say what kind of project it is.
        pub files: Vec<String>,
        /// The folder's shape.
        pub structure: Structure,
        /// The folder's name.
        pub project_name: String,
        /// The folder.
        pub path: String,
    }
}

record! {
    /// A folder's shape.
    pub struct Structure {
        /// What lies at the top, at most 30.
        pub top_level: Vec<String>,
        /// How many files there are.
        pub total_files: i64,
        /// The commonest extensions and how many files have them, at most 10.
        pub file_extensions: IndexMap<String, i64>,
    }
}

impl Script for Args {
    type Output = Output;
    const NAME: &'static str = "analyze_project";
    const SUMMARY: &'static str = "Looks at what a project is made of";
    const DESCRIPTION: &'static str = "Counts files by extension, recognises language and framework \
        and records them on the project. Where an engine is named for it, it describes the project \
        in `.specify/memory`. Fails when the folder cannot be read.";
    const IDEMPOTENT: bool = true;
    const TIMEOUT_SECONDS: i64 = 1800;
    const REACH: Reach = Reach::Processes;
}
