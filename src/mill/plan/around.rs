//! What is decided around a step and before a flow, looked at before the first step runs.
//!
//! Always so: what Windmill drops without a word is noted, with what it does in its place.

use millwright_core::openflow::{FlowValue, Module, ModuleValue, RawScript, Suspend};

use super::{Planner, fields};

/// What the preprocessor has to be called.
const PREPROCESSOR: &str = "preprocessor";

impl Planner<'_> {
    /// A flow's preprocessor, where it has one. One that the mill cannot run keeps nobody from running the flow without.
    pub(super) fn preprocessor(&mut self, value: &FlowValue) {
        let Some(module) = value
            .preprocessor_module
            .as_ref()
            .filter(|_| self.is_outermost())
        else {
            return;
        };
        let place = "/value/preprocessor_module";
        if module.id != PREPROCESSOR {
            let reason = format!("Windmill's preprocessor has the id {PREPROCESSOR:?}");
            self.refuse(&format!("{place}/id"), &reason);
        }
        if !matches!(
            module.value,
            ModuleValue::Script(_) | ModuleValue::RawScript(_)
        ) {
            let kind = module.value.kind();
            let reason = format!("a preprocessor is a script, and not of type `{kind}`");
            self.refuse(&format!("{place}/value/type"), &reason);
        }
        let language = match &module.value {
            ModuleValue::RawScript(script) => Some(script.language.as_str()),
            _ => None,
        };
        if let Some(language) = language.filter(|language| *language != "bash") {
            let reason = format!(
                "{place}/value/language: the mill calls no `preprocessor` in `{language}`; write it in bash, or say skip_preprocessor=true"
            );
            self.plan.no_preprocessor = Some(reason);
        }
    }

    /// What comes after a step: waiting, and ending early.
    pub(super) fn afterwards(&mut self, place: &str, module: &Module, is_last: bool) {
        if let Some(suspend) = &module.suspend {
            self.suspend(&format!("{place}/suspend"), suspend);
        }
        if let Some(transform) = &module.sleep {
            self.transform(&format!("{place}/sleep"), transform);
        }
        for (name, waits) in [
            ("suspend", module.suspend.is_some()),
            ("sleep", module.sleep.is_some()),
        ] {
            if waits && is_last {
                let reason = "Windmill waits before the next step, and there is none";
                self.note(&format!("{place}/{name}"), reason);
            }
        }
        let is_script = matches!(
            module.value,
            ModuleValue::Script(_) | ModuleValue::RawScript(_)
        );
        if module.cache_ttl.is_some() && !is_script {
            let reason = "left out, Windmill keeps results of scripts and of whole flows";
            self.note(&format!("{place}/cache_ttl"), reason);
        }
        self.stops(place, module);
    }

    fn stops(&mut self, place: &str, module: &Module) {
        let (is_loop, is_all) = match &module.value {
            ModuleValue::ForLoop(_) | ModuleValue::WhileLoop(_) => (true, false),
            ModuleValue::BranchAll(_) => (false, true),
            _ => (false, false),
        };
        if module.stop_after_if.is_some() && is_all {
            let reason = "left out, of all branches Windmill looks at `stop_after_all_iters_if`";
            self.note(&format!("{place}/stop_after_if"), reason);
        }
        if module.stop_after_all_iters_if.is_some() && !is_loop && !is_all {
            let reason = "left out, it is for loops and all branches";
            self.note(&format!("{place}/stop_after_all_iters_if"), reason);
        }
    }

    fn suspend(&mut self, place: &str, suspend: &Suspend) {
        self.fields(fields::SUSPEND, place, &suspend.other);
        if let Some(form) = &suspend.resume_form {
            let place = format!("{place}/resume_form");
            self.fields(fields::NOTHING, &place, &form.other);
        }
        for (name, says) in [
            (
                "user_auth_required",
                suspend.user_auth_required == Some(true),
            ),
            (
                "user_groups_required",
                suspend.user_groups_required.is_some(),
            ),
            (
                "self_approval_disabled",
                suspend.self_approval_disabled == Some(true),
            ),
        ] {
            if says {
                self.note(&format!("{place}/{name}"), fields::ONE_PERSON);
            }
        }
    }

    /// Settings of a script that mean nothing without another.
    pub(super) fn concurrency(&mut self, place: &str, script: &RawScript) {
        let is_limited = script.concurrent_limit.is_some();
        for (name, says) in [
            (
                "custom_concurrency_key",
                script.custom_concurrency_key.is_some(),
            ),
            (
                "concurrency_time_window_s",
                script.concurrency_time_window_s.is_some(),
            ),
        ] {
            if says && !is_limited {
                let reason = "left out, it says nothing without `concurrent_limit`";
                self.note(&format!("{place}/{name}"), reason);
            }
        }
    }
}
