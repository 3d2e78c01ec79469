//! `clone_repo`: brings a repository onto the worker's disk.
//!
//! Always so: work that is already there is never destroyed: an existing checkout is fast-forwarded or left as it is.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use millwright_core::catalog::scripts::clone_repo::{Args, Output};
use serde_json::json;

use super::git::{Address, Git};
use super::{StepError, project};
use crate::host::{Host, Processes};
use crate::workspace::check_branch;

/// Cloning or fetching gets this long.
const TRANSFER_LIMIT: Duration = Duration::from_mins(5);
/// A look into a checkout gets this long.
const LOOK_LIMIT: Duration = Duration::from_secs(30);
/// How much history a clone brings along.
const DEPTH: &str = "--depth=100";
/// The folder for checkouts.
const CHECKOUTS: &str = "TASKSGODZILLA_PROJECTS_ROOT";

/// Clones, or brings the checkout up to date.
///
/// # Errors
/// When an argument cannot be used, when git fails, and when the folder holds something else.
pub(super) async fn run<H: Host + Processes>(args: Args, host: &H) -> Result<Output, StepError> {
    let address = Address::parse(&args.repo_url)
        .map_err(|problem| StepError::bad_argument("repo_url", problem))?;
    check_branch(&args.branch).map_err(|problem| StepError::bad_argument("branch", problem))?;
    let target = target(args.workspace_path.as_deref(), &address, host)?;
    let git = Git::new(host, &address);
    if is_free(&target)? {
        clone(&git, &address, &args.branch, &target).await?;
    } else {
        update(&git, &address, &args.branch, &target).await?;
    }
    let commit = git
        .run(Some(&target), &["rev-parse", "HEAD"], LOOK_LIMIT)
        .await?;
    let path = target.display().to_string();
    project::record(host, args.project_id, &json!({"local_path": path})).await?;
    Ok(Output {
        success: true,
        path,
        commit,
        repo_name: address.repository_name().to_owned(),
        branch: args.branch,
    })
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
