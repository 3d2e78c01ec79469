//! `generate_plan`: writes a plan for a specification.
//!
//! Always so: a plan that an engine could not make is never replaced by a template.

use crate::catalog::{Reach, Script};

arguments! {
    /// What to plan.
    required {
        /// The specification: absolute, or below the project's folder.
        spec_path: String,
    }
    optional {
        /// The project's folder. By default that of the project with this id.
        project_path: Option<String>,
        /// The project, whose engine and models are used.
        project_id: Option<i64>,
        /// What the plan has to respect, in words.
        tech_hints: Option<String>,
    }
}

record! {
    /// The plan.
    pub struct Output {
        /// Where it was written.
        pub plan_path: String,
        /// The plan and what it is for.
        pub implementation_plan: ImplementationPlan,
    }
}

record! {
    /// A plan and its specification.
    pub struct ImplementationPlan {
        /// The plan.
        pub path: String,
        /// The specification.
        pub spec_path: String,
    }
}

impl Script for Args {
    type Output = Output;
    const NAME: &'static str = "generate_plan";
    const SUMMARY: &'static str = "Writes a plan for a specification";
    const DESCRIPTION: &'static str = "Has an engine write `plan.md` beside a specification, or fills in \
        the template where none is configured. Fails when the specification is missing, the engine fails, or someone \
        has changed the plan that is there.";
    const IDEMPOTENT: bool = false;
    const TIMEOUT_SECONDS: i64 = 3_600;
    const REACH: Reach = Reach::Processes;
    const RUNS_ENGINES: bool = true;
}
