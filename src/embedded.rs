//! The flows and scripts that the executable carries, so that it works anywhere.
//!
//! Always so: they are rendered from the catalog, as the committed files are.

use millwright_core::catalog::{FlowDefinition, GENERATED, flows, scripts};
use serde_json::Value;

/// Each of our flows and bash scripts: its file below a project's folder, and its text.
pub fn files() -> impl Iterator<Item = (String, String)> {
    let flows = flow_definitions().into_iter();
    let scripts = scripts::all().into_iter();
    let flows = flows.map(|flow| (flow.file(), flow.text()));
    flows.chain(scripts.map(|script| (script.file(), script.bash(GENERATED))))
}

/// The JSON Schema of the arguments of our script at a path.
pub(crate) fn schema_of_script(path: &str) -> Option<Value> {
    let script = scripts::all()
        .into_iter()
        .find(|script| script.path == path)?;
    Some(script.metadata()["schema"].take())
}

/// All of our flows.
pub(crate) fn flow_definitions() -> Vec<FlowDefinition> {
    flows::all().expect("a test builds every flow of the catalog")
}

#[cfg(test)]
mod tests {
    use crate::mill::Sources;

    #[test]
    fn ours_are_found_anywhere_and_others_are_not() {
        let sources = Sources::of_project("/nowhere");
        let flow = sources.flow("f/devgodzilla/run_next_step").unwrap();
        assert_eq!(flow.value.modules[1].id, "select_next_step");
        let script = sources.script("u/devgodzilla/open_pr").unwrap();
        assert!(script.content.contains("exec millwright-step open_pr"));
        assert!(sources.flow("f/team/hello").is_err());
    }
}
