//! The lines of a task list, in both styles.
//!
//! Always so: a line that is no task is passed over, and a task keeps the number of its line.

use std::collections::BTreeSet;

use super::tasks::{MOST_NEEDS, Task, TaskListError, TaskStatus};

/// A line that is a task.
pub(super) struct Line {
    /// From 1.
    pub(super) number: usize,
    pub(super) task: Task,
    /// Whether what stands before it is what it needs.
    in_order: bool,
}

/// The tasks of a text.
pub(super) fn all(text: &str) -> Vec<Line> {
    let (mut phase, mut lines) = (None, Vec::new());
    for (number, line) in (1..).zip(text.lines()) {
        if let Some(heading) = line
            .strip_prefix("## ")
            .filter(|rest| rest.starts_with("Phase"))
        {
            phase = Some(heading.trim().to_owned());
        } else if let Some((mut task, in_order)) = parse(line) {
            task.phase.clone_from(&phase);
            lines.push(Line {
                number,
                task,
                in_order,
            });
        }
    }
    lines
}

/// The lines that have a box to tick and are no task, with their numbers.
pub(super) fn passed_over(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let numbered = (1..).zip(text.lines().map(str::trim));
    numbered.filter(|(_, line)| has_box(line) && parse(line).is_none())
}

fn has_box(line: &str) -> bool {
    let rest = line.strip_prefix(['-', '*', '+']);
    let inside = rest.and_then(|rest| rest.trim_start().strip_prefix('[')?.split_once(']'));
    inside.is_some_and(|(mark, _)| mark.chars().count() <= 1)
}

/// In spec-kit's style a task needs the group before its own: neighbours of one phase that may be done beside each other
/// are a group, any other task is one by itself. What all need is counted before it is written down, since large groups need
/// each other many times over.
///
/// # Errors
/// [`TaskListError::TooManyNeeds`].
pub(super) fn need_what_stands_before(lines: &mut [Line]) -> Result<(), TaskListError> {
    let mut count = 0;
    let (mut before, mut group): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    let mut last: Option<(bool, Option<String>)> = None;
    for Line {
        number,
        task,
        in_order,
    } in lines
    {
        count += task.depends_on.len();
        if !*in_order {
            refuse_too_many(count, *number, task)?;
            continue;
        }
        let kind = (task.parallel, task.phase.clone());
        if !task.parallel || last.as_ref() != Some(&kind) {
            before = std::mem::take(&mut group);
            last = Some(kind);
        }
        group.push(task.id.clone());
        count += before.len();
        refuse_too_many(count, *number, task)?;
        let named: BTreeSet<&String> = task.depends_on.iter().collect();
        let needs = before.iter().filter(|id| !named.contains(id));
        let needs: Vec<String> = needs.cloned().collect();
        task.depends_on.extend(needs);
    }
    Ok(())
}

fn refuse_too_many(count: usize, line: usize, task: &Task) -> Result<(), TaskListError> {
    if count > MOST_NEEDS {
        let id = task.id.clone();
        return Err(TaskListError::TooManyNeeds { line, id });
    }
    Ok(())
}

/// A line as a task, and whether it is one of spec-kit's.
fn parse(line: &str) -> Option<(Task, bool)> {
    let rest = line.trim_start().strip_prefix("- [")?;
    let (mark, rest) = rest.split_once(']')?;
    let rest = rest.trim_start();
    let digits = rest
        .strip_prefix('T')?
        .bytes()
        .take_while(u8::is_ascii_digit)
        .count();
    let (id, rest) = (&rest[..=digits], &rest[digits + 1..]);
    let in_order = !rest.starts_with(':');
    let status = match mark {
        " " => TaskStatus::Pending,
        "x" => TaskStatus::Completed,
        "X" if in_order => TaskStatus::Completed,
        "/" => TaskStatus::InProgress,
        _ => return None,
    };
    let is_task = digits > 0 && (!in_order || rest.starts_with(' '));
    let (description, needs, parallel) = if in_order {
        in_spec_kit_style(rest.trim())
    } else {
        by_name(rest[1..].trim())
    };
    let task = Task {
        id: id.to_owned(),
        description,
        status,
        depends_on: needs,
        parallel,
        phase: None,
    };
    is_task.then_some((task, in_order))
}

/// `text [DEPENDS: T001, T002] [PARALLEL]`
fn by_name(text: &str) -> (String, Vec<String>, bool) {
    let parallel = text.contains("[PARALLEL]");
    let text = text.strip_suffix("[PARALLEL]").unwrap_or(text).trim_end();
    let named = text
        .strip_suffix(']')
        .and_then(|text| text.rsplit_once("[DEPENDS:"));
    match named {
        Some((text, ids)) => (text.trim_end().to_owned(), ids_in(ids), parallel),
        None => (text.to_owned(), Vec::new(), parallel),
    }
}

/// `[P] [US1] text (depends on T001, T002)`
fn in_spec_kit_style(text: &str) -> (String, Vec<String>, bool) {
    let rest = text.strip_prefix("[P]");
    let description = rest.unwrap_or(text).trim_start();
    let named = description
        .strip_suffix(')')
        .and_then(|text| text.rsplit_once("(depends on "));
    let needs = named.map(|(_, ids)| ids_in(ids)).unwrap_or_default();
    (description.to_owned(), needs, rest.is_some())
}

fn ids_in(list: &str) -> Vec<String> {
    let mut known = BTreeSet::new();
    let ids = list.split(',').map(str::trim);
    let ids = ids.filter(|id| !id.is_empty() && !id.eq_ignore_ascii_case("none"));
    ids.filter(|id| known.insert(*id))
        .map(str::to_owned)
        .collect()
}
