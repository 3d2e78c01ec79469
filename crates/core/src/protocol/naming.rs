//! What a step's name tells: its type, and the agent that it belongs to.
//!
//! Always so: the same name tells the same.

use super::StepType;

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

/// The agent of a step, by the step's name: what follows the first `-`, without the last extension.
pub fn agent_id(step_name: &str) -> &str {
    let rest = step_name
        .split_once('-')
        .map_or(step_name, |(_, rest)| rest);
    match rest.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => rest,
    }
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
