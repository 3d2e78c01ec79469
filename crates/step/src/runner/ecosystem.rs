//! The tools of a project, by the files in its folder.
//!
//! Always so: nothing is run to find them out, and of each file a bounded part is read.

use std::collections::BTreeMap;
use std::path::Path;

use millwright_core::protocol::Gate;
use serde_json::Value;

use super::prompt::read_file;

/// So long a project's file may be that is looked into.
const LONGEST: usize = 1024 * 1024;

/// What runs a gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tool {
    /// For `sh -c`, in the workspace.
    pub(super) command: String,
    /// What has to be installed; `None` where the project named the command itself.
    pub(super) program: Option<String>,
}

/// The gates of a project: those that it configures, and for the others what its files suggest.
pub(super) fn tools(
    workspace: &Path,
    configured: &BTreeMap<Gate, Option<String>>,
) -> BTreeMap<Gate, Tool> {
    let mut tools: BTreeMap<Gate, Tool> = BTreeMap::new();
    for (gate, command) in configured {
        if let Some(command) = command {
            let command = command.clone();
            tools.insert(
                *gate,
                Tool {
                    command,
                    program: None,
                },
            );
        }
    }
    let unnamed = |gate: &Gate| !configured.contains_key(gate);
    let found = [rust, javascript, python, go, make]
        .into_iter()
        .flat_map(|look| look(workspace));
    for (gate, command) in found.filter(|(gate, _)| unnamed(gate)) {
        tools.entry(gate).or_insert_with(|| Tool::of(command));
    }
    tools
}

impl Tool {
    fn of(command: String) -> Self {
        let program = command.split_whitespace().next().map(str::to_owned);
        Self { command, program }
    }
}

fn rust(workspace: &Path) -> Vec<(Gate, String)> {
    if !workspace.join("Cargo.toml").is_file() {
        return Vec::new();
    }
    commands([
        (
            Gate::Lint,
            "cargo clippy --quiet --all-targets --message-format short -- -D warnings",
        ),
        (
            Gate::Type,
            "cargo check --quiet --all-targets --message-format short",
        ),
        (Gate::Test, "cargo test --quiet"),
    ])
}

fn javascript(workspace: &Path) -> Vec<(Gate, String)> {
    let Some(text) = text(workspace, "package.json") else {
        return Vec::new();
    };
    let package: Value = serde_json::from_str(&text).unwrap_or_default();
    let is_script = |name: &&str| {
        let script = package["scripts"][*name].as_str();
        script.is_some_and(|script| !script.contains("no test specified"))
    };
    let manager = [
        ("pnpm-lock.yaml", "pnpm"),
        ("yarn.lock", "yarn"),
        ("bun.lock", "bun"),
    ]
    .into_iter()
    .find_map(|(lock, manager)| workspace.join(lock).is_file().then_some(manager))
    .unwrap_or("npm");
    let script = |gate, names: &[&str]| {
        let name = names.iter().copied().find(|name| is_script(name))?;
        Some((gate, format!("{manager} run {name}")))
    };
    let types = ["typecheck", "type-check", "check-types", "types"];
    let compiler = "node_modules/.bin/tsc";
    let is_typescript = ["tsconfig.json", compiler]
        .iter()
        .all(|name| workspace.join(name).is_file());
    [
        script(Gate::Lint, &["lint"]),
        script(Gate::Type, &types),
        is_typescript.then(|| (Gate::Type, format!("{compiler} --noEmit --pretty false"))),
        script(Gate::Test, &["test"]),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn python(workspace: &Path) -> Vec<(Gate, String)> {
    let project = text(workspace, "pyproject.toml").unwrap_or_default();
    let uses = |table: &str, files: &[&str]| {
        let has_table = project
            .lines()
            .any(|line| line.trim_start().starts_with(table));
        has_table || files.iter().any(|file| workspace.join(file).is_file())
    };
    [
        (
            Gate::Lint,
            uses("[tool.ruff", &["ruff.toml", ".ruff.toml"]),
            "ruff check --output-format concise .",
        ),
        (
            Gate::Type,
            uses("[tool.mypy", &["mypy.ini", ".mypy.ini"]),
            "mypy .",
        ),
        (
            Gate::Test,
            uses(
                "[tool.pytest",
                &["pytest.ini", "conftest.py", "tests/conftest.py"],
            ),
            "pytest -q",
        ),
    ]
    .into_iter()
    .filter(|(_, used, _)| *used)
    .map(|(gate, _, command)| (gate, command.to_owned()))
    .collect()
}

fn go(workspace: &Path) -> Vec<(Gate, String)> {
    if !workspace.join("go.mod").is_file() {
        return Vec::new();
    }
    commands([
        (Gate::Lint, "go vet ./..."),
        (Gate::Type, "go build ./..."),
        (Gate::Test, "go test ./..."),
    ])
}

fn make(workspace: &Path) -> Vec<(Gate, String)> {
    let text = ["GNUmakefile", "makefile", "Makefile"]
        .iter()
        .find_map(|name| text(workspace, name));
    let text = text.unwrap_or_default();
    let is_target = |name: &&str| {
        text.lines().any(|line| {
            let rest = line.strip_prefix(*name).map(str::trim_start);
            rest.is_some_and(|rest| rest.starts_with(':') && !rest.starts_with(":="))
        })
    };
    let target = |gate, names: &[&str]| {
        let name = names.iter().copied().find(|name| is_target(name))?;
        Some((gate, format!("make -s {name}")))
    };
    [
        target(Gate::Lint, &["lint"]),
        target(Gate::Type, &["typecheck", "type-check", "types", "type"]),
        target(Gate::Test, &["test"]),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn commands<const N: usize>(list: [(Gate, &str); N]) -> Vec<(Gate, String)> {
    list.map(|(gate, command)| (gate, command.to_owned()))
        .into()
}

fn text(workspace: &Path, name: &str) -> Option<String> {
    String::from_utf8(read_file(&workspace.join(name), LONGEST).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<(Gate, String)> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let tools = tools(folder.path(), &BTreeMap::new());
        tools
            .into_iter()
            .map(|(gate, tool)| (gate, tool.command))
            .collect()
    }

    fn named(list: &[(Gate, &str)]) -> Vec<(Gate, String)> {
        list.iter()
            .map(|(gate, command)| (*gate, (*command).to_owned()))
            .collect()
    }

    #[test]
    fn the_projects_files_say_which_tools_it_uses() {
        let package = r#"{"scripts": {"lint": "eslint .", "type-check": "tsc", "test": "echo \"Error: no test specified\""}}"#;
        assert_eq!(
            found(&[("package.json", package), ("yarn.lock", "")]),
            named(&[
                (Gate::Lint, "yarn run lint"),
                (Gate::Type, "yarn run type-check")
            ])
        );
        assert_eq!(
            found(&[(
                "pyproject.toml",
                "[tool.ruff.lint]\n[tool.pytest.ini_options]\n"
            )]),
            named(&[
                (Gate::Lint, "ruff check --output-format concise ."),
                (Gate::Test, "pytest -q")
            ])
        );
        assert_eq!(
            found(&[(
                "Makefile",
                "test := 1\nlint : a\n\techo\ntest: lint\nlinty:\n"
            )]),
            named(&[(Gate::Lint, "make -s lint"), (Gate::Test, "make -s test")])
        );
        assert_eq!(found(&[("Cargo.toml", ""), ("go.mod", "")]).len(), 3);
    }

    #[test]
    fn what_is_no_project_has_no_gates_and_broken_files_do_no_harm() {
        for files in [
            &[][..],
            &[("package.json", "{"), ("Makefile", "all:\n")],
            &[("package.json", "[1]")],
        ] {
            assert_eq!(found(files), [], "{files:?}");
        }
    }

    #[test]
    fn what_the_project_says_comes_first_and_may_be_nothing() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("go.mod"), "").unwrap();
        let configured =
            BTreeMap::from([(Gate::Lint, None), (Gate::Test, Some("./check".to_owned()))]);
        let tools = tools(folder.path(), &configured);
        assert!(!tools.contains_key(&Gate::Lint));
        assert_eq!(
            tools[&Gate::Test],
            Tool {
                command: "./check".to_owned(),
                program: None
            }
        );
        assert_eq!(tools[&Gate::Type].program.as_deref(), Some("go"));
    }
}
