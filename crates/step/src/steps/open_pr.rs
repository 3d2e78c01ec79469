//! `open_pr`: pushes a protocol's branch and opens a pull request.
//!
//! Always so: nothing is committed or forced, a request that is open is found and not doubled, and a token goes to the forge
//! alone: neither into an argument nor an address nor a message.

mod answer;
mod forge;
mod opened;
mod programs;
mod rest;

use millwright_core::catalog::scripts::open_pr::{Args, Output};
use millwright_core::catalog::{Object, Script};
use millwright_core::protocol::{
    Project, ProtocolRun, PullRequestOutcome as Outcome, PullRequestReport,
};

use super::registration::{Belongs, params, registered};
use super::{StepError, job};
use crate::client::{Client, ClientError};
use crate::host::{Host, NativeHost};
use crate::workspace::Address;
use crate::workspace::{Options, Place, Publication, publication};
use forge::Forge;
use opened::{Draft, Found, Opener};

/// Forges take no longer title.
const LONGEST_TITLE: usize = 250;
/// So long a text is handed over; GitHub takes 65,536 characters.
const LONGEST_TEXT: usize = 60_000;
/// So many lines of the plan are the text where nobody gives one.
const PLAN_LINES: usize = 5;

/// Pushes and opens.
///
/// # Errors
/// When there is nothing to push, nowhere to open it, and when git, the forge or the API refuses.
pub(super) async fn run(args: Args, host: &NativeHost) -> Result<Output, StepError> {
    let belongs = Belongs {
        protocol_run_id: Some(args.protocol_run_id),
        ..Belongs::default()
    };
    let given = params([("protocol_run_id", args.protocol_run_id.into())]);
    registered(host, Args::NAME, belongs, given, open(&args, host)).await
}

async fn open(args: &Args, host: &NativeHost) -> Result<Output, StepError> {
    let clock = host.now();
    let client = Client::protocols(host)?;
    let run = client.protocol(args.protocol_run_id).await?;
    let begun = client.report_pull_request(run.id, &begins(host)).await;
    warn_unless(host, begun);
    let project = client.project(run.project_id).await?;
    let outcome = attempt(args, &run, &project, host).await;
    let report = match &outcome {
        Ok((_, report)) => report.clone(),
        Err(failure) => failure.report(&project),
    };
    let kept = client.report_pull_request(run.id, &report).await;
    let (provider, report) = outcome.map_err(Failure::into_error)?;
    // It is open all the same.
    warn_unless(host, kept);
    host.log(&report.message);
    Ok(Output {
        success: true,
        provider: provider.to_owned(),
        pr_number: report.number,
        pr_url: report.url,
        status: "open".to_owned(),
        duration_seconds: host.now().saturating_sub(clock).as_secs_f64(),
    })
}

fn begins(host: &NativeHost) -> PullRequestReport {
    PullRequestReport {
        outcome: Outcome::Enqueued,
        message: "A job begins to open a pull request.".to_owned(),
        branch: None,
        url: None,
        number: None,
        git_url: None,
        pushed: None,
        job_id: host.env(job::JOB),
    }
}

fn warn_unless(host: &NativeHost, told: Result<ProtocolRun, ClientError>) {
    if let Err(error) = told {
        host.log(&format!(
            "warning: the protocol does not know of it: {error}"
        ));
    }
}

async fn attempt(
    args: &Args,
    run: &ProtocolRun,
    project: &Project,
    host: &NativeHost,
) -> Result<(&'static str, PullRequestReport), Failure> {
    let options = Options::read(|name| host.env(name));
    let published = find(run, project, &options)?;
    let failed = |message: &str| Failure::of(&published, message);
    let (remote, address) = remote(&published)?;
    refuse_nothing(&published)?;
    let forge = Forge::of(&address, |name| host.env(name));
    let pushed = published.push(
        &remote,
        forge.as_ref().map(Forge::push_settings).unwrap_or_default(),
    );
    pushed.map_err(|error| {
        let said = address.strike_from(&error.to_string());
        failed(
            &forge
                .as_ref()
                .map_or(said.clone(), |forge| forge.without_secret(&said)),
        )
    })?;
    let and_then = |problem: String| {
        let branch = published.branch();
        Failure {
            pushed: Some(true),
            ..failed(&format!("{branch} is pushed to {remote}, but {problem}"))
        }
    };
    let forge = forge.map_err(and_then)?;
    let draft = draft(args, run, &published);
    let opener = Opener {
        forge: &forge,
        host,
        draft: &draft,
    };
    let found = opener.open().await.map_err(|problem| Failure {
        compare_url: Some(forge.compare_url(&draft.branch, &draft.base)),
        provider: Some(forge.name()),
        ..and_then(problem)
    })?;
    Ok((forge.name(), report(found, &draft.branch, &address)))
}

fn find(run: &ProtocolRun, project: &Project, options: &Options) -> Result<Publication, Failure> {
    let found = publication(&Place::of_run(run, project), options);
    let found = found.map_err(|error| Failure {
        outcome: Outcome::Failed,
        ..Failure::nothing(&error.to_string())
    })?;
    found.ok_or_else(|| {
        Failure::nothing(
            "there is no branch of this protocol here: its steps commit to one where the project's \
             local_path is a git checkout on this machine",
        )
    })
}

fn remote(published: &Publication) -> Result<(String, Address), Failure> {
    let failed = |message: &str| Failure::of(published, message);
    let found = published
        .remote()
        .map_err(|error| failed(&error.to_string()))?;
    let (name, address) = found.ok_or_else(|| Failure {
        outcome: Outcome::Skipped,
        pushed: Some(false),
        ..failed(
            "the checkout has no remote to push to: add one by `git remote add origin <address>`",
        )
    })?;
    let address = Address::parse(&address).map_err(|problem| {
        failed(&format!(
            "the address of the remote {name} cannot be used: {problem}"
        ))
    })?;
    Ok((name, address))
}

fn refuse_nothing(published: &Publication) -> Result<(), Failure> {
    let failed = |message: &str| Failure::of(published, message);
    let ahead = published.is_ahead();
    if ahead.map_err(|error| failed(&error.to_string()))? {
        return Ok(());
    }
    let (branch, base) = (published.branch(), published.base_branch());
    Err(failed(&format!(
        "{branch} has no commits that {base} has not"
    )))
}

fn draft(args: &Args, run: &ProtocolRun, published: &Publication) -> Draft {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
    let title =
        given(&args.title).unwrap_or_else(|| format!("[DevGodzilla] {}", run.protocol_name));
    let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
    let plan = || {
        let plan = published.plan().ok().flatten()?;
        let lines: Vec<&str> = plan
            .lines()
            .filter(|line| !line.trim().is_empty())
            .take(PLAN_LINES)
            .collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    };
    let text = given(&args.description)
        .or_else(plan)
        .or_else(|| run.description.clone());
    Draft {
        title: beginning(&title, LONGEST_TITLE),
        text: beginning(&text.unwrap_or_default(), LONGEST_TEXT),
        branch: published.branch().to_owned(),
        base: published.base_branch().to_owned(),
        unfinished: args.draft,
    }
}

fn report(found: Found, branch: &str, address: &Address) -> PullRequestReport {
    let (outcome, how) = if found.was_open {
        (Outcome::Exists, "is open already")
    } else {
        (Outcome::Opened, "is open")
    };
    PullRequestReport {
        outcome,
        message: format!(
            "Pull request {} of {branch} {how}: {}",
            found.number, found.url
        ),
        branch: Some(branch.to_owned()),
        url: Some(found.url),
        number: Some(found.number),
        git_url: Some(address.shown().to_owned()),
        pushed: Some(true),
        job_id: None,
    }
}

/// Why there is no pull request.
struct Failure {
    outcome: Outcome,
    message: String,
    branch: Option<String>,
    provider: Option<&'static str>,
    pushed: Option<bool>,
    /// Where a person can open it.
    compare_url: Option<String>,
}

impl Failure {
    fn of(published: &Publication, message: &str) -> Self {
        Self {
            outcome: Outcome::Failed,
            branch: Some(published.branch().to_owned()),
            ..Self::nothing(message)
        }
    }

    /// There is nothing that it could be opened from.
    fn nothing(message: &str) -> Self {
        Self {
            outcome: Outcome::Skipped,
            message: message.to_owned(),
            branch: None,
            provider: None,
            pushed: None,
            compare_url: None,
        }
    }

    fn report(&self, project: &Project) -> PullRequestReport {
        let address = project.git_url.as_deref();
        let address = address.and_then(|text| Address::parse(text).ok());
        PullRequestReport {
            outcome: self.outcome,
            message: format!("No pull request was opened: {}", self.message),
            branch: self.branch.clone(),
            url: None,
            number: None,
            git_url: address.map(|address| address.shown().to_owned()),
            pushed: self.pushed,
            job_id: None,
        }
    }

    fn into_error(self) -> StepError {
        let details = [
            ("branch", self.branch),
            ("provider", self.provider.map(str::to_owned)),
            ("compare_url", self.compare_url.clone()),
        ];
        let known = |(key, value): (&str, Option<String>)| Some((key.to_owned(), value?.into()));
        let by_hand = self
            .compare_url
            .map(|url| format!("; open it by hand: {url}"));
        StepError::Failed {
            message: format!("{}{}", self.message, by_hand.unwrap_or_default()),
            details: details.into_iter().filter_map(known).collect::<Object>(),
        }
    }
}

fn beginning(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(most)])
}
