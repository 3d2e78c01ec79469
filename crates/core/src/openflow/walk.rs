//! Every step of a flow, however deep, with its place.
//!
//! Always so: a step comes before the steps inside it, and steps come in the order of the document.

use super::{FlowValue, Module, ModuleValue};

impl FlowValue {
    /// Calls `visit` with each step and its place, a JSON pointer that begins with `at`.
    pub fn walk<'a>(&'a self, at: &str, visit: &mut impl FnMut(&str, &'a Module)) {
        walk_list(&self.modules, &format!("{at}/modules"), visit);
        if let Some(module) = &self.failure_module {
            walk_module(module, &format!("{at}/failure_module"), visit);
        }
        if let Some(module) = &self.preprocessor_module {
            walk_module(module, &format!("{at}/preprocessor_module"), visit);
        }
    }
}

impl ModuleValue {
    /// The lists of steps inside a loop or branch, each with its place below the value.
    pub fn bodies(&self) -> Vec<(String, &[Module])> {
        match self {
            Self::ForLoop(inner) => vec![("modules".to_owned(), &inner.modules[..])],
            Self::WhileLoop(inner) => vec![("modules".to_owned(), &inner.modules[..])],
            Self::BranchAll(all) => {
                let branches = all.branches.iter().enumerate();
                let place = |index| format!("branches/{index}/modules");
                branches
                    .map(|(index, branch)| (place(index), &branch.modules[..]))
                    .collect()
            }
            Self::BranchOne(one) => {
                let branches = one.branches.iter().enumerate();
                let place = |index| format!("branches/{index}/modules");
                branches
                    .map(|(index, branch)| (place(index), &branch.modules[..]))
                    .chain([("default".to_owned(), &one.default[..])])
                    .collect()
            }
            _ => Vec::new(),
        }
    }
}

fn walk_list<'a>(modules: &'a [Module], at: &str, visit: &mut impl FnMut(&str, &'a Module)) {
    for (index, module) in modules.iter().enumerate() {
        walk_module(module, &format!("{at}/{index}"), visit);
    }
}

fn walk_module<'a>(module: &'a Module, at: &str, visit: &mut impl FnMut(&str, &'a Module)) {
    visit(at, module);
    for (place, modules) in module.value.bodies() {
        walk_list(modules, &format!("{at}/value/{place}"), visit);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_step_is_found_at_its_place() {
        let step = |id: &str| json!({"id": id, "value": {"type": "identity"}});
        let flow = FlowValue::from_value(json!({
            "modules": [{"id": "b", "value": {
                "type": "branchone",
                "branches": [{"expr": "true", "modules": [step("x")]}],
                "default": [step("y")],
            }}],
            "failure_module": step("failure"),
        }))
        .unwrap();
        let mut found = Vec::new();
        flow.walk("/value", &mut |at, module| {
            found.push(format!("{} {at}", module.id));
        });
        assert_eq!(
            found,
            [
                "b /value/modules/0",
                "x /value/modules/0/value/branches/0/modules/0",
                "y /value/modules/0/value/default/0",
                "failure /value/failure_module",
            ]
        );
    }
}
