//! CodeMachine workspaces as real projects write them: the styles that are in use, old and new.
//!
//! Always so: each gives a valid spec, whose steps, prompts and policies are what its author meant.

use serde_json::{Value, json};

use crate::workspace_fixture::Workspace;

/// The ids of steps.
fn ids(steps: &[Value]) -> Vec<&str> {
    let id = |step: &Value| step["id"].as_str().map(str::len);
    assert!(steps.iter().all(|step| id(step).is_some()));
    steps
        .iter()
        .filter_map(|step| step["id"].as_str())
        .collect()
}

fn with_prompts(mut workspace: Workspace, names: &[&str]) -> Workspace {
    for name in names {
        workspace = workspace.with(name, "Do it on {date}.");
    }
    workspace
}

#[test]
fn bare_path_template_literals_and_helpers() {
    let workspace = Workspace::of_agents(
        "const path = require('path');
        const { join, resolve } = path;
        const base = `${__dirname}/../prompts/templates`;
        const prompt = (...parts) => resolve(base, 'crew', ...parts);
        const stages = ['plan', 'build'];
        const agent = (id, more = {}) => ({ id, name: `The ${id}`, promptPath: prompt(`${id}.md`), ...more });

        module.exports = [
          ...stages.map((stage, nth) => agent(stage, { description: `Stage ${nth + 1} of ${stages.length}` })),
          agent('ship', {
            engine: 'codex', model: 'gpt-5', modelReasoningEffort: 'high',
            promptPath: [join(base, 'shared.md'), prompt('ship.md')],
          }),
        ];",
    );
    let names = ["shared", "crew/plan", "crew/build", "crew/ship"]
        .map(|name| format!("prompts/templates/{name}.md"));
    let workspace = with_prompts(workspace, &names.each_ref().map(String::as_str));
    let steps = workspace.steps();
    assert_eq!(ids(&steps), ["plan", "build", "ship"]);
    assert_eq!(steps[1]["prompt_ref"], "prompts/templates/crew/build.md");
    let ship = &steps[2];
    assert_eq!(ship["model"], "gpt-5");
    assert_eq!(ship["inputs"]["engine_id"], "codex");
    assert_eq!(ship["inputs"]["reasoning_effort"], "high");
    assert_eq!(
        ship["inputs"]["more_prompts"],
        json!(["prompts/templates/crew/ship.md"])
    );
}

#[test]
fn workflows_spread_lists_and_show_people_where_they_are() {
    let workspace = Workspace::of_agents(
        "const team = ['api', 'web'].map((id) => ({ id, promptPath: `prompts/${id}.md` }));
        module.exports = [{ id: 'a', promptPath: 'prompts/a.md' }, ...team];",
    )
    .with(
        "config/modules.js",
        "const check = { behavior: { type: 'loop', action: 'stepBack' } };
        module.exports = [
          { id: 'review', name: 'Review', promptPath: 'prompts/a.md', ...check },
          { id: 'gate', promptPath: 'prompts/a.md', behavior: { type: 'checkpoint', action: 'evaluate' } },
        ];",
    )
    .with(
        "templates/workflows/team.workflow.js",
        "const both = ['api', 'web'].map((id) => resolveStep(id, { executeOnce: id === 'api' }));
        const last = [resolveUI('Human review'), resolveModule('gate')];
        export default {
          name: `Team of ${both.length}`,
          controller: controller('a', {}),
          steps: [separator('Start'), resolveStep('a', {}), ...both,
            resolveModule('review', { loopSteps: 2, loopMaxIterations: 4, loopSkip: ['a'] }), ...last],
        };",
    );
    let workspace = with_prompts(workspace, &["prompts/api.md", "prompts/web.md"]);
    let imported = workspace.imported();
    assert_eq!(imported.warnings, [""; 0]);
    let steps = imported.spec["steps"].as_array().unwrap();
    assert_eq!(ids(steps), ["a", "api", "web", "review", "gate"]);
    assert_eq!(imported.spec["template"]["name"], "Team of 2");
    assert_eq!(
        steps[3]["policies"],
        json!([{
            "module_id": "review", "behavior": "loop", "action": "stepBack", "step_back": 2, "max_iterations": 4,
            "skip_steps": [0, 1], "condition": "qa_failed",
        }])
    );
}

#[test]
fn modules_nest_their_behavior_or_do_not() {
    for (module, expected) in [
        (
            "{ id: 'm', behavior: { type: 'trigger', action: 'mainAgentCall', triggerAgentId: 'b' }, targetAgentId: 'a' }",
            json!({"behavior": "trigger", "trigger_agent_id": "b"}),
        ),
        (
            "{ id: 'm', behavior: 'trigger', trigger_agent_id: 'b', target_agent_id: 'a' }",
            json!({"behavior": "trigger", "trigger_agent_id": "b"}),
        ),
        (
            "{ id: 'm', behavior: { type: 'loop', steps: 2, maxIterations: 3, skip: [1] }, targetAgentId: 'a' }",
            json!({"behavior": "loop", "step_back": 2, "max_iterations": 3}),
        ),
        (
            "{ id: 'm', behavior: 'LOOP ', step_back: 2, max_iterations: 3, target_agent_id: 'a', condition: 'qa_failed' }",
            json!({"behavior": "loop", "step_back": 2, "condition": "qa_failed"}),
        ),
    ] {
        let workspace = Workspace::of_agents(
            "module.exports = [{ id: 'a', promptPath: 'prompts/a.md' }, { id: 'b', promptPath: 'prompts/a.md' }]",
        )
        .with("config/modules.js", format!("module.exports = [{module}]"));
        let policy = &workspace.steps()[0]["policies"][0];
        for (key, value) in expected.as_object().unwrap() {
            assert_eq!(&policy[key], value, "{module}");
        }
    }
}

#[test]
fn agents_whose_ids_have_a_dot_are_found_by_triggers() {
    let workspace = Workspace::of_agents(
        "module.exports = ['a', 'v1.plan', 'v1.build'].map((id) => ({ id, promptPath: 'prompts/a.md' }))",
    )
    .with(
        "config/modules.js",
        "module.exports = [{ id: 'm', behavior: 'trigger', triggerAgentId: 'v1.build', targetAgentId: 'a' }]",
    );
    let imported = workspace.imported();
    assert_eq!(imported.warnings, [""; 0]);
    let steps = imported.spec["steps"].as_array().unwrap();
    assert_eq!(ids(steps), ["a", "v1.plan", "v1.build"]);
    assert_eq!(steps[0]["policies"][0]["trigger_agent_id"], "v1.build");
    let context = millwright_core::protocol::SpecContext::default();
    millwright::spec::validate(&imported.spec, &context).unwrap();
}

#[test]
fn placeholders_are_files_patterns_texts_and_what_the_machine_knows() {
    let workspace = Workspace::new().with(
        "config/placeholders.js",
        "const path = require('node:path');
        const artifacts = (...parts) => path.join('.codemachine', 'artifacts', ...parts);
        module.exports = {
          userDir: { plan: artifacts('plan', '*.md'), tasks: artifacts('tasks.json') },
          packageDir: { rules: path.join('prompts', 'rules.md') },
        };",
    );
    let spec = workspace.imported().spec;
    assert_eq!(
        spec["placeholders"],
        json!({
            "rules": {"file": "prompts/rules.md"},
            "plan": {"file": ".codemachine/artifacts/plan/*.md"},
            "tasks": {"file": ".codemachine/artifacts/tasks.json"},
            "date": {"builtin": "date"}, "datetime": {"builtin": "datetime"},
            "timestamp": {"builtin": "timestamp"}, "user_name": {"builtin": "user_name"},
        })
    );
    let out = Workspace::new().with(
        "config/placeholders.js",
        "module.exports = { userDir: { all: '../../*.md' } }",
    );
    let refused = out.refused();
    assert!(
        refused.contains("config/placeholders.js: all: ../../*.md leads out of"),
        "{refused}"
    );
}
