//! Whether a plan stands on the ground: it names files that the project has, and a command that proves its work.
//!
//! Always so: a small project is asked for no more files than it has; a name that leads out of the project is no hit.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path};

use crate::runner::Grounding;

/// So many names are looked up at most.
const MOST_NAMES: usize = 5_000;
/// What is no file of the project's own.
const FOREIGN: [&str; 4] = ["node_modules", "target", "venv", "__pycache__"];
/// Programs with which projects are built and tested.
const PROGRAMS: [&str; 40] = [
    "ant", "bash", "bazel", "bun", "bundle", "cargo", "cmake", "composer", "ctest", "deno",
    "docker", "dotnet", "eslint", "gcc", "git", "go", "gradle", "just", "make", "meson", "mix",
    "mvn", "mypy", "ninja", "node", "npm", "npx", "php", "pip", "pnpm", "poetry", "pytest",
    "python", "python3", "rake", "ruff", "sh", "swift", "tox", "uv",
];
/// Those that do something without being told what.
const ENOUGH_ALONE: [&str; 6] = ["ctest", "just", "make", "ninja", "pytest", "tox"];

/// What a plan lacks, a sentence each.
pub(super) fn missing<'t>(
    texts: impl Iterator<Item = &'t str>,
    project: &Path,
    rule: Grounding,
) -> Vec<String> {
    let (mut names, mut has_command) = (BTreeSet::new(), false);
    for text in texts {
        // Between backquotes stands code, in a line or in a block.
        for (nth, part) in text.split('`').enumerate() {
            let is_code = nth % 2 == 1;
            has_command |= is_code && part.lines().any(|line| is_command(line, project));
            names.extend(words(part).filter(|word| is_code || word.contains(['/', '.'])));
        }
    }
    let names = names.into_iter().take(MOST_NAMES);
    let hits = names.filter(|name| is_there(project, name)).count();
    let wanted = there(project, rule.min_path_hits);
    let mut missing = Vec::new();
    if hits < wanted {
        missing.push(format!(
            "it names {hits} files or folders of the project and must name {wanted}: give their paths from the project's folder"
        ));
    }
    if rule.require_command && !has_command {
        missing.push(
            "it names no command that builds or tests the project: give one in a code block"
                .to_owned(),
        );
    }
    missing
}

/// What may be a path, without marks around it and without a line's number.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let ends = |c: char| c.is_whitespace() || "'\"()[]{}<>,;|*=".contains(c);
    let words = text.split(ends).map(|word| {
        let word = word.split(':').next().unwrap_or(word);
        let word = word.strip_prefix("./").unwrap_or(word);
        word.trim_end_matches(['.', '!', '?', '/'])
    });
    words.filter(|word| !word.is_empty() && word.len() <= 300)
}

fn is_there(project: &Path, name: &str) -> bool {
    let mut parts = Path::new(name).components();
    parts.all(|part| matches!(part, Component::Normal(_)))
        && fs::symlink_metadata(project.join(name)).is_ok()
}

fn is_command(line: &str, project: &Path) -> bool {
    let line = line.trim_start();
    let line = line.strip_prefix("$ ").unwrap_or(line);
    let mut words = line.split_whitespace();
    let Some(program) = words.next() else {
        return false;
    };
    let own = program.strip_prefix("./");
    if own.is_some_and(|own| is_there(project, own)) {
        return true;
    }
    PROGRAMS.contains(&program) && (words.next().is_some() || ENOUGH_ALONE.contains(&program))
}

/// How many files and folders of its own a project has, as far as `enough`.
fn there(project: &Path, enough: usize) -> usize {
    let (mut count, mut folders) = (0, vec![project.to_owned()]);
    while let Some(folder) = folders.pop().filter(|_| count < enough) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') || FOREIGN.contains(&&*name) {
                continue;
            }
            count += 1;
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(entry.path());
            }
        }
    }
    count.min(enough)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lacks(text: &str, min_path_hits: usize) -> Vec<String> {
        let project = tempfile::tempdir().unwrap();
        for name in ["src/main.rs", "src/lib.rs", "README.md", ".git/config"] {
            let path = project.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let rule = Grounding {
            min_path_hits,
            require_command: true,
        };
        missing([text].into_iter(), project.path(), rule)
    }

    #[test]
    fn files_and_a_command_are_enough_and_a_small_project_needs_fewer() {
        let plan = "Change `src/main.rs:12` and src/lib.rs, in `src`; see README.md.\n```sh\n$ cargo test\n```";
        assert_eq!(lacks(plan, 6), [""; 0]);
        assert_eq!(lacks("`make` it", 0), [""; 0]);
    }

    #[test]
    fn what_is_not_there_or_outside_counts_for_nothing() {
        let plan = "Change src/other.rs, ../etc/passwd, /etc/passwd and the src of it. Run cargo test with `cargo`.";
        let lacks = lacks(plan, 2);
        assert_eq!(lacks.len(), 2, "{lacks:?}");
        assert!(lacks[0].starts_with("it names 0 files"), "{lacks:?}");
        assert!(lacks[1].contains("no command"), "{lacks:?}");
    }
}
