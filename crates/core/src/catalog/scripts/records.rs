//! Records that several scripts yield or take.
//!
//! Always so: the field names are those of the DevGodzilla API.

use crate::catalog::Object;

record! {
    /// A protocol run.
    pub struct Protocol {
        /// Its id.
        pub id: i64,
        /// The project that it belongs to.
        pub project_id: Option<i64>,
        /// Its name.
        pub protocol_name: String,
        /// How it stands, such as `planned`.
        pub status: String,
        /// The branch that it starts from.
        pub base_branch: Option<String>,
        /// Where it is checked out.
        pub worktree_path: Option<String>,
        /// One line about it.
        pub summary: Option<String>,
        /// When it was made.
        pub created_at: Option<String>,
        /// When it last changed.
        pub updated_at: Option<String>,
    }
}

record! {
    /// A step run of a protocol.
    pub struct Step {
        /// Its id: the step run.
        pub id: i64,
        /// The protocol run that it belongs to.
        pub protocol_run_id: i64,
        /// Its place in the protocol, from 0.
        pub step_index: i64,
        /// Its name.
        pub step_name: String,
        /// `setup`, `work` or `qa`.
        pub step_type: String,
        /// How it stands, such as `needs_qa`.
        pub status: String,
        /// How often it was tried again.
        #[serde(default)]
        pub retries: i64,
        /// The model that runs it.
        pub model: Option<String>,
        /// The engine that runs it.
        pub engine_id: Option<String>,
        /// What became of it, such as the loop counts.
        pub runtime_state: Option<Object>,
        /// One line about it.
        pub summary: Option<String>,
        /// When it last changed.
        pub updated_at: Option<String>,
    }
}

record! {
    /// A step that the caller may now execute, and the proof of it.
    pub struct ClaimedStep {
        /// The step run.
        pub step_run_id: i64,
        /// The claim: pass it to execute and to QA.
        pub claim: String,
    }
}

words! {
    /// What the check of one step came to.
    pub enum Verdict {
        /// Nothing to object to.
        Passed,
        /// It may go on, with remarks.
        Warning,
        /// It may not go on.
        Failed,
    }
}

words! {
    /// What one gate came to.
    pub enum GateStatus {
        /// Nothing to object to.
        Passed,
        /// It may go on, with remarks.
        Warning,
        /// It may not go on.
        Failed,
        /// The gate did not apply, or its tool is missing.
        Skipped,
    }
}

record! {
    /// What one gate found.
    pub struct Gate {
        /// The gate's id, such as `lint`.
        pub id: String,
        /// Its name for people.
        pub name: String,
        /// What it came to.
        pub status: GateStatus,
        /// What it found.
        #[serde(default)]
        pub findings: Vec<Finding>,
    }
}

record! {
    /// One thing that a gate found.
    pub struct Finding {
        /// How bad it is, such as `error` or `warning`.
        pub severity: String,
        /// What is wrong.
        pub message: String,
        /// The file.
        pub file: Option<String>,
        /// The line in it, from 1.
        pub line: Option<i64>,
        /// The rule that was broken.
        pub rule_id: Option<String>,
        /// What to do about it.
        pub suggestion: Option<String>,
    }
}
