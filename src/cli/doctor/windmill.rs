//! Windmill, as this machine sees it: server, workspace, workers; and what a job there sees.
//!
//! Always so: what depends on something that is wrong is skipped.

use super::check::{Check, in_time};
use super::probe::{self, Started};
use crate::cli::CommandError;
use crate::cli::windmill_args::WindmillArgs;
use crate::deploy::Place;
use crate::windmill::{Client, WindmillError, Worker};

const SERVER: &str = "Windmill";
const WORKSPACE: &str = "Windmill's workspace";
const WORKERS: &str = "Windmill's workers";
const SET_TOKEN: &str =
    "set WMILL_TOKEN or TASKSGODZILLA_WINDMILL_TOKEN to a token of that workspace";
/// The oldest version whose routes are used here.
const OLDEST: (u32, u32) = (1, 500);
/// What kinds of jobs flows and scripts of ours need workers for.
const TAGS: [&str; 4] = ["flow", "dependency", "bash", "bun"];
/// A worker that was not heard of for so many seconds is not there.
const SILENCE: f64 = 60.0;

/// What can be seen of it; with `job`, also from inside a job.
pub(super) async fn look(args: &WindmillArgs, place: &Place, job: Option<&Started>) -> Vec<Check> {
    let client = match args.named_client() {
        Ok(Some(client)) => client,
        Ok(None) => {
            let says = "none is named: use --base-url, TASKSGODZILLA_WINDMILL_URL, or a profile of `wmill workspace add`";
            return vec![Check::skipped(SERVER, says)];
        }
        Err(CommandError { message, .. }) => {
            return vec![Check::wrong(SERVER, message, "name another Windmill")];
        }
    };
    let server = server(&client).await;
    if server.advice.is_some() {
        return vec![server, unseen(WORKSPACE), unseen(WORKERS)];
    }
    let workspace = workspace(&client).await;
    if workspace.advice.is_some() {
        return vec![server, workspace, unseen(WORKERS)];
    }
    let (workers, runs_bash) = workers(&client).await;
    let jobs = match job {
        None => vec![Check::skipped(probe::JOB, "--no-job starts none")],
        Some(_) if !runs_bash => vec![unseen(probe::JOB)],
        Some(started) => probe::look(&client, place, started).await,
    };
    [server, workspace, workers]
        .into_iter()
        .chain(jobs)
        .collect()
}

fn unseen(name: &'static str) -> Check {
    Check::skipped(name, "first what is wrong above")
}

async fn server(client: &Client) -> Check {
    let address = client.connection().address();
    let version = match in_time(client.version()).await {
        Ok(version) => version,
        Err(message) => {
            let advice = "start it, or name another with --base-url";
            return Check::wrong(SERVER, message, advice);
        }
    };
    match numbers(&version) {
        Some(numbers) if numbers >= OLDEST => Check::ok(SERVER, format!("{address} is {version}")),
        _ => {
            let (major, minor) = OLDEST;
            let says = format!("{address} is {version}, older than {major}.{minor}");
            Check::wrong(SERVER, says, "use a newer Windmill")
        }
    }
}

/// The first two numbers of a version such as `CE v1.592.1`.
fn numbers(version: &str) -> Option<(u32, u32)> {
    let start = version.find(|c: char| c.is_ascii_digit())?;
    let mut numbers = version[start..].split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

async fn workspace(client: &Client) -> Check {
    let mut is_no_windmill = false;
    let exists = in_time(async {
        let exists = client.workspace_exists().await;
        is_no_windmill = exists.as_ref().is_err_and(WindmillError::is_not_found);
        exists
    });
    match exists.await {
        Ok(true) => user(client).await,
        Ok(false) => Check::wrong(
            WORKSPACE,
            format!(
                "there is no workspace {:?}",
                client.connection().workspace()
            ),
            "name one that is there with --workspace: its id, not its title",
        ),
        Err(message) if is_no_windmill => Check::wrong(
            WORKSPACE,
            message,
            "the address may be no Windmill's: name another with --base-url",
        ),
        Err(message) => Check::wrong(WORKSPACE, message, SET_TOKEN),
    }
}

/// Whom the workspace takes the token for.
async fn user(client: &Client) -> Check {
    let name = client.connection().workspace();
    match in_time(client.whoami()).await {
        Ok(identity) => {
            let may = if identity.is_admin {
                ", who may change everything"
            } else {
                ""
            };
            Check::ok(
                WORKSPACE,
                format!("{name} knows the token: {}{may}", identity.username),
            )
        }
        Err(message) => Check::wrong(WORKSPACE, message, SET_TOKEN),
    }
}

/// The check, and whether a job in bash can be expected to run.
async fn workers(client: &Client) -> (Check, bool) {
    let listing = async {
        match client.workers().await {
            // Not everyone may list them.
            Err(WindmillError::Unauthorized { .. }) => Ok(None),
            listed => listed.map(Some),
        }
    };
    match in_time(listing).await {
        Ok(Some(workers)) => judge(&workers),
        Ok(None) => (Check::skipped(WORKERS, "the token may not list them"), true),
        Err(message) => (
            Check::wrong(WORKERS, message, "look at the server's own log"),
            false,
        ),
    }
}

fn judge(workers: &[Worker]) -> (Check, bool) {
    let is_alive = |worker: &&Worker| worker.last_ping.is_none_or(|seconds| seconds < SILENCE);
    let alive: Vec<&Worker> = workers.iter().filter(is_alive).collect();
    let takes = |worker: &Worker, tag: &str| {
        let tags = worker.custom_tags.as_ref();
        tags.is_none_or(|tags| tags.iter().any(|own| own == tag))
    };
    let is_missing = |tag: &&str| !alive.iter().any(|worker| takes(worker, tag));
    let missing: Vec<&str> = TAGS.into_iter().filter(is_missing).collect();
    (told(&alive, &missing), !missing.contains(&"bash"))
}

fn told(alive: &[&Worker], missing: &[&str]) -> Check {
    if alive.is_empty() {
        let advice = "start a worker: `windmill` with MODE=worker";
        return Check::wrong(WORKERS, "none has been heard of for a minute", advice);
    }
    let groups: std::collections::BTreeSet<&str> = alive
        .iter()
        .map(|worker| worker.worker_group.as_str())
        .collect();
    let groups = Vec::from_iter(groups).join(", ");
    let says = format!("{} alive, in {groups}", alive.len());
    if missing.is_empty() {
        return Check::ok(WORKERS, format!("{says}; they take {}", TAGS.join(", ")));
    }
    let missing = missing.join(", ");
    Check::wrong(
        WORKERS,
        format!("{says}; none takes jobs with the tag {missing}"),
        format!(
            "give a worker group the tag {missing}, in Windmill's settings of workers or by WORKER_TAGS"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::check::Status;

    fn worker(tags: &[&str], last_ping: f64) -> Worker {
        Worker {
            worker: "w".to_owned(),
            worker_group: "default".to_owned(),
            custom_tags: Some(tags.iter().map(|tag| (*tag).to_owned()).collect()),
            last_ping: Some(last_ping),
        }
    }

    #[test]
    fn a_version_is_read_out_of_what_is_around_it() {
        assert_eq!(numbers("CE v1.592.1"), Some((1, 592)));
        assert_eq!(numbers("EE v1.600.0-8-gabc"), Some((1, 600)));
        assert_eq!(numbers("v2"), None);
        assert_eq!(numbers("Windmill"), None);
    }

    #[test]
    fn every_tag_needs_a_worker_that_is_alive() {
        assert_eq!(judge(&[worker(&TAGS, 1.0)]).0.status, Status::Ok);
        let parted = [
            worker(&["bash", "flow"], 1.0),
            worker(&["bun", "dependency"], 1.0),
        ];
        assert_eq!(judge(&parted).0.status, Status::Ok);
        let gone = [
            worker(&["bash", "flow", "dependency"], 1.0),
            worker(&["bun"], 90.0),
        ];
        let (check, runs_bash) = judge(&gone);
        assert_eq!(
            check.says,
            "1 alive, in default; none takes jobs with the tag bun"
        );
        assert!(runs_bash, "what a job sees is told all the same");
        let (check, runs_bash) = judge(&gone[1..]);
        assert_eq!((check.status, runs_bash), (Status::Wrong, false));
    }
}
