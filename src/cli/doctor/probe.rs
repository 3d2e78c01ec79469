//! What a job on Windmill sees: its environment, the refs API from there, the programs of its worker.
//!
//! Always so: one job is started, it has an end or is cancelled, and it tells which variables are set, never what they hold.

use std::sync::OnceLock;
use std::time::Duration;

use millwright_core::refs::JobId;
use serde::Deserialize;

use super::check::{Check, in_time};
use super::deployed::Deployed;
use super::machine;
use crate::deploy::Place;
use crate::windmill::{Client, Ended, ItemKind, WindmillError};

/// The job itself.
pub(super) const JOB: &str = "a job on Windmill";
const ENVIRONMENT: &str = "jobs' environment";
const API: &str = "refs API from a job";
const STEP: &str = "step executable there";
const GIT: &str = "git there";

/// What the job runs.
const SCRIPT: &str = include_str!("probe.sh");
/// So long it may wait for a worker, and run.
const PATIENCE: Duration = Duration::from_secs(40);
const SET_URL: &str =
    "run `millwright deploy --apply --api-url URL`, with the address as workers reach it";

/// What the job tells.
#[derive(Debug, Clone, Deserialize)]
struct Seen {
    api_url: bool,
    api_token: bool,
    /// The status with which the API answers; nothing where it was not asked.
    answer: String,
    step: String,
    git: String,
    curl: String,
}

/// The job, once it was started.
#[derive(Default)]
pub(super) struct Started(OnceLock<(Client, JobId)>);

impl Started {
    /// Has Windmill end it, where there is one, and tells what came of that. One that has ended stays as it is.
    pub(super) async fn cancel(&self, reason: &str) -> String {
        let Some((client, job)) = self.0.get() else {
            return String::new();
        };
        let reason = format!("millwright doctor: {reason}");
        match in_time(client.cancel(*job, &reason)).await {
            Ok(()) => format!("; the job {job} was cancelled"),
            Err(error) => format!("; the job {job} could not be cancelled: {error}"),
        }
    }
}

/// Starts the job, and judges what it tells.
pub(super) async fn look(client: &Client, place: &Place, started: &Started) -> Vec<Check> {
    let job = match in_time(client.preview("bash", SCRIPT)).await {
        Ok(job) => job,
        Err(message) => {
            let advice = "the token's user has to be allowed to run previews of scripts";
            return vec![Check::wrong(JOB, message, advice)];
        }
    };
    let (client, job) = started.0.get_or_init(|| (client.clone(), job));
    let ended = match tokio::time::timeout(PATIENCE, follow(client, *job)).await {
        Ok(Ok(ended)) => ended,
        Ok(Err(error)) => return vec![given_up(started, &error.to_string()).await],
        Err(_) => {
            let reason = format!("it has not ended in {} s", PATIENCE.as_secs());
            return vec![given_up(started, &reason).await];
        }
    };
    let took = format!("it ran on a worker in {:.1} s", ended.took.as_secs_f64());
    let Ok(seen) = Seen::deserialize(&ended.result) else {
        let says = format!("it failed: {}", crate::mill::line_of(&ended.result));
        let advice = "look at its log among the workspace's runs";
        return vec![Check::wrong(JOB, says, advice)];
    };
    let (has_secret, here, deployed) = tokio::join!(
        has_secret(client, place),
        machine::step_version(),
        Deployed::read(client, place),
    );
    let mut checks = vec![Check::ok(JOB, took)];
    checks.extend(judge(&seen, has_secret, here.as_deref(), &deployed));
    checks
}

/// The job is of no more use: it is not to wait for a worker for ever.
async fn given_up(started: &Started, reason: &str) -> Check {
    let says = format!("{reason}{}", started.cancel(reason).await);
    let advice = "look at it among the workspace's runs: does a worker take the tag bash?";
    Check::wrong(JOB, says, advice)
}

async fn follow(client: &Client, job: JobId) -> Result<Box<Ended>, WindmillError> {
    let (_, mut updates) = client.updates(job).await?;
    loop {
        if let Some(ended) = updates.next().await?.ended {
            return Ok(ended);
        }
    }
}

/// Whether scripts are given the token by reference.
async fn has_secret(client: &Client, place: &Place) -> bool {
    let found = client.item(ItemKind::Variable, &place.token()).await;
    found.is_ok_and(|variable| variable.is_some())
}

fn judge(
    seen: &Seen,
    has_secret: bool,
    step_here: Option<&str>,
    deployed: &Deployed,
) -> Vec<Check> {
    vec![
        environment(seen, has_secret),
        api(seen),
        step(seen, step_here, deployed),
        git(&seen.git),
    ]
}

fn environment(seen: &Seen, has_secret: bool) -> Check {
    let token = match (seen.api_token, has_secret) {
        (true, _) => "TASKSGODZILLA_API_TOKEN too",
        (false, true) => "scripts get the token from a secret variable",
        (false, false) => "",
    };
    if !seen.api_url {
        return Check::wrong(
            ENVIRONMENT,
            "TASKSGODZILLA_API_URL does not reach jobs",
            SET_URL,
        );
    }
    if token.is_empty() {
        return Check::warning(
            ENVIRONMENT,
            "TASKSGODZILLA_API_URL reaches jobs; no token does, nor is there a secret variable",
            "where the API asks for a token: run `millwright deploy --apply` with TASKSGODZILLA_API_TOKEN set",
        );
    }
    Check::ok(
        ENVIRONMENT,
        format!("TASKSGODZILLA_API_URL reaches jobs; {token}"),
    )
}

fn api(seen: &Seen) -> Check {
    match seen.answer.as_str() {
        "" => Check::skipped(API, "jobs do not know where it is"),
        "unknown" => Check::skipped(API, "the worker has neither curl nor wget to try it with"),
        "200" => Check::ok(API, "it answers"),
        "000" => Check::wrong(
            API,
            "it does not answer",
            "is the address one that workers reach? 127.0.0.1 means the worker itself; `millwright serve --listen` says where the API listens",
        ),
        status => Check::wrong(
            API,
            format!("TASKSGODZILLA_API_URL answers {status}, and is no refs API"),
            SET_URL,
        ),
    }
}

/// Whether the deployed scripts come to what they run.
fn step(seen: &Seen, here: Option<&str>, deployed: &Deployed) -> Check {
    let there = seen.step.as_str();
    match deployed {
        Deployed::Path if there.is_empty() => Check::wrong(
            STEP,
            "not on the worker's PATH, from where the deployed scripts call it",
            "put it into the workers' image, or deploy with --packaging native",
        ),
        Deployed::Native(_) if deployed.names(there) => Check::ok(STEP, there),
        Deployed::Native(_) if seen.curl.is_empty() => Check::wrong(
            STEP,
            "not on the worker's PATH as the deployed scripts want it, and there is no curl, by which they fetch it",
            "install curl in the workers' image, or put the executable there",
        ),
        Deployed::Native(_) => Check::ok(STEP, "the deployed scripts fetch it"),
        Deployed::Unknown if there.is_empty() => Check::ok(
            STEP,
            "not on the worker's PATH: scripts that are packaged as native fetch it",
        ),
        Deployed::Path | Deployed::Unknown => of_version(there, here),
    }
}

fn of_version(there: &str, here: Option<&str>) -> Check {
    match here {
        Some(here) if here != there => Check::warning(
            STEP,
            format!("the worker has {there}, this machine {here}"),
            "put this one on the workers, or deploy with --packaging native",
        ),
        _ => Check::ok(STEP, there),
    }
}

fn git(version: &str) -> Check {
    if version.is_empty() {
        let says = "the worker has none: engines that work in a repository fail there";
        Check::warning(GIT, says, "install git in the workers' image")
    } else {
        Check::ok(GIT, version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::check::Status;

    fn seen() -> Seen {
        Seen {
            api_url: true,
            api_token: true,
            answer: "200".to_owned(),
            step: "millwright-step 1".to_owned(),
            git: "git version 2".to_owned(),
            curl: "curl 8".to_owned(),
        }
    }

    fn statuses(seen: &Seen, has_secret: bool) -> Vec<Status> {
        let here = Some("millwright-step 1");
        let checks = judge(seen, has_secret, here, &Deployed::Unknown);
        checks.iter().map(|check| check.status).collect()
    }

    #[test]
    fn what_a_job_lacks_is_told_apart() {
        use Status::{Ok, Skipped, Warning, Wrong};
        assert_eq!(statuses(&seen(), false), [Ok, Ok, Ok, Ok]);
        let mut bare = Seen {
            api_url: false,
            api_token: false,
            answer: String::new(),
            step: String::new(),
            git: String::new(),
            curl: String::new(),
        };
        assert_eq!(statuses(&bare, false), [Wrong, Skipped, Ok, Warning]);
        bare.api_url = true;
        for (answer, expected) in [("000", Wrong), ("404", Wrong), ("unknown", Skipped)] {
            bare.answer = answer.to_owned();
            assert_eq!(statuses(&bare, false)[..2], [Warning, expected]);
        }
        assert_eq!(statuses(&bare, true)[0], Ok);
        let mut other = seen();
        other.step = "millwright-step 2".to_owned();
        assert_eq!(statuses(&other, false)[2], Warning);
    }

    #[test]
    fn a_worker_needs_what_the_deployed_scripts_call() {
        use Status::{Ok, Warning, Wrong};
        let native = Deployed::Native("find_step 'millwright-step 1' 00".to_owned());
        let mut on_worker = seen();
        let mut is = |there: &str, curl: &str| {
            (on_worker.step, on_worker.curl) = (there.to_owned(), curl.to_owned());
            [&Deployed::Path, &native].map(|deployed| {
                let here = Some("millwright-step 1");
                step(&on_worker, here, deployed).status
            })
        };
        assert_eq!(is("millwright-step 1", ""), [Ok, Ok]);
        assert_eq!(is("millwright-step 2", "curl 8"), [Warning, Ok]);
        assert_eq!(is("millwright-step 2", ""), [Warning, Wrong]);
        assert_eq!(is("", "curl 8"), [Wrong, Ok]);
        assert_eq!(is("", ""), [Wrong, Wrong]);
    }
}
