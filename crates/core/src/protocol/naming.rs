//! What a step's name tells: its type, and the agent that it belongs to; and what a protocol's name and folder may be.
//!
//! Always so: the same name tells the same.

use std::path::{Component, Path};

use super::StepType;

const LONGEST_PROTOCOL_NAME: usize = 200;

/// `00-…` and names with `setup` prepare, names with `qa` check, all others work.
pub fn infer_step_type(name: &str) -> StepType {
    let name = name.to_lowercase();
    if name.starts_with("00-") || name.contains("setup") {
        StepType::Setup
    } else if name.contains("qa") {
        StepType::Qa
    } else {
        StepType::Work
    }
}

/// The agents that a step may be named by: what follows the first `-` of its name, whole, since an agent's id may have a
/// dot, and without the last extension.
pub fn agents_of(step_name: &str) -> [&str; 2] {
    [after_number(step_name), agent_id(step_name)]
}

/// The agent of a step, by the step's name: what follows the first `-`, without the last extension.
pub fn agent_id(step_name: &str) -> &str {
    let rest = after_number(step_name);
    match rest.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => rest,
    }
}

/// Refuses what cannot be a protocol's name, which is that of its folder too.
///
/// # Errors
/// What is wrong with it.
pub fn refuse_bad_protocol_name(name: &str) -> Result<(), &'static str> {
    let bad = |c: char| c.is_control() || "/\\".contains(c);
    if name.is_empty() || name.chars().count() > LONGEST_PROTOCOL_NAME {
        Err("a protocol's name has 1 to 200 characters")
    } else if name.trim() != name || name.starts_with('.') || name.contains(bad) {
        Err(
            "a protocol's name names a folder: no slash, no control character, no dot or space first",
        )
    } else {
        Ok(())
    }
}

/// Checks a protocol's folder, which is committed and written to: it is strictly below one of the folders that it may be in.
///
/// # Errors
/// What is wrong with it.
pub fn refuse_bad_protocol_root(root: &str, folders: &[&str]) -> Result<(), &'static str> {
    let path = Path::new(root);
    let below = |folder: &&str| {
        path.strip_prefix(folder)
            .ok()
            .filter(|_| !folder.is_empty())
    };
    let inside = if path.is_absolute() {
        folders.iter().find_map(below)
    } else {
        Some(path)
    };
    let is_plain = |part: Component<'_>| matches!(part, Component::Normal(name) if !name.eq_ignore_ascii_case(".git"));
    let mut parts = inside.unwrap_or(Path::new("")).components().peekable();
    if root.contains(char::is_control) || parts.peek().is_none() || !parts.all(is_plain) {
        return Err(
            "a protocol's folder is below the project's, such as `.protocols/demo`: not the project's own, none outside, \
             and none of git's",
        );
    }
    Ok(())
}

fn after_number(step_name: &str) -> &str {
    let rest = step_name.split_once('-');
    rest.map_or(step_name, |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_types() {
        for (name, expected) in [
            ("00-plan", StepType::Setup),
            ("03-Setup-db", StepType::Setup),
            ("04-QA-check", StepType::Qa),
            ("05-build", StepType::Work),
        ] {
            assert_eq!(infer_step_type(name), expected, "{name}");
        }
    }

    #[test]
    fn an_agents_id_may_have_a_dot() {
        assert_eq!(agents_of("02-v1.plan"), ["v1.plan", "v1"]);
        assert_eq!(agents_of("02-plan.md"), ["plan.md", "plan"]);
    }

    #[test]
    fn names_tell_agents() {
        for (name, expected) in [
            ("02-code-reviewer.md", "code-reviewer"),
            ("02-a.b.md", "a.b"),
            ("plain", "plain"),
            ("02-.hidden", ".hidden"),
        ] {
            assert_eq!(agent_id(name), expected);
        }
    }
}
