//! CodeMachine workspaces, imported from disk.
//!
//! Always so: a workspace is a folder on disk, and what it becomes is a snapshot.

use millwright::spec::codemachine::import;
use serde_json::json;

use crate::workspace_fixture::{Workspace, imported, kept};

#[test]
fn plain_literals_become_a_step_for_each_agent() {
    insta::assert_json_snapshot!(imported("literal").spec);
}

#[test]
fn programs_are_run_for_what_they_export() {
    insta::assert_json_snapshot!(imported("commonjs").spec);
}

#[test]
fn a_workflow_becomes_steps_with_policies() {
    let imported = imported("delivery");
    insta::assert_json_snapshot!(imported.spec);
    insta::assert_json_snapshot!("what_a_workflow_leaves_out", imported.warnings);
}

#[test]
fn the_same_workspace_gives_the_same_spec_whatever_it_is_named_by() {
    let whole = imported("delivery");
    let nested = import(&kept("delivery/.codemachine"), None, Some("delivery")).unwrap();
    assert_eq!(whole, nested);
    let project = kept("").canonicalize().unwrap();
    let from_above = import(&kept("delivery"), Some(&project), None).unwrap();
    assert_eq!(
        from_above.spec["steps"][0]["prompt_ref"],
        "delivery/.codemachine/prompts/agents/analyst.md"
    );
}

#[test]
fn exports_have_many_forms() {
    for program in [
        "export default [{id: 'a', promptPath: 'prompts/a.md'}]",
        "exports.agents = [{id: 'a', promptPath: 'prompts/a.md'}]",
        "export const agents = [{id: 'a', promptPath: 'prompts/a.md'}];",
        "[{\"id\": \"a\", \"promptPath\": \"prompts/a.md\"}]",
        "\u{feff}/* agents */ // the only one\nconst agents = [{id: 'a', promptPath: 'prompts/a.md'}];\n",
        "[{id: 'a', promptPath: require('path').posix.join(__dirname, '../prompts', './a.md')}];",
        "module.exports = await Promise.resolve([{id: 'a', promptPath: __dirname + '/../prompts/a.md'}])",
    ] {
        let steps = Workspace::of_agents(program).steps();
        assert_eq!(steps.len(), 1, "{program}");
        assert_eq!(steps[0]["prompt_ref"], "prompts/a.md", "{program}");
    }
}

#[test]
fn path_is_as_posix_has_it() {
    let calls = [
        ("join('a', '..', '..', 'b', './c/')", "../b/c/"),
        ("join('', '')", "."),
        ("join('/a', '../../b')", "/b"),
        ("normalize('/a//b/./../c')", "/a/c"),
        ("resolve('/a', 'b', '../c')", "/a/c"),
        ("resolve('/a', '/b', '')", "/b"),
        ("dirname('/a/b/')", "/a"),
        ("dirname('a')", "."),
        ("dirname('/a')", "/"),
        ("basename('/a/b.md', '.md')", "b"),
        ("basename('/')", ""),
        ("extname('a.b.md')", ".md"),
        ("extname('.hidden')", ""),
        ("relative('/a/b/c', '/a/d')", "../../d"),
        ("relative('/a', '/a')", ""),
        ("format(path.parse('/a/b.md'))", "/a/b.md"),
        ("parse('/a/b.md').name", "b"),
        ("sep + path.isAbsolute('a')", "/false"),
    ];
    let list: Vec<String> = calls
        .iter()
        .map(|(call, _)| format!("path.{call}"))
        .collect();
    let program = format!(
        "const path = require('node:path'); module.exports = [{{id: 'a', promptPath: 'prompts/a.md', tracks: [{}]}}];",
        list.join(", ")
    );
    let steps = Workspace::of_agents(&program).steps();
    let expected: Vec<&str> = calls.iter().map(|(_, expected)| *expected).collect();
    assert_eq!(
        steps[0]["metadata"]["codemachine"]["tracks"],
        json!(expected)
    );
}

#[test]
fn of_several_workflows_one_has_to_be_named() {
    let workflow = "export default { name: 'W', steps: [resolveStep('a')] }";
    let workspace = Workspace::new()
        .with("templates/workflows/one.workflow.js", workflow)
        .with("templates/workflows/two.workflow.js", workflow);
    assert_eq!(
        workspace.refused(),
        "templates/workflows: there are several workflows, name one: one.workflow.js, two.workflow.js"
    );
    let folder = workspace.path();
    let named = |name| {
        import(&folder, None, Some(name)).map(|imported| imported.spec["template"]["file"].clone())
    };
    assert_eq!(named("two").unwrap(), "templates/workflows/two.workflow.js");
    assert_eq!(
        named("one.workflow.js").unwrap(),
        "templates/workflows/one.workflow.js"
    );
    let error = named("three").unwrap_err().to_string();
    assert_eq!(error, "templates/workflows: there is no workflow \"three\"");
    let workspace = workspace.with("template.json", "{\"activeTemplate\": \"two.workflow.js\"}");
    assert_eq!(
        workspace.imported().spec["template"]["file"],
        "templates/workflows/two.workflow.js"
    );
}
