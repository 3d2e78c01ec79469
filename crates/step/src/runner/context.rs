//! What a check is told about a step: the plan, what was noted, the step itself, and how the repository stands.
//!
//! Always so: what is missing is left out, and each part is bounded; nothing here makes a check fail.

use std::fs;
use std::path::Path;

use super::files::Places;
use super::git::Repository;
use super::input::Input;
use super::prompt::{LONGEST_TEXT, read_file};
use crate::files::write_whole;

/// Adds the parts, in the contract's order.
pub(super) fn add(
    input: &mut Input,
    places: &Places,
    (step, prompt_ref): (&str, &str),
    repository: &Repository<'_>,
) {
    let root = &places.protocol_root;
    let text = |name: &str| read_text(&root.join(name)).unwrap_or_default();
    input.part("plan.md", &text("plan.md"));
    input.part("context.md", &text("context.md"));
    input.end_of("log.md", &text("log.md"));
    input.part(
        "The step",
        &step_file(places, step, prompt_ref).unwrap_or_default(),
    );
    input.part("git status", &repository.status());
    let commit = repository.last_commit();
    input.part("The last commit", &commit.unwrap_or_default());
    input.part("git diff --stat", &repository.changes.stat());
    input.part("What the step has changed", &repository.changes.diff());
}

/// Writes the step's name into the line of `context.md` that tells the current step, where there is one.
pub(super) fn tell_current_step(places: &Places, step: &str) {
    let path = places.protocol_root.join("context.md");
    let is_own = fs::symlink_metadata(&path).is_ok_and(|about| about.is_file());
    let Some(text) = is_own.then(|| read_text(&path)).flatten() else {
        return;
    };
    if let Some(updated) = with_current_step(&text, step) {
        // A note that cannot be written is no reason not to check.
        let _ = write_whole(&path, updated.as_bytes());
    }
}

/// The text with its first line `Current step: …`, in any case and with any decoration, changed; none where that changes
/// nothing.
fn with_current_step(text: &str, step: &str) -> Option<String> {
    let is_told = |line: &&str| {
        let bare = line.trim_start_matches(|c: char| !c.is_alphanumeric());
        bare.get(..12)
            .is_some_and(|start| start.eq_ignore_ascii_case("current step"))
    };
    let old = text.lines().find(is_told)?;
    let (label, _) = old.split_once(':')?;
    let bold = if label.contains("**") && !label.trim_end().ends_with("**") {
        "**"
    } else {
        ""
    };
    let new = format!("{label}:{bold} {step}");
    (old != new).then(|| text.replacen(old, &new, 1))
}

/// The step's own file: its name, its name with `.md`, or what the spec names; an executable that is no text is left out.
fn step_file(places: &Places, step: &str, prompt_ref: &str) -> Option<String> {
    [step.to_owned(), format!("{step}.md"), prompt_ref.to_owned()]
        .iter()
        .filter_map(|name| places.existing("step", name).ok())
        .find_map(|path| read_text(&path))
}

pub(super) fn read_text(path: &Path) -> Option<String> {
    String::from_utf8(read_file(path, LONGEST_TEXT).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_the_current_step_is_changed_and_nothing_else() {
        for (before, after) in [
            (
                "# Context\nCurrent step: 00-setup\nNext: x\n",
                Some("# Context\nCurrent step: 01-work\nNext: x\n"),
            ),
            (
                "- **Current Step**: 00\n",
                Some("- **Current Step**: 01-work\n"),
            ),
            (
                "- **Current step:** 00\n",
                Some("- **Current step:** 01-work\n"),
            ),
            ("Current step: 01-work\n", None),
            ("Currently none\n", None),
            ("current step\n", None),
            ("", None),
        ] {
            assert_eq!(
                with_current_step(before, "01-work").as_deref(),
                after,
                "{before:?}"
            );
        }
    }
}
