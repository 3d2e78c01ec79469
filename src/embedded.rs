//! The flows and scripts that the executable carries, so that it works anywhere.
//!
//! Always so: they are rendered from the catalog, as the committed files are.

use millwright_core::catalog::{FlowDefinition, GENERATED, flows, scripts};

/// One of our flows, as JSON text, by its path, such as `f/devgodzilla/run_next_step`.
pub fn flow(path: &str) -> Option<String> {
    let found = flow_definitions()
        .into_iter()
        .find(|flow| flow.path == path);
    found.as_ref().map(FlowDefinition::text)
}

/// One of our scripts, as bash text, by its path, such as `u/devgodzilla/open_pr`.
pub fn script(path: &str) -> Option<String> {
    let found = scripts::all()
        .into_iter()
        .find(|script| script.path == path);
    found.map(|script| script.bash(GENERATED))
}

/// All of our flows.
pub(crate) fn flow_definitions() -> Vec<FlowDefinition> {
    flows::all().expect("a test builds every flow of the catalog")
}

#[cfg(test)]
mod tests {
    #[test]
    fn ours_are_found_and_others_are_not() {
        let flow = super::flow("f/devgodzilla/run_next_step").unwrap();
        assert!(flow.contains("\"select_next_step\""));
        let script = super::script("u/devgodzilla/open_pr").unwrap();
        assert!(script.contains("exec millwright-step open_pr"));
        assert_eq!(super::flow("f/team/hello"), None);
        assert_eq!(super::script("u/devgodzilla/nope"), None);
    }
}
