//! The flow builder: inputs, steps, loops and branches, out of typed expressions.
//!
//! Always so: what it builds has arguments inside a module's `value`, unique ids, and no reference to a result that is
//! not there yet.

mod body;
mod branch;
mod done;
mod error;
mod input;
mod r#loop;
#[cfg(test)]
mod shape_tests;
mod step;
#[cfg(test)]
mod tests;

pub use body::Body;
pub use branch::{Branches, ParallelBranches};
pub use done::{Done, Maybe, Rounds, Unsure};
pub use error::BuildError;
pub use input::Input;
pub use r#loop::ForEach;
pub use step::{ScriptStep, Transforms};

use serde_json::Value;

use super::expr::{Code, Use};
use super::{Expr, Script};
use crate::openflow;
use body::Ledger;
use input::InputSchema;

/// A flow with its path in a workspace.
#[derive(Debug, Clone, PartialEq)]
pub struct FlowDefinition {
    /// Its path, such as `f/devgodzilla/run_next_step`.
    pub path: String,
    /// The flow.
    pub flow: openflow::Flow,
}

impl FlowDefinition {
    /// The flow as the text of its file.
    ///
    /// # Panics
    /// Never: a flow is JSON.
    pub fn text(&self) -> String {
        let text = serde_json::to_string_pretty(&self.flow.to_value());
        text.expect("a flow is JSON") + "\n"
    }

    /// The file below a project's folder, such as `flows/devgodzilla/run_next_step.flow.json`.
    pub fn file(&self) -> String {
        let name = self.path.strip_prefix("f/").unwrap_or(&self.path);
        format!("flows/{name}.flow.json")
    }
}

/// A flow that is being built.
#[derive(Debug)]
pub struct FlowBuilder {
    path: String,
    flow: openflow::Flow,
    inputs: InputSchema,
    body: Body,
}

impl FlowBuilder {
    /// A flow without inputs and steps.
    ///
    /// ```
    /// use millwright_core::catalog::FlowBuilder;
    /// use millwright_core::catalog::scripts::protocol_select_next_step as select;
    ///
    /// let mut flow = FlowBuilder::new("f/team/claim", "Claims a step", "Claims a protocol's next step.");
    /// let protocol = flow.input::<i64>("protocol_run_id", "The protocol run.").required();
    /// flow.body().step("claim", select::call(protocol));
    /// let claim = flow.build()?;
    /// assert_eq!(claim.flow.value.modules[0].id, "claim");
    /// # Ok::<(), millwright_core::catalog::BuildError>(())
    /// ```
    ///
    /// A value of the wrong type does not compile:
    ///
    /// ```compile_fail,E0277
    /// use millwright_core::catalog::scripts::protocol_select_next_step as select;
    /// select::call("1");
    /// ```
    ///
    /// Nor does a field that no script yields:
    ///
    /// ```compile_fail,E0599
    /// use millwright_core::catalog::scripts::protocol_select_next_step as select;
    /// let field = select::Output::step_id;
    /// ```
    pub fn new(path: &str, summary: &str, description: &str) -> Self {
        let flow = openflow::Flow {
            summary: Some(summary.to_owned()),
            description: Some(description.to_owned()),
            ..openflow::Flow::default()
        };
        Self {
            path: path.to_owned(),
            flow,
            inputs: InputSchema::default(),
            body: Body::default(),
        }
    }

    /// The flow's name: its path's last part.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// An input, described. What it is like is said by what is called on it next.
    pub fn input<T: schemars::JsonSchema>(
        &mut self,
        name: &str,
        description: &str,
    ) -> Input<'_, T> {
        self.body.ledger.declare_input(name);
        Input::new(&mut self.inputs, name, description)
    }

    /// The flow's steps.
    pub fn body(&mut self) -> &mut Body {
        &mut self.body
    }

    /// Lets one run at a time work on what `key` names; the others wait. In the key `$workspace` stands for the workspace, and
    /// `$args[name]` for an input. The mill and Windmill's cloud and enterprise edition hold to it; others leave it out.
    pub fn one_at_a_time(&mut self, key: &str) {
        let value = &mut self.flow.value;
        value.concurrent_limit = Some(1);
        // No window: those that run are counted alone.
        value.concurrency_time_window_s = Some(0);
        value.concurrency_key = Some(key.to_owned());
    }

    /// Runs all steps on one worker, where each finds the files of those before it.
    pub fn on_one_worker(&mut self) {
        self.flow.value.same_worker = Some(true);
    }

    /// The step that runs when another one failed. It is given the error; its result becomes the flow's.
    pub fn on_failure<S: Script, R>(&mut self, step: impl FnOnce(Expr<Value>) -> ScriptStep<S, R>) {
        let error = Expr::of_code(Code::path("error", Use::Error));
        let step = step(error);
        let module = self.body.failure_module(step);
        self.flow.value.failure_module = Some(Box::new(module));
    }

    /// The flow.
    ///
    /// # Errors
    /// Where an id is taken twice or is none, and where a step makes use of what is not there.
    pub fn build(self) -> Result<FlowDefinition, BuildError> {
        let Body {
            modules, ledger, ..
        } = self.body;
        let Ledger { error, .. } = ledger;
        if let Some(error) = error {
            return Err(error);
        }
        let mut flow = self.flow;
        flow.value.modules = modules;
        flow.schema = Some(self.inputs.into_schema());
        Ok(FlowDefinition {
            path: self.path,
            flow,
        })
    }
}
