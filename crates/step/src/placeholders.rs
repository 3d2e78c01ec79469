//! The values of placeholders that are read when a step runs: files, and what the machine knows.
//!
//! Always so: no more of a file, and of all files of a pattern together, is read than a prompt may be long.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use millwright_core::protocol::placeholders::{Builtin, Source, Values, matches};

use crate::files::read_file;
use crate::host::date::utc;

/// So much stands for one placeholder at the most.
const LONGEST: usize = 1024 * 1024;

/// So long all the prompts that an engine reads may become when their placeholders are filled in.
pub(crate) const LONGEST_FILLED: usize = 8 * LONGEST;

/// No less than the length of a text with its placeholders filled in: wherever a name stands, it may be one.
pub(crate) fn length_filled(text: &str, values: &Values) -> usize {
    let grown = values.iter().map(|(name, value)| {
        let length = value.map_or(0, str::len);
        let times = if name.is_empty() {
            0
        } else {
            text.matches(name).count()
        };
        length.saturating_mul(times)
    });
    grown.fold(text.len(), usize::saturating_add)
}

/// The value of a source; `find` tells where a name leads that may be read. None where there is nothing.
pub(crate) fn value_of(
    source: Source<'_>,
    find: impl Fn(&str) -> Option<PathBuf>,
) -> Option<String> {
    match source {
        Source::Builtin(known) => of_machine(known),
        Source::File(name) => match find(name).filter(|path| path.exists()) {
            Some(path) => text_of(&path),
            None => of_pattern(name, find),
        },
    }
}

fn text_of(path: &Path) -> Option<String> {
    String::from_utf8(read_file(path, LONGEST).ok()?).ok()
}

/// The files of a folder that a pattern means, one after another, by their names.
fn of_pattern(name: &str, find: impl Fn(&str) -> Option<PathBuf>) -> Option<String> {
    let (folder, pattern) = name.rsplit_once('/').unwrap_or((".", name));
    if !pattern.contains(['*', '?', '[']) {
        return None;
    }
    let names = fs::read_dir(find(folder)?).ok()?;
    let names = names.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| matches(pattern, name)).collect();
    names.sort_by_cached_key(|name| (name.to_lowercase(), name.clone()));
    let mut all = String::new();
    for name in names {
        let path = find(&format!("{folder}/{name}")).filter(|path| path.is_file());
        let Some(path) = path else { continue };
        let text = text_of(&path)?;
        if !all.is_empty() {
            all.push_str("\n\n---\n\n");
        }
        all.extend(["<!-- File: ", &name, " -->\n\n", text.trim()]);
        if all.len() > LONGEST {
            return None;
        }
    }
    (!all.is_empty()).then_some(all)
}

fn of_machine(known: Builtin) -> Option<String> {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .ok()?;
    let moment = utc(now);
    match known {
        Builtin::Date => moment.split('T').next().map(str::to_owned),
        Builtin::Datetime => Some(moment),
        Builtin::Timestamp => Some(now.as_millis().to_string()),
        Builtin::UserName => user_name(),
    }
}

/// The name of the environment, else that of the system's list.
fn user_name() -> Option<String> {
    let named = ["USER", "LOGNAME"]
        .iter()
        .filter_map(|name| std::env::var(name).ok());
    let mut named = named.filter(|name| !name.is_empty());
    named.next().or_else(|| {
        let id = rustix::process::getuid().as_raw().to_string();
        let list = fs::read_to_string("/etc/passwd").ok()?;
        let mut users = list.lines().map(|line| line.split(':').collect::<Vec<_>>());
        users.find_map(|user| {
            let is_own = user.get(2) == Some(&id.as_str());
            is_own.then(|| user[0].to_owned())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_stands_for_all_of_its_files_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("plan/sub.md")).unwrap();
        for (name, text) in [("b.md", "\nSecond.\n"), ("A.md", "First."), ("c.txt", "no")] {
            fs::write(at(&format!("plan/{name}")), text).unwrap();
        }
        let value = |name: &str| value_of(Source::File(name), |name| Some(at(name)));
        assert_eq!(
            value("plan/*.md").as_deref(),
            Some("<!-- File: A.md -->\n\nFirst.\n\n---\n\n<!-- File: b.md -->\n\nSecond.")
        );
        assert_eq!(value("plan/c.txt").as_deref(), Some("no"));
        assert_eq!(value("plan/[xyz].md"), None);
        assert_eq!(value("none/*.md"), None);
        fs::write(at("plan/[x].md"), "itself").unwrap();
        assert_eq!(value("plan/[x].md").as_deref(), Some("itself"));
        fs::write(at("plan/big.md"), vec![b'x'; LONGEST]).unwrap();
        assert_eq!(value("plan/*.md"), None);
    }

    #[test]
    fn the_machine_tells_the_moment_and_the_user() {
        let value = |known| value_of(Source::Builtin(known), |_| None).unwrap();
        let (date, moment) = (value(Builtin::Date), value(Builtin::Datetime));
        assert_eq!((date.len(), moment.len()), (10, 20));
        assert!(value(Builtin::Timestamp).parse::<u64>().unwrap() > 1_700_000_000_000);
        assert!(!value(Builtin::UserName).is_empty());
    }
}
