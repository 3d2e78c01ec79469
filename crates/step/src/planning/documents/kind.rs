//! The kinds of documents: what each is asked for with, and what makes it one.
//!
//! Always so: an answer is read in the same way whoever wrote it; talk around the document is no part of it.

use std::path::Path;

use millwright_core::protocol::import::tasks;

use crate::planning::grounding;
use crate::runner::{Bundled, Grounding, PLAN_DOCUMENT, SPECIFICATION, TASKS};

/// So long a document may be.
pub(super) const LONGEST: usize = 1024 * 1024;

/// A kind of document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Specification,
    Plan,
    Tasks,
}

/// The templates, as a project gets them.
pub(crate) const TEMPLATES: [Bundled; 3] = [
    Bundled {
        name: ".specify/templates/spec-template.md",
        text: include_str!("../../../../../prompts/templates/spec-template.md"),
    },
    Bundled {
        name: ".specify/templates/plan-template.md",
        text: include_str!("../../../../../prompts/templates/plan-template.md"),
    },
    Bundled {
        name: ".specify/templates/tasks-template.md",
        text: include_str!("../../../../../prompts/templates/tasks-template.md"),
    },
];

impl Kind {
    /// What it is called.
    pub(super) fn what(self) -> &'static str {
        match self {
            Self::Specification => "specification",
            Self::Plan => "plan",
            Self::Tasks => "task list",
        }
    }

    pub(super) fn prompt(self) -> Bundled {
        match self {
            Self::Specification => SPECIFICATION,
            Self::Plan => PLAN_DOCUMENT,
            Self::Tasks => TASKS,
        }
    }

    pub(super) fn template(self) -> Bundled {
        TEMPLATES[self as usize]
    }

    /// The document in an answer.
    pub(super) fn read(self, answer: &str) -> Result<String, Vec<String>> {
        let text = document_in(answer)?;
        if self == Self::Tasks {
            let listed = tasks::read(&text).and_then(|list| list.spec("tasks.md"));
            listed.map_err(|error| vec![error.to_string()])?;
        }
        Ok(text)
    }

    /// What a document lacks that only an engine can know.
    pub(super) fn missing(self, text: &str, project: &Path, rule: Grounding) -> Vec<String> {
        if self == Self::Plan {
            grounding::missing([text].into_iter(), project, rule)
        } else {
            Vec::new()
        }
    }
}

/// From the first heading on; to the end of the fence, where it stands in one.
///
/// # Errors
/// What keeps it from being a document, a sentence each.
pub(in crate::planning) fn document_in(answer: &str) -> Result<String, Vec<String>> {
    let lines: Vec<&str> = answer.lines().collect();
    let Some((first, fenced)) = beginning(&lines) else {
        let fault = "it has no heading: its first line begins with `# `";
        return Err(vec![fault.to_owned()]);
    };
    let closed = lines.iter().rposition(|line| fence(line) == Some(""));
    let end = closed.filter(|end| fenced && *end > first);
    let text = lines[first..end.unwrap_or(lines.len())].join("\n");
    let text = text.trim_end();
    let mut faults = Vec::new();
    if text.lines().skip(1).all(|line| line.trim().is_empty()) {
        faults.push("it has nothing but a heading".to_owned());
    }
    if text.len() > LONGEST {
        faults.push(format!("it is longer than {LONGEST} bytes"));
    }
    if faults.is_empty() {
        Ok(format!("{text}\n"))
    } else {
        Err(faults)
    }
}

/// The heading of a document, where it has one.
pub(in crate::planning) fn heading(text: &str) -> Option<&str> {
    let lines: Vec<&str> = text.lines().collect();
    let (first, _) = beginning(&lines)?;
    Some(lines[first].trim_end())
}

/// The line that a document begins with, and whether it stands in a fence of its own. In a fence of anything else `# ` begins
/// a comment, as in the shell.
fn beginning(lines: &[&str]) -> Option<(usize, bool)> {
    let mut depth = 0_usize;
    let mut in_plain_fence = None;
    let mut before = None;
    for (nth, line) in lines.iter().enumerate() {
        match (fence(line), before) {
            (Some(""), _) if depth > 0 => depth -= 1,
            (Some(_), _) => depth += 1,
            (None, _) if !line.starts_with("# ") => {}
            (None, _) if depth == 0 => return Some((nth, false)),
            (None, Some("markdown" | "md")) => return Some((nth, true)),
            (None, Some("")) if depth == 1 => {
                in_plain_fence.get_or_insert((nth, true));
            }
            (None, _) => {}
        }
        if !line.trim().is_empty() {
            before = fence(line);
        }
    }
    in_plain_fence
}

/// The language after the mark of a fence, where the line is one.
fn fence(line: &str) -> Option<&str> {
    let language = line.trim().strip_prefix("```")?;
    let language = language.trim_start_matches('`').trim();
    (!language.contains('`')).then_some(language)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn talk_and_a_fence_around_a_document_are_no_part_of_it() {
        let inner = "# Plan\n\n```sh\nmake\n```";
        for answer in [
            inner.to_owned(),
            format!("Here it is:\n\n{inner}\n"),
            format!("Here:\n```markdown\n{inner}\n```\nDone."),
        ] {
            assert_eq!(Kind::Plan.read(&answer).unwrap(), format!("{inner}\n"));
        }
    }

    #[test]
    fn a_comment_in_the_shell_is_no_heading() {
        let plan = "# Plan\n\nbuild it\n\n```sh\n# with make\nmake\n```\n\nand test it";
        for talk in [
            "I looked:\n```sh\n# list the files\nls\n```\n\n",
            "```\n# list the files\nls\n```\nSo:\n",
            "```sh\nls\n# all of them\nls -a\n```\n",
        ] {
            for answer in [
                format!("{talk}{plan}"),
                format!("{talk}```markdown\n{plan}\n```\n"),
                format!("{talk}````md\n{plan}\n````"),
            ] {
                let read = Kind::Plan.read(&answer).unwrap();
                assert_eq!(read, format!("{plan}\n"), "{answer}");
            }
        }
        let alone = Kind::Plan.read("```sh\n# list\nls\n```").unwrap_err();
        assert!(alone[0].contains("no heading"), "{alone:?}");
    }

    #[test]
    fn what_is_no_document_says_why() {
        for (answer, fault) in [
            ("", "no heading"),
            ("I cannot do that.", "no heading"),
            ("# Only\n\n", "nothing but a heading"),
        ] {
            let faults = Kind::Specification.read(answer).unwrap_err();
            assert!(faults[0].contains(fault), "{faults:?}");
        }
        for (tasks, fault) in [
            ("nothing", "there is no task"),
            ("- [x] T001: done", "there is no task"),
            (
                "- [ ] T001: a [DEPENDS: T002]\n- [ ] T002: b [DEPENDS: T001]",
                "in a circle: T001",
            ),
        ] {
            let faults = Kind::Tasks.read(&format!("# T\n{tasks}")).unwrap_err();
            assert!(faults[0].contains(fault), "{faults:?}");
        }
    }

    #[test]
    fn every_template_is_a_document() {
        for kind in [Kind::Specification, Kind::Plan, Kind::Tasks] {
            assert!(kind.read(kind.template().text).is_ok(), "{}", kind.what());
        }
    }
}
