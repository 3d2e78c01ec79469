//! `clone_repo`: brings a repository onto the worker's disk.
//!
//! Always so: work that is already there is never destroyed.

use crate::catalog::{Reach, Script};

arguments! {
    /// What to clone.
    required {
        /// The repository's address.
        repo_url: String,
    }
    optional {
        /// The branch.
        #[serde(default = "branch")]
        branch: String,
        /// Where to. By default a folder named after the repository, in the folder for checkouts.
        workspace_path: Option<String>,
        /// The project on which the folder is recorded.
        project_id: Option<i64>,
    }
}

record! {
    /// The checkout.
    pub struct Output {
        /// Whether it is there. A failed clone fails the job, so a result says `true`.
        pub success: bool,
        /// Where it is.
        pub path: String,
        /// The commit that is checked out.
        pub commit: String,
        /// The repository's name.
        pub repo_name: String,
        /// The branch.
        pub branch: String,
    }
}

impl Script for Args {
    type Output = Output;
    const NAME: &'static str = "clone_repo";
    const SUMMARY: &'static str = "Clones a repository";
    const DESCRIPTION: &'static str = "Clones one branch of a repository, or brings an existing \
        checkout of it up to date, and records the folder on the project. Fails when git does, and \
        when the folder holds something else.";
    const IDEMPOTENT: bool = true;
    const TIMEOUT_SECONDS: i64 = 600;
    const REACH: Reach = Reach::Processes;
}

fn branch() -> String {
    "main".to_owned()
}
