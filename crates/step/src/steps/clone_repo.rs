//! `clone_repo`: brings a repository onto the worker's disk.
//!
//! Always so: work that is already there is never destroyed: an existing checkout is fast-forwarded or left as it is.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use millwright_core::catalog::scripts::clone_repo::{Args, Output};
use millwright_core::protocol::{SetupFact, split_secret};
use serde_json::json;

use super::git::Git;
use super::setup::Setup;
use super::{StepError, project};
use crate::host::{Host, Processes};
use crate::runner::is_off;
use crate::workspace::{Address, check_branch, committer};

/// Cloning or fetching gets this long.
const TRANSFER_LIMIT: Duration = Duration::from_mins(5);
/// A look into a checkout gets this long.
const LOOK_LIMIT: Duration = Duration::from_secs(30);
/// How much history a clone brings along.
const DEPTH: &str = "--depth=100";
/// The folder for checkouts.
const CHECKOUTS: &str = "TASKSGODZILLA_PROJECTS_ROOT";
/// Whether a repository that is not there is cloned.
const AUTO_CLONE: &str = "TASKSGODZILLA_AUTO_CLONE";

/// Clones, or brings the checkout up to date.
///
/// # Errors
/// When an argument cannot be used, when git fails, and when the folder holds something else, or nothing and nobody is to
/// clone it.
pub(super) async fn run<H: Host + Processes>(args: Args, host: &H) -> Result<Output, StepError> {
    let mut setup = Setup::of(host, args.project_id);
    let outcome = bring(args, host, &mut setup).await;
    setup.conclude(outcome, false).await
}

async fn bring<H: Host + Processes>(
    args: Args,
    host: &H,
    setup: &mut Setup<'_, H>,
) -> Result<Output, StepError> {
    let address = Address::parse(&args.repo_url)
        .map_err(|problem| StepError::bad_argument("repo_url", problem))?;
    check_branch(&args.branch).map_err(|problem| StepError::bad_argument("branch", problem))?;
    let target = target(args.workspace_path.as_deref(), &address, host)?;
    let path = target.display().to_string();
    let root = checkouts(host).display().to_string();
    let place = [
        ("git_url", address.shown()),
        ("local_path", &path),
        ("projects_root", &root),
    ];
    setup.note(SetupFact::Started, "Project setup started.", &place);
    setup.tell().await?;
    let git = Git::new(host, &address);
    if is_free(&target)? {
        leave_to_people(host, &address, &path)
            .inspect_err(|error| setup.note(SetupFact::PendingClone, &error.to_string(), &place))?;
        let cloned = clone(&git, &address, &args.branch, &target).await;
        cloned
            .inspect_err(|error| setup.note(SetupFact::CloneFailed, &error.to_string(), &place))?;
        let place = [("path", &*path), ("git_url", address.shown())];
        setup.note(SetupFact::Cloned, "The repository is cloned.", &place);
    } else {
        let updated = update(&git, &address, &args.branch, &target).await;
        updated
            .inspect_err(|error| setup.note(SetupFact::CloneFailed, &error.to_string(), &place))?;
    }
    let commit = git
        .run(Some(&target), &["rev-parse", "HEAD"], LOOK_LIMIT)
        .await?;
    project::record(host, args.project_id, &json!({"local_path": path})).await?;
    tell_of_checkout(&git, &target, setup).await?;
    Ok(Output {
        success: true,
        path,
        commit,
        repo_name: address.repository_name().to_owned(),
        branch: args.branch,
    })
}

/// `TASKSGODZILLA_AUTO_CLONE` may say that people clone.
fn leave_to_people(host: &impl Host, address: &Address, path: &str) -> Result<(), StepError> {
    if !host.env(AUTO_CLONE).is_some_and(|word| is_off(&word)) {
        return Ok(());
    }
    Err(StepError::failed(format!(
        "{path} does not exist, and {AUTO_CLONE} is off: clone {} to it, or switch {AUTO_CLONE} on",
        address.shown()
    )))
}

/// Notes the folder, its remote, and in whose name commits are made there.
async fn tell_of_checkout<H: Host + Processes>(
    git: &Git<'_, H>,
    target: &Path,
    setup: &mut Setup<'_, H>,
) -> Result<(), StepError> {
    let path = target.display().to_string();
    let recorded = [("local_path", &*path)];
    setup.note(
        SetupFact::LocalPathRecorded,
        "The project's folder is recorded.",
        &recorded,
    );
    let words = ["config", "--get", "remote.origin.url"];
    let origin = git.outcome(Some(target), &words, LOOK_LIMIT).await?;
    let (origin, _) = split_secret(origin.stdout.trim());
    let remote = [("path", &*path), ("origin", &origin)];
    setup.note(
        SetupFact::GitRemote,
        &format!("origin is {origin}."),
        &remote,
    );
    let (user, email) = committer(target)?;
    let identity = [("path", &*path), ("user", &user), ("email", &email)];
    setup.note(
        SetupFact::GitIdentity,
        &format!("Commits are {user}'s."),
        &identity,
    );
    Ok(())
}

fn target(given: Option<&str>, address: &Address, host: &impl Host) -> Result<PathBuf, StepError> {
    let path = match given.filter(|path| !path.is_empty()) {
        Some(path) => PathBuf::from(path),
        None => checkouts(host).join(address.repository_name()),
    };
    std::path::absolute(&path).map_err(|error| StepError::file(&path, error))
}

fn checkouts(host: &impl Host) -> PathBuf {
    let temporary = || std::env::temp_dir().join("millwright").join("repos");
    host.env(CHECKOUTS).map_or_else(temporary, PathBuf::from)
}

/// Whether nothing is there, or an empty folder.
fn is_free(target: &Path) -> Result<bool, StepError> {
    match fs::read_dir(target) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(StepError::file(target, error)),
    }
}

/// Clones beside the target and renames, so that the target is whole or untouched.
async fn clone<H: Host + Processes>(
    git: &Git<'_, H>,
    address: &Address,
    branch: &str,
    target: &Path,
) -> Result<(), StepError> {
    let parent = target.parent().unwrap_or(target);
    fs::create_dir_all(parent).map_err(|error| StepError::file(parent, error))?;
    let draft = parent.join(format!(
        ".{}.{}.partial",
        address.repository_name(),
        std::process::id()
    ));
    let outcome = clone_to(git, address, branch, &draft).await;
    let outcome = outcome
        .and_then(|()| fs::rename(&draft, target).map_err(|error| StepError::file(target, error)));
    if outcome.is_err() {
        // Git removes it itself, unless it was killed.
        let _ = fs::remove_dir_all(&draft);
    }
    outcome
}

async fn clone_to<H: Host + Processes>(
    git: &Git<'_, H>,
    address: &Address,
    branch: &str,
    draft: &Path,
) -> Result<(), StepError> {
    let draft = draft
        .to_str()
        .ok_or_else(|| StepError::bad_argument("workspace_path", "it is not UTF-8"))?;
    let options = [
        "clone",
        "--quiet",
        DEPTH,
        "--single-branch",
        "--branch",
        branch,
        "--",
        address.shown(),
        draft,
    ];
    git.run(None, &options, TRANSFER_LIMIT).await?;
    Ok(())
}

/// Fast-forwards a checkout of the same repository and branch.
async fn update<H: Host + Processes>(
    git: &Git<'_, H>,
    address: &Address,
    branch: &str,
    target: &Path,
) -> Result<(), StepError> {
    if !target.join(".git").exists() {
        return Err(in_the_way(target, "holds files and is no git checkout"));
    }
    let origin = git
        .outcome(
            Some(target),
            &["config", "--get", "remote.origin.url"],
            LOOK_LIMIT,
        )
        .await?;
    if !address.is_same(&origin.stdout) {
        return Err(in_the_way(target, "is a checkout of another repository"));
    }
    let current = git
        .outcome(
            Some(target),
            &["symbolic-ref", "--quiet", "--short", "HEAD"],
            LOOK_LIMIT,
        )
        .await?;
    if current.stdout.trim_end() != branch {
        return Err(in_the_way(target, &format!("is not on branch {branch}")));
    }
    let wanted = format!("refs/heads/{branch}");
    git.run(
        Some(target),
        &["fetch", "--quiet", "--no-tags", "origin", &wanted],
        TRANSFER_LIMIT,
    )
    .await?;
    let merged = git
        .run(
            Some(target),
            &["merge", "--quiet", "--ff-only", "FETCH_HEAD"],
            TRANSFER_LIMIT,
        )
        .await;
    merged
        .map_err(|error| in_the_way(target, &format!("cannot be fast-forwarded: {error}")))
        .map(drop)
}

fn in_the_way(target: &Path, how: &str) -> StepError {
    StepError::failed(format!(
        "{} {how}; it is left as it is; give another workspace_path or clear it yourself",
        target.display()
    ))
}
