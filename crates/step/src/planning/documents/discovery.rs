//! Discovery: an engine describes a project that is set up, in one document for each stage.
//!
//! Always so: a stage that fails leaves the others to be done, and the file as it was.

use std::collections::BTreeMap;

use millwright_core::catalog::Object;
use serde::Serialize;
use serde_json::json;

use super::drawer::Drawer;
use super::{MEMORY, Writer, document_in};
use crate::planning::PlanningError;
use crate::planning::ask::{Question, Stage};
use crate::runner::DISCOVERY;

/// The stages, each named as its document.
pub(crate) const STAGES: [&str; 4] = ["inventory", "architecture", "api_reference", "ci_notes"];

/// What became of the stages.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Discovered {
    /// Those whose document is written.
    pub(crate) completed_stages: Vec<&'static str>,
    /// Those whose document is not.
    pub(crate) failed_stages: Vec<&'static str>,
    /// Why not, each reason once.
    pub(crate) reasons: Vec<String>,
}

impl Writer<'_> {
    /// Has the project described.
    pub(crate) fn discover(&self) -> Discovered {
        let mut done = Discovered::default();
        for stage in STAGES {
            match self.describe(stage) {
                Ok(()) => done.completed_stages.push(stage),
                Err(error) => done.note_failure(stage, error.to_string()),
            }
        }
        done
    }

    fn describe(&self, stage: &'static str) -> Result<(), PlanningError> {
        let drawer = Drawer::open(self.root, &self.root.join(MEMORY))?;
        let name = format!("{stage}.md");
        drawer.refuse_changed(&name)?;
        let question = Question {
            what: "document",
            purpose: stage,
            stage: Stage::Discover,
            prompt: DISCOVERY,
            defaults: self.defaults,
            folder: self.root,
            parts: vec![("The document that is wanted", stage.to_owned())],
            output_schema: None,
            environment: BTreeMap::from([("MILLWRIGHT_DOCUMENT", stage.to_owned())]),
        };
        let (text, asked) = self.planner.ask(&question, document_in)?;
        let mut facts = Object::new();
        facts.insert(
            format!("{stage}_generated"),
            json!({"at": self.now, "by": asked.details()}),
        );
        drawer.keep(&name, &text, facts)?;
        Ok(())
    }
}

impl Discovered {
    fn note_failure(&mut self, stage: &'static str, reason: String) {
        self.failed_stages.push(stage);
        if !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
    }
}
