//! `open_pr`: pushes a protocol's branch and opens a pull request.
//!
//! Always so: what could not be opened fails the job.

use crate::catalog::{Reach, Script};

arguments! {
    /// What to open.
    required {
        /// The protocol run.
        protocol_run_id: i64,
    }
    optional {
        /// The title. By default `[DevGodzilla]` and the protocol's name.
        title: Option<String>,
        /// The text. By default the plan's first lines, else what the protocol is for.
        description: Option<String>,
        /// Whether it is a draft.
        #[serde(default)]
        draft: bool,
    }
}

record! {
    /// The pull request.
    pub struct Output {
        /// Whether it is open.
        pub success: bool,
        /// Where: `github` or `gitlab`.
        pub provider: String,
        /// Its number.
        pub pr_number: Option<i64>,
        /// Its address.
        pub pr_url: Option<String>,
        /// How it stands: `open`.
        pub status: String,
        /// How long it took.
        pub duration_seconds: f64,
    }
}

impl Script for Args {
    type Output = Output;
    const NAME: &'static str = "open_pr";
    const SUMMARY: &'static str = "Opens a pull request for a protocol";
    const DESCRIPTION: &'static str = "Pushes the protocol's branch and opens a pull request, by the API of \
        GitHub or GitLab with the token in GITHUB_TOKEN, GH_TOKEN or GITLAB_TOKEN, else by gh or glab. One \
        that is open already is found. Fails when there is no remote, token or program, when the push is \
        refused, and when the forge refuses.";
    const IDEMPOTENT: bool = false;
    const TIMEOUT_SECONDS: i64 = 1_800;
    const REACH: Reach = Reach::Processes;
}
