//! What scripts need: the programs that run them, and the variables and resources that their arguments name.
//!
//! Always so: what is written out is looked up before anything runs; what is computed is looked up when it is known.

use std::sync::Arc;

use millwright_core::openflow::{Module, ModuleValue, RawScript, Transform};
use serde_json::{Map, Value};

use super::{Planner, fields};
use crate::mill::MillError;
use crate::mill::language::{Language, Script};

impl Planner<'_> {
    /// The script of a step, where it is known.
    pub(super) fn script_of(&self, value: &ModuleValue) -> Option<Arc<Script>> {
        match value {
            ModuleValue::Script(step) => self.plan.scripts.get(&step.path).cloned(),
            ModuleValue::RawScript(step) => {
                let scripts = self.plan.raw_scripts.get(&step.language)?;
                scripts.get(&step.content).cloned()
            }
            _ => None,
        }
    }

    pub(super) fn raw_script(&mut self, place: &str, script: &RawScript) {
        self.fields(fields::RAW_SCRIPT, place, &script.other);
        self.concurrency(place, script);
        let known = self.plan.raw_scripts.get(&script.language);
        if known.is_some_and(|scripts| scripts.contains_key(&script.content)) {
            return;
        }
        let language = Language::named(&script.language);
        if let Some(prepared) = self.prepared(place, language, script.content.clone()) {
            let scripts = self.plan.raw_scripts.entry(script.language.clone());
            scripts
                .or_default()
                .insert(script.content.clone(), prepared);
        }
    }

    pub(super) fn script(&mut self, place: &str, path: &str) {
        if self.plan.scripts.contains_key(path) {
            return;
        }
        let place = format!("{place}/path");
        match self.sources.script(path) {
            Ok(found) => {
                if let Some(script) = self.prepared(&place, found.language, found.content) {
                    self.plan.scripts.insert(path.to_owned(), script);
                }
            }
            Err(error @ MillError::Missing { .. }) if !self.all_there => {
                let script = Script::unable(Language::Bash, String::new(), error.to_string());
                self.plan.scripts.insert(path.to_owned(), Arc::new(script));
            }
            Err(error) => self.refuse(&place, &error.to_string()),
        }
    }

    /// A script with what runs it; `None` where that is complained of.
    pub(super) fn prepared(
        &mut self,
        place: &str,
        language: Language,
        content: String,
    ) -> Option<Arc<Script>> {
        let project = Arc::clone(&self.plan.project);
        match Script::prepare(language.clone(), content.clone(), &project.interpreters) {
            Ok(script) => Some(Arc::new(script)),
            Err(reason) if !self.all_there => {
                Some(Arc::new(Script::unable(language, content, reason)))
            }
            Err(reason) => {
                self.refuse(place, &reason);
                None
            }
        }
    }

    pub(super) fn inputs(&mut self, args: &Map<String, Value>) {
        let project = Arc::clone(&self.plan.project);
        for (name, value) in args {
            for reason in project.resources.missing_in_value(value) {
                self.refuse(&format!("the input {name}"), &reason);
            }
        }
    }

    pub(super) fn transform(&mut self, place: &str, transform: &Transform) {
        let project = Arc::clone(&self.plan.project);
        let missing = match transform {
            Transform::Other(_) => {
                vec!["the mill knows static and javascript transforms alone".to_owned()]
            }
            _ if !self.all_there => Vec::new(),
            Transform::Static(value) => project.resources.missing_in_value(value),
            Transform::Javascript(text) => return self.expression(place, text),
        };
        for reason in missing {
            self.refuse(place, &reason);
        }
    }

    /// What is asked around a step, and of its branches.
    pub(super) fn conditions(&mut self, place: &str, module: &Module) {
        let stop_after_all = module.stop_after_all_iters_if.as_ref();
        let retry = module.retry.as_ref();
        let around = [
            ("skip_if", module.skip_if.as_ref().map(|part| &part.expr)),
            (
                "stop_after_if",
                module.stop_after_if.as_ref().map(|part| &part.expr),
            ),
            (
                "stop_after_all_iters_if",
                stop_after_all.map(|part| &part.expr),
            ),
            (
                "retry/retry_if",
                retry.and_then(|retry| Some(&retry.retry_if.as_ref()?.expr)),
            ),
        ];
        for (name, expression) in around {
            if let Some(expression) = expression {
                self.expression(&format!("{place}/{name}/expr"), expression);
            }
        }
        if let ModuleValue::BranchOne(inner) = &module.value {
            for (index, branch) in inner.branches.iter().enumerate() {
                self.expression(
                    &format!("{place}/value/branches/{index}/expr"),
                    &branch.expr,
                );
            }
        }
    }

    fn expression(&mut self, place: &str, text: &str) {
        if self.all_there {
            for reason in Arc::clone(&self.plan.project)
                .resources
                .missing_in_expression(text)
            {
                self.refuse(place, &reason);
            }
        }
    }
}

/// Why an argument is left out.
pub(super) fn ignored(script: Option<&Script>, name: &str) -> String {
    match script.map(|script| &script.language) {
        Some(Language::Bash) => {
            format!("left out, the script has no line that takes it, such as `{name}=\"$1\"`")
        }
        _ => format!("left out, `main` takes no {name}"),
    }
}
