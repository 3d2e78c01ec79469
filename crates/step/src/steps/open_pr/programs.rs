//! `gh` and `glab`, the forges' own programs, with the logins that they have.
//!
//! Always so: they ask nobody, and no text becomes an option of theirs.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::time::Duration;

use super::answer::list;
use super::forge::Forge;
use super::opened::{Draft, Found};
use super::rest::titled;
use crate::host::{Finished, ProcessError, Processes, Program};

/// One call gets this long.
const LIMIT: Duration = Duration::from_mins(2);
/// So much of the end of what a program says is shown.
const LONGEST_TAIL: usize = 500;
/// More of a text does not fit into one argument.
const LONGEST_ARGUMENT: usize = 60_000;

/// Why a program opened nothing.
pub(super) enum ProgramFailure {
    /// It is not there.
    Missing(&'static str),
    /// It did not do it.
    Failed(String),
}

/// The request of the branch, by `gh`.
pub(super) async fn gh(
    forge: &Forge,
    draft: &Draft,
    host: &impl Processes,
) -> Result<Found, ProgramFailure> {
    let repository = format!("--repo={}/{}", forge.host, forge.path);
    let listed = [
        "pr",
        "list",
        &repository,
        "--state=open",
        "--limit=1",
        "--json=number,url",
        &format!("--head={}", draft.branch),
        &format!("--base={}", draft.base),
    ]
    .map(str::to_owned);
    let mut opened = [
        "pr",
        "create",
        &repository,
        &format!("--head={}", draft.branch),
        &format!("--base={}", draft.base),
        &format!("--title={}", draft.title),
        &format!("--body={}", bounded(&draft.text)),
    ]
    .map(str::to_owned)
    .to_vec();
    opened.extend(draft.unfinished.then(|| "--draft".to_owned()));
    through("gh", forge, host, listed.into(), opened).await
}

/// The request of the branch, by `glab`.
pub(super) async fn glab(
    forge: &Forge,
    draft: &Draft,
    host: &impl Processes,
) -> Result<Found, ProgramFailure> {
    let repository = format!("--repo=https://{}/{}", forge.host, forge.path);
    let listed = [
        "mr",
        "list",
        &repository,
        "--output=json",
        &format!("--source-branch={}", draft.branch),
        &format!("--target-branch={}", draft.base),
    ]
    .map(str::to_owned);
    let opened = [
        "mr",
        "create",
        &repository,
        "--yes",
        &format!("--source-branch={}", draft.branch),
        &format!("--target-branch={}", draft.base),
        &format!("--title={}", titled(draft)),
        &format!("--description={}", bounded(&draft.text)),
    ]
    .map(str::to_owned);
    through("glab", forge, host, listed.into(), opened.into()).await
}

/// Lists, and opens where none is listed.
async fn through(
    name: &'static str,
    forge: &Forge,
    host: &impl Processes,
    listed: Vec<String>,
    opened: Vec<String>,
) -> Result<Found, ProgramFailure> {
    let answer = call(name, host, listed.clone()).await?;
    if let Some(found) = read(name, forge, &answer.stdout)? {
        return Ok(found);
    }
    let answer = call(name, host, opened).await?;
    let text = format!("{}\n{}", answer.stdout, answer.stderr);
    if let Some(found) = last_address(&text) {
        return Ok(found);
    }
    let answer = call(name, host, listed).await?;
    let found = read(name, forge, &answer.stdout)?;
    let found = found.map(|found| Found {
        was_open: false,
        ..found
    });
    found.ok_or_else(|| ProgramFailure::Failed(format!("{name} opened nothing and says no reason")))
}

async fn call(
    name: &'static str,
    host: &impl Processes,
    arguments: Vec<String>,
) -> Result<Finished, ProgramFailure> {
    let said = [
        "GH_PROMPT_DISABLED",
        "GH_NO_UPDATE_NOTIFIER",
        "NO_COLOR",
        "NO_PROMPT",
    ];
    let words = format!("{name} {}", arguments[..2].join(" "));
    let program = Program {
        name,
        arguments,
        directory: None,
        environment: said
            .map(|name| (name.to_owned(), "1".to_owned()))
            .into_iter()
            .collect::<BTreeMap<_, _>>(),
        withheld: &["GH_DEBUG", "DEBUG"],
        limit: LIMIT,
    };
    let finished = host.run(&program).await.map_err(|error| match &error {
        ProcessError::NotStarted { reason, .. } if reason.kind() == ErrorKind::NotFound => {
            ProgramFailure::Missing(name)
        }
        _ => ProgramFailure::Failed(error.to_string()),
    })?;
    if finished.succeeded() {
        return Ok(finished);
    }
    let how = finished.code.map_or_else(
        || "was killed".to_owned(),
        |code| format!("failed with {code}"),
    );
    let said = tail(&finished.stderr);
    Err(ProgramFailure::Failed(format!("{words} {how}: {said}")))
}

/// Reads a list of requests. `gh` calls the address `url`.
fn read(name: &str, forge: &Forge, text: &str) -> Result<Option<Found>, ProgramFailure> {
    let odd = |reason: String| {
        ProgramFailure::Failed(format!("what {name} lists is not understood: {reason}"))
    };
    let text = text.trim();
    let text = if text.is_empty() { "[]" } else { text };
    let mut value: serde_json::Value =
        serde_json::from_str(text).map_err(|error| odd(error.to_string()))?;
    for entry in value.as_array_mut().into_iter().flatten() {
        if let Some(url) = entry.get("url").cloned() {
            entry["html_url"] = url;
        }
    }
    list(forge.kind, &value).map_err(odd)
}

/// The last address in a text that ends with a request's number.
fn last_address(text: &str) -> Option<Found> {
    let words = text.split_whitespace().rev();
    let mut addresses =
        words.filter(|word| word.starts_with("https://") || word.starts_with("http://"));
    addresses.find_map(|url| {
        let (rest, number) = url.rsplit_once('/')?;
        let is_request = rest.ends_with("/pull") || rest.ends_with("/merge_requests");
        Some(Found {
            number: number.parse().ok().filter(|_| is_request)?,
            url: url.to_owned(),
            was_open: false,
        })
    })
}

fn bounded(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST_ARGUMENT)]
}

fn tail(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let start = line.ceil_char_boundary(line.len().saturating_sub(LONGEST_TAIL));
    line[start..].to_owned()
}
