//! From changed files to a commit on the protocol's branch.
//!
//! Always so: the branch moves only from where it stood when the merge was made; what cannot be merged has a branch of
//! its own before the worktree is used again.

use super::branch::Branch;
use super::git::Git;
use super::remote::Pushed;
use super::slot::Slot;
use super::work::Work;
use super::{WorkspaceError, changes, files, nested};
use crate::files::write_whole;

/// The files that checks report in, in a protocol's folder.
const REPORTS: &str = "quality-report*.md";
/// So often is merged anew when others have pushed in between.
const TRIES: usize = 20;
/// How files that every step writes are merged: the log has both, and where a protocol stands is what the later one says.
const ATTRIBUTES: &str = "/.protocols/*/log.md merge=union\n/.protocols/*/context.md merge=ours\n";

/// Commits what was done in a worktree, and merges it.
pub(super) fn settle(
    branch: &Branch,
    slot: &Slot,
    work: &Work,
    message: &str,
) -> Result<(), WorkspaceError> {
    slot.git.run(&["checkout", "--quiet", "--detach"])?;
    nested::refuse_unkept(branch, slot)?;
    let record = changes::record(branch, slot, work)?;
    commit(branch, slot, message, record.as_deref())?;
    let _lock = branch.lock()?;
    put_on_record(branch, slot, work, &branch.tip()?)?;
    merge_and_publish(branch, slot, work)?;
    if slot.nth != 0 && branch.is_ignored()? {
        let from = slot.folder().join(&branch.protocol_folder);
        files::copy_tree(&from, &branch.folder(0).join(&branch.protocol_folder))?;
    }
    slot.done()
}

/// Merges until what is merged is in the repository, where the branch is shared, and on the branch here.
fn merge_and_publish(branch: &Branch, slot: &Slot, work: &Work) -> Result<(), WorkspaceError> {
    for _ in 0..TRIES {
        let tip = branch.tip()?;
        if !slot
            .git
            .holds(&["merge-base", "--is-ancestor", &tip, "HEAD"])?
        {
            merge(branch, slot, work.name(), &tip)?;
        }
        let head = slot.head()?;
        if branch.publish(&head, &tip)? == Pushed::Done {
            return advance(branch, Some(slot), &tip, &head);
        }
    }
    Err(branch.too_late())
}

/// Remembers what the work itself has committed, before anything is merged into it.
fn put_on_record(
    branch: &Branch,
    slot: &Slot,
    work: &Work,
    tip: &str,
) -> Result<(), WorkspaceError> {
    let own = slot.head()?;
    let base = slot.git.run(&["merge-base", &own, tip])?;
    if base == own {
        return Ok(());
    }
    changes::note(branch, work.key(), base, own)
}

/// Commits everything that was changed, but for reports of checks. A record is committed with what else the branch lacks.
pub(super) fn commit(
    branch: &Branch,
    slot: &Slot,
    message: &str,
    record: Option<&str>,
) -> Result<(), WorkspaceError> {
    slot.git.run(&["add", "--all", "--", "."])?;
    let [own, all] = reports(branch, "");
    slot.git.run(&["reset", "--quiet", "--", &own, &all])?;
    let is_same = slot.git.holds(&["diff", "--cached", "--quiet"])?;
    if is_same && (record.is_none() || slot.is_behind(&branch.tip()?)?) {
        return Ok(());
    }
    let author = slot.git.author()?;
    let mut words: Vec<&str> = author.iter().map(String::as_str).collect();
    words.extend([
        "commit",
        "--quiet",
        "--no-verify",
        "--allow-empty",
        "--cleanup=whitespace",
        "-m",
        message,
    ]);
    words.extend(record.into_iter().flat_map(|record| ["-m", record]));
    slot.git.run(&words)?;
    Ok(())
}

/// The reports of checks are not part of the work: two checks at once would conflict.
/// Gives the patterns that mean them, each with `how` in front, such as `exclude,`.
pub(super) fn reports(branch: &Branch, how: &str) -> [String; 2] {
    let own = escaped(&branch.protocol_folder.display().to_string());
    [
        format!(":({how}glob){own}/{REPORTS}"),
        format!(":({how}glob).protocols/*/{REPORTS}"),
    ]
}

/// A folder's name where a pattern is expected.
fn escaped(folder: &str) -> String {
    let special = |c: char| "*?[\\".contains(c);
    let mut text = String::new();
    for c in folder.chars() {
        text.extend(special(c).then_some('\\'));
        text.push(c);
    }
    text
}

fn merge(branch: &Branch, slot: &Slot, work: &str, tip: &str) -> Result<(), WorkspaceError> {
    let own = slot.head()?;
    let message = format!("Merge {} into {work}", branch.name());
    let author = slot.git.author()?;
    let attributes = branch.note("attributes");
    write_whole(&attributes, ATTRIBUTES.as_bytes())
        .map_err(|error| WorkspaceError::file(&attributes, error))?;
    let attributes = format!("core.attributesFile={}", attributes.display());
    let mut words: Vec<&str> = author.iter().map(String::as_str).collect();
    words.extend(["-c", &attributes, "-c", "merge.ours.driver=true"]);
    words.extend([
        "merge",
        "--quiet",
        "--no-verify",
        "--no-ff",
        "-m",
        &message,
        tip,
    ]);
    let Err(error) = slot.git.run(&words) else {
        return Ok(());
    };
    let listed = slot
        .git
        .run(&["diff", "--name-only", "--diff-filter=U", "-z"])?;
    let files: Vec<String> = listed
        .split('\0')
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect();
    if files.is_empty() {
        return Err(error);
    }
    slot.git.run(&["merge", "--abort"])?;
    // Other machines keep theirs in the same repository.
    let mark = branch.remote().map(|_| format!("-{own:.8}"));
    let kept = branch.keep(&own, work, &mark.unwrap_or_default())?;
    branch.publish_kept(&own, &kept);
    slot.go_to(tip)?;
    slot.done()?;
    Err(WorkspaceError::Conflict {
        work: work.to_owned(),
        branch: branch.name().to_owned(),
        files,
        kept,
    })
}

/// Moves the branch from `tip` to `head`, and takes the first worktree along where nobody works in it. `slot` is the worktree
/// that is held already, where one is.
pub(super) fn advance(
    branch: &Branch,
    slot: Option<&Slot>,
    tip: &str,
    head: &str,
) -> Result<(), WorkspaceError> {
    let own = slot.filter(|slot| slot.nth == 0);
    let first = if own.is_some() {
        None
    } else {
        Slot::free(branch, 0)?.filter(Slot::is_made)
    };
    let mut follows = own.is_some();
    if let Some(first) = &first {
        follows = first.worker().is_none() && first.is_clean(branch)?;
        first.git.run(&["checkout", "--quiet", "--detach"])?;
    }
    if own.is_none() && first.is_none() {
        leave_branch(branch, tip)?;
    }
    branch
        .git()
        .run(&["update-ref", &branch.reference(), head, tip])?;
    if let Some(first) = first.as_ref().or(own).filter(|_| follows) {
        first
            .git
            .run(&["checkout", "--quiet", branch.name(), "--"])?;
    }
    Ok(())
}

/// Takes the first worktree off the branch while someone still holds it whose work is merged: with the branch moved under it,
/// what is new would look as if it had been removed there.
fn leave_branch(branch: &Branch, tip: &str) -> Result<(), WorkspaceError> {
    let folder = branch.folder(0);
    if !folder.join(".git").exists() {
        return Ok(());
    }
    let first = Git::at(&folder);
    if first.find(&["symbolic-ref", "--quiet", "HEAD"])? == Some(branch.reference()) {
        first.run(&["update-ref", "--no-deref", "HEAD", tip])?;
    }
    Ok(())
}
