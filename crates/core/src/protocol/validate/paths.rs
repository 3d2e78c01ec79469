//! The files that a step names: prompts and outputs.
//!
//! Always so: this looks at the text of a path alone; whoever opens the file looks at symbolic links too.

use super::{SpecContext, SpecError, Step};

/// Names every path that cannot be a file, or that leads out of the workspace.
pub(super) fn check(steps: &[Step], context: &SpecContext<'_>, errors: &mut Vec<SpecError>) {
    let places = Places::of(context);
    for step in steps {
        for (key, path) in named(step) {
            if let Some(message) = places.complaint(path) {
                errors.push(SpecError::at(
                    format!("/steps/{}/{key}", step.position),
                    message,
                ));
            }
        }
    }
}

/// A step's paths, with where each stands in its entry.
fn named(step: &Step) -> Vec<(String, &str)> {
    let spec = &step.spec;
    let outputs = spec.outputs.as_ref();
    let single = [
        ("prompt_ref", Some(&spec.prompt_ref)),
        ("qa/prompt", spec.qa.prompt.as_ref()),
        ("qa/fix_prompt", spec.qa.fix_prompt.as_ref()),
        (
            "outputs/protocol",
            outputs.and_then(|outputs| outputs.protocol.as_ref()),
        ),
    ];
    let single = single
        .into_iter()
        .filter_map(|(key, path)| Some((key.to_owned(), path?.as_str())));
    let aux = outputs.into_iter().flat_map(|outputs| &outputs.aux);
    let aux = aux.map(|(key, path)| (format!("outputs/aux/{}", escaped(key)), path.as_str()));
    single.chain(aux).collect()
}

/// A key as a part of a JSON pointer.
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

struct Places<'a> {
    workspace: Option<&'a str>,
    /// How far below the workspace the protocol's folder is.
    depth: usize,
    outside_allowed: bool,
}

impl<'a> Places<'a> {
    fn of(context: &SpecContext<'a>) -> Self {
        let workspace = context.workspace.map(|path| path.trim_end_matches('/'));
        let root = context.protocol_root.unwrap_or(".protocols/name");
        let below = workspace.and_then(|workspace| below(root, workspace));
        Self {
            workspace,
            depth: climb(below.unwrap_or(root), 0).unwrap_or(0),
            outside_allowed: context.outside_allowed,
        }
    }

    fn complaint(&self, path: &str) -> Option<String> {
        if path.contains('\0') {
            return Some("a path holds no zero byte".to_owned());
        }
        if self.outside_allowed || !self.leads_out(path) {
            return None;
        }
        Some(format!("{path:?} leads out of the workspace"))
    }

    /// A relative path is below the protocol's folder, or, less deep, the workspace.
    fn leads_out(&self, path: &str) -> bool {
        if !path.starts_with('/') {
            return climb(path, self.depth).is_none();
        }
        let Some(workspace) = self.workspace else {
            return false;
        };
        below(path, workspace).is_none_or(|rest| climb(rest, 0).is_none())
    }
}

/// What is left of a path below a folder.
fn below<'p>(path: &'p str, folder: &str) -> Option<&'p str> {
    let rest = path.strip_prefix(folder)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

/// How deep a path ends that begins at a depth; nothing where it climbs above the top on its way.
fn climb(path: &str, from: usize) -> Option<usize> {
    path.split('/').try_fold(from, |depth, part| match part {
        "" | "." => Some(depth),
        ".." => depth.checked_sub(1),
        _ => Some(depth + 1),
    })
}
