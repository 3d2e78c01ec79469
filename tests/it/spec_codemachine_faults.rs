//! CodeMachine workspaces that are wrong, or mean harm.
//!
//! Always so: everything that is wrong is told, each with its file, and nothing of this machine is seen.

use std::fs;
use std::path::Path;

use millwright::spec::codemachine::import;
use serde_json::json;

use crate::workspace_fixture::Workspace;

#[test]
fn a_program_sees_nothing_of_this_machine() {
    let program = "
        const names = ['process', 'console', 'fetch', 'setTimeout', 'Deno', 'Bun', 'std', 'os', 'global', 'XMLHttpRequest'];
        const seen = names.filter((name) => name in globalThis);
        module.exports = [{ id: 'a', promptPath: 'prompts/a.md', tracks: seen }];
    ";
    let steps = Workspace::of_agents(program).steps();
    assert_eq!(steps[0]["metadata"]["codemachine"]["tracks"], json!([]));
}

#[test]
fn what_a_program_must_not_do_ends_it() {
    for (program, expected) in [
        ("for (;;) {}", "it runs for more than 2 s"),
        (
            "/(a+)+$/.exec('a'.repeat(60) + 'b'); for (;;) [].indexOf.call({length: 2 ** 53 - 1}, 1);",
            "it runs for more than 2 s",
        ),
        ("await new Promise(() => {})", "it cannot be run:"),
        (
            "const all = []; for (;;) all.push('x'.repeat(1 << 20) + all.length);",
            "it needs more than 64 MiB of memory",
        ),
        (
            "const down = () => down() + 1; down();",
            "it cannot be run: RangeError: Maximum call stack size exceeded",
        ),
        (
            "require('./agents/more.js')",
            "it cannot be run: Error: require(\"./agents/more.js\"): a workspace's program may require \"path\"",
        ),
        (
            "module.exports = [...require('../../elsewhere/agents')]",
            "it cannot be run: Error: require(\"../../elsewhere/agents\"): a workspace's program may require",
        ),
        (
            "import { resolveStep } from '../../src/workflow-utils.ts'; export default []",
            "it cannot be run: ReferenceError: could not load module '../../src/workflow-utils.ts'",
        ),
        (
            "const agents = [{ id: 'a', promptPath: `${promptsDir}/a.md` }]; module.exports = agents;",
            "it cannot be run: ReferenceError: promptsDir is not defined",
        ),
        (
            "module.exports = [{ id: 'a', promptPath: `prompts/a.md },];",
            "it cannot be run: SyntaxError",
        ),
        (
            "require('fs')",
            "it cannot be run: Error: require(\"fs\"): a workspace's program may require",
        ),
        (
            "import fs from 'node:fs'; export default []",
            "it cannot be run: ReferenceError: could not load module 'node:fs'",
        ),
        (
            "await import('/etc/passwd')",
            "it cannot be run: ReferenceError: could not load module",
        ),
        (
            "process.exit(0)",
            "it cannot be run: ReferenceError: process is not defined",
        ),
        (
            "module.exports = [{id: 'a', promptPath: 'prompts/a.md', x: 'x'.repeat(2 << 20)}]",
            "it exports more than 1048576 bytes",
        ),
        (
            "let deep = []; for (let n = 0; n < 50; n++) deep = [deep]; module.exports = deep",
            "what it exports is more than 32 levels deep",
        ),
        (
            "let deep = []; for (let n = 0; n < 2e5; n++) deep = [deep]; module.exports = deep",
            "it cannot be run: RangeError",
        ),
        (
            "const round = {}; round.round = round; module.exports = [round]",
            "it cannot be run: TypeError: circular reference",
        ),
        (
            "module.exports = [{id: 'a', get promptPath() { for (;;) {} }}]",
            "it runs for more than 2 s",
        ),
        (
            "module.exports = [{id: 'a', toJSON() { throw new Error('no') }}]",
            "it cannot be run: Error: no",
        ),
        ("module.exports = () => []", "it exports nothing"),
        ("const x = 1;", "it exports nothing"),
        ("", "it exports nothing"),
        ("module.exports = [", "it cannot be run: SyntaxError"),
        ("module.exports = 'agents'", "it exports no list"),
        (
            "throw new Error('not today')",
            "it cannot be run: Error: not today",
        ),
        ("throw 3", "it cannot be run:"),
    ] {
        let refused = Workspace::of_agents(program).refused();
        let expected = format!("config/main.agents.js: {expected}");
        assert!(refused.starts_with(&expected), "{program}: {refused}");
    }
}

#[test]
fn prototype_tricks_change_nothing_but_the_program_itself() {
    let program = "
        Object.prototype.id = 'everyone';
        Object.prototype.promptPath = 'prompts/a.md';
        Array.prototype.map = () => { throw new Error('no'); };
        JSON.stringify = () => '[]';
        globalThis.Object = null;
        module.exports = [{ id: 'a', promptPath: 'prompts/a.md', '__proto__': { engine: 'x' }, ['__proto__']: { polluted: true } }];
    ";
    let workspace = Workspace::of_agents(program)
        .with("config/modules.js", "module.exports = [].map((x) => x);");
    let steps = workspace.steps();
    assert_eq!(steps.len(), 1);
    assert_eq!(
        steps[0]["inputs"],
        json!({"agent_id": "a", "directive": ".codemachine/memory/directive.json"})
    );
}

#[test]
fn agents_that_are_wrong_are_all_named() {
    let program = "module.exports = [
        {id: 'a', promptPath: 'prompts/a.md'},
        {id: 'a', promptPath: 'prompts/a.md'},
        {promptPath: 'prompts/a.md'},
        {id: '../../up', promptPath: 'prompts/a.md'},
        'text',
        {id: 'b'},
        {id: 'c', promptPath: 'prompts/none.md'},
        {id: 'd', promptPath: 'prompts'},
        {id: 'e', promptPath: '../outside.md'},
        {id: 'f', promptPath: '/etc/hostname'},
        {id: 'g', promptPath: 'prompts/a.md', moduleId: 'nothing'},
        {id: 'h', promptPath: 'prompts/binary.md'},
        {id: 'i', promptPath: 'prompts/large.md'},
        {id: 'j', promptPath: ['prompts/a.md', 'prompts/none.md']},
    ];";
    let workspace = Workspace::of_agents(program)
        .with("prompts/binary.md", [0xff, 0xfe, 0x00])
        .with("prompts/large.md", vec![b'x'; (1 << 20) + 1]);
    insta::assert_snapshot!(workspace.refused());
}

#[test]
fn workflows_that_are_wrong_are_all_named() {
    let workflow = "export default { name: 'W', steps: [
        resolveStep('nobody'),
        resolveModule('nothing'),
        resolveFolder('none'),
        ...resolveFolder('none'),
        ...resolveFolder('empty'),
        resolveStep('a', { promptPath: 'prompts/none.md' }),
        resolveModule('odd'),
        resolveModule('aimless'),
        resolveStep(),
        7,
    ]};";
    let workspace = Workspace::of_agents(
        "module.exports = [{id: 'a', promptPath: 'prompts/a.md'}, {id: 'empty', type: 'folder'}]",
    )
    .with("prompts/templates/empty/README.md", "")
    .with("templates/workflows/w.workflow.js", workflow)
    .with(
        "config/modules.js",
        "module.exports = [
            {id: 'odd', promptPath: 'prompts/a.md', behavior: {type: 'explode'}},
            {id: 'aimless', promptPath: 'prompts/a.md', behavior: 'trigger'},
        ]",
    );
    insta::assert_snapshot!(workspace.refused());
}

#[test]
fn nothing_outside_the_project_is_read() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret.md"), "secret").unwrap();
    let link = |workspace: &Workspace, target: &Path, name: &str| {
        let path = workspace.path().join(name);
        fs::remove_file(&path).ok();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, path).unwrap();
    };
    for (target, name, expected) in [
        (
            "secret.md",
            "prompts/a.md",
            "config/main.agents.js: entry 0: promptPath prompts/a.md leads out of",
        ),
        (
            "secret.md",
            "config/main.agents.js",
            "config/main.agents.js: it leads out of",
        ),
        (
            "secret.md",
            "config/modules.js",
            "config/modules.js: it leads out of",
        ),
        (
            "secret.md",
            "template.json",
            "template.json: it leads out of",
        ),
        (
            "secret.md",
            "inputs/specifications.md",
            "inputs/specifications.md: it leads out of",
        ),
        (
            "",
            "templates/workflows",
            "templates/workflows: it leads out of",
        ),
        (
            "gone",
            "config/modules.js",
            "config/modules.js: it is not there",
        ),
    ] {
        let workspace = Workspace::new();
        link(&workspace, &outside.path().join(target), name);
        let refused = workspace.refused();
        assert!(refused.starts_with(expected), "{name}: {refused}");
    }
    let within = Workspace::new().with("shared/b.md", "Shared.");
    link(&within, &within.path().join("shared/b.md"), "prompts/a.md");
    assert_eq!(within.steps()[0]["prompt_ref"], "shared/b.md");
}

#[test]
fn what_is_no_workspace_is_refused() {
    let empty = tempfile::tempdir().unwrap();
    let refused = import(empty.path(), None, None).unwrap_err().to_string();
    assert!(
        refused.contains("this is no CodeMachine workspace"),
        "{refused}"
    );
    let refused = import(&empty.path().join("none"), None, None)
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("it cannot be opened: No such file"),
        "{refused}"
    );
    let folder = Workspace::new();
    fs::remove_file(folder.path().join("config/main.agents.js")).unwrap();
    fs::create_dir(folder.path().join("config/main.agents.js")).unwrap();
    assert_eq!(folder.refused(), "config/main.agents.js: it is a folder");
    let project = tempfile::tempdir().unwrap();
    let workspace = Workspace::new();
    let refused = import(&workspace.path(), Some(project.path()), None)
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("it lies outside the project's folder"),
        "{refused}"
    );
    assert_eq!(
        Workspace::of_agents("module.exports = []").refused(),
        "config/main.agents.js: it has no step"
    );
}

#[test]
fn a_pipe_is_not_waited_for() {
    let workspace = Workspace::new();
    let path = workspace.path().join("config/modules.js");
    let made = std::process::Command::new("mkfifo")
        .arg(&path)
        .status()
        .unwrap();
    assert!(made.success());
    assert_eq!(
        workspace.refused(),
        "config/modules.js: it is no regular file"
    );
}
