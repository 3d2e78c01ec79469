//! What a step has changed on its protocol's branch: its work is committed before it is checked, so its tree is clean then.
//!
//! Always so: only its own commits count, over all of its runs, however much others have merged meanwhile; what git does not
//! know any more is left out.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use super::WorkspaceError;
use super::branch::Branch;
use super::git::Git;
use super::names::folder_name;
use super::slot::Slot;
use super::work::Work;
use crate::files::write_whole;

/// So many of a step's runs are remembered, the last ones.
const MOST_RUNS: usize = 20;
/// What says in a commit of a shared branch whose work it is, and where that began.
const TRAILER: &str = "Millwright-Work";
/// What the names of such records end with.
const ENDING: &str = ".changes";
/// So much of the changes is shown.
const LONGEST_DIFF: usize = 32 * 1024;

/// What a step has changed until now.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    git: Option<Git>,
    runs: Vec<Run>,
}

/// What one run, or one check, has committed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Run {
    /// Where it began.
    base: String,
    /// Where it ended, before it was merged.
    own: String,
}

impl Changes {
    /// What is on record for a step.
    pub(super) fn of(branch: &Branch, work: &str) -> Self {
        let mut runs = noted(branch, work);
        let told = told(branch, work);
        runs.extend(
            told.into_iter()
                .filter(|run| !runs.contains(run))
                .collect::<Vec<_>>(),
        );
        Self {
            runs,
            git: Some(branch.git().clone()),
        }
    }

    /// The files, as `git status --porcelain` would show them: a letter and a name each.
    pub(crate) fn status(&self) -> String {
        let listed = self.each(&["diff", "--name-status", "--no-renames"]);
        let lines = listed.iter().flat_map(|text| text.lines());
        let shown = lines.filter_map(|line| {
            let (letter, name) = line.split_once('\t')?;
            Some(format!("{letter}  {name}\n"))
        });
        shown.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The names of the files.
    pub(crate) fn paths(&self) -> BTreeSet<String> {
        let listed = self.each(&["diff", "--name-only", "--no-renames", "-z"]);
        let names = listed.iter().flat_map(|text| text.split('\0'));
        names
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// How much was changed in which file.
    pub(crate) fn stat(&self) -> String {
        self.each(&["diff", "--stat=100", "--no-renames"])
            .join("\n")
    }

    /// The changes themselves, as far as there is room.
    pub(crate) fn diff(&self) -> String {
        let words = ["diff", "--no-color", "--no-ext-diff", "--no-textconv"];
        let whole = self.each(&words).join("\n");
        let end = whole.floor_char_boundary(LONGEST_DIFF);
        if end == whole.len() {
            return whole;
        }
        let left_out = whole.len() - end;
        format!("{}\n({left_out} bytes are left out here)\n", &whole[..end])
    }

    /// The subject of its last commit.
    pub(crate) fn subject(&self) -> Option<String> {
        let own = &self.runs.last()?.own;
        let words = ["log", "-1", "--format=%s", "--end-of-options", own];
        self.git.as_ref()?.find(&words).ok().flatten()
    }

    /// Where its last run began.
    pub(crate) fn base(&self) -> Option<&str> {
        self.runs.last().map(|run| run.base.as_str())
    }

    /// Asks git for each run.
    fn each(&self, words: &[&str]) -> Vec<String> {
        let Some(git) = &self.git else {
            return Vec::new();
        };
        let ask = |run: &Run| {
            let range = [run.base.as_str(), run.own.as_str(), "--"];
            git.find(&[words, &range].concat()).ok().flatten()
        };
        self.runs.iter().filter_map(ask).collect()
    }
}

/// Puts on record what a step has committed since `base`.
pub(super) fn note(
    branch: &Branch,
    work: &str,
    base: String,
    own: String,
) -> Result<(), WorkspaceError> {
    let mut runs = noted(branch, work);
    runs.push(Run { base, own });
    let first = runs.len().saturating_sub(MOST_RUNS);
    let lines = runs[first..]
        .iter()
        .map(|run| format!("{} {}\n", run.base, run.own));
    let path = file(branch, work);
    write_whole(&path, lines.collect::<String>().as_bytes())
        .map_err(|error| WorkspaceError::file(&path, error))
}

/// What the commit of work on a shared branch says, so that other machines know what it has changed.
pub(super) fn record(
    branch: &Branch,
    slot: &Slot,
    work: &Work,
) -> Result<Option<String>, WorkspaceError> {
    if branch.remote().is_none() {
        return Ok(None);
    }
    let base = slot.git.run(&["merge-base", "HEAD", &branch.tip()?])?;
    let name = folder_name(work.key());
    Ok(Some(format!("{TRAILER}: {name} {base}")))
}

/// What the commits of a shared branch say of work, wherever it was done; the last of it.
fn told(branch: &Branch, work: &str) -> Vec<Run> {
    let line = format!("{TRAILER}: {} ", folder_name(work));
    let (grep, most) = (format!("--grep={line}"), format!("--max-count={MOST_RUNS}"));
    let words = ["log", "--fixed-strings", &grep, &most];
    let form = ["--format=%H %B%x00", &branch.reference(), "--"].map(str::to_owned);
    let form: Vec<&str> = form.iter().map(String::as_str).collect();
    if branch.remote().is_none() {
        return Vec::new();
    }
    let listed = branch.git().find(&[&words[..], &form].concat());
    let listed = listed.ok().flatten().unwrap_or_default();
    let runs = listed.split('\0').filter_map(|commit| {
        let (own, said) = commit.trim_start().split_once(' ')?;
        let base = said.lines().find_map(|text| text.strip_prefix(&line))?;
        run(base, own)
    });
    let mut runs: Vec<Run> = runs.collect();
    runs.reverse();
    runs
}

fn noted(branch: &Branch, work: &str) -> Vec<Run> {
    let text = fs::read_to_string(file(branch, work)).unwrap_or_default();
    let runs = text.lines().filter_map(|line| {
        let (base, own) = line.split_once(' ')?;
        run(base, own)
    });
    runs.collect()
}

fn run(base: &str, own: &str) -> Option<Run> {
    let is_commit = |text: &str| text.len() >= 40 && text.chars().all(|c| c.is_ascii_hexdigit());
    (is_commit(base) && is_commit(own)).then(|| Run {
        base: base.to_owned(),
        own: own.to_owned(),
    })
}

/// Whether any work has committed something.
pub(super) fn are_there(branch: &Branch) -> Result<bool, WorkspaceError> {
    let names = branch.notes()?;
    Ok(names.iter().any(|name| name.ends_with(ENDING)))
}

fn file(branch: &Branch, work: &str) -> PathBuf {
    branch.note(&format!("{}{ENDING}", folder_name(work)))
}
