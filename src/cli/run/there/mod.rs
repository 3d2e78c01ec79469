//! `millwright run --on windmill`: starts what was deployed, and follows it there.
//!
//! Always so: what runs there goes on, unless someone at a terminal says that it is to end.

mod begin;
mod labels;
mod tree;

use millwright_core::refs::JobId;
use tokio::sync::broadcast;

use super::logs::{Logs, TAIL};
use super::question::{self, Answer, is_attended};
use super::show::{self, LogPlace, Shown, Watcher};
use super::texts::Texts;
use super::{RunArgs, print_result};
use crate::cli::serve::unavailable;
use crate::cli::signals::{self, Told};
use crate::cli::{CommandError, Exit, output};
use crate::windmill::{Client, Connection, Ended, WindmillError};
use tree::Tree;

/// How many events a slow terminal may be behind.
const EVENTS: usize = 4096;
/// What Windmill is told.
const REASON: &str = "cancelled with millwright run";

/// Runs the command.
pub(super) async fn run(args: &RunArgs) -> Result<Exit, CommandError> {
    let client = args.windmill.client()?;
    let mut told = signals::told_to_end().map_err(unavailable)?;
    let ready = tokio::select! {
        ready = begin::prepare(args, &client) => ready?,
        exit = told.next() => return Ok(exit),
    };
    // Once it is asked for, it may be there: who wants to end this waits for its id.
    let begun = begin::begin(ready, &client).await?;
    let connection = client.connection();
    if !args.json {
        let place = page(connection).of(begun.job);
        output::note(format_args!("job {}{place}", begun.job));
    }
    let texts = Texts::keeping(if args.logs { usize::MAX } else { TAIL });
    let events = broadcast::Sender::new(EVENTS);
    let shown = Shown {
        jobs: !args.json,
        logs: args.logs,
        place: Some(page(connection)),
    };
    let logs = Logs::arriving(texts.clone());
    let watcher = show::watch(events.subscribe(), logs, shown);
    let tree = Tree {
        client: client.clone(),
        root: begun.job,
        path: begun.path,
        definition: begun.definition,
        events,
        texts,
    };
    let following = Following {
        client: &client,
        job: begun.job,
        told,
        watcher: &watcher,
    };
    let outcome = following.until_its_end(&tree, begun.label).await;
    watcher.finish().await;
    match outcome.map_err(|error| lost(&error, begun.job, args))? {
        Left::Ended(ended, told) => {
            print_result(&ended.result, args.json)?;
            Ok(super::exit_of(ended.job.state().is_success(), told))
        }
        Left::Running(exit) => {
            output::note(goes_on(begun.job, args));
            Ok(exit)
        }
    }
}

/// Where Windmill shows a job to a person.
fn page(connection: &Connection) -> LogPlace {
    LogPlace {
        before: format!(": {}/run/", connection.address()),
        after: format!("?workspace={}", connection.workspace()),
    }
}

/// How the command leaves the job.
enum Left {
    /// It has ended; and how the command was told to end, where it was.
    Ended(Box<Ended>, Option<Exit>),
    /// It goes on.
    Running(Exit),
}

/// A job that is followed, and those who may end that.
struct Following<'a> {
    client: &'a Client,
    job: JobId,
    told: Told,
    watcher: &'a Watcher,
}

impl Following<'_> {
    async fn until_its_end(mut self, tree: &Tree, label: String) -> Result<Left, WindmillError> {
        let mut work = std::pin::pin!(tree.follow(label));
        let mut cancelled = None;
        loop {
            let exit = tokio::select! {
                ended = &mut work => return Ok(Left::Ended(ended?, cancelled)),
                exit = self.told.next() => exit,
            };
            if cancelled.is_some() || exit != Exit::Interrupted || !is_attended() {
                return Ok(Left::Running(exit));
            }
            self.watcher.hush();
            let answer = tokio::select! {
                ended = &mut work => return Ok(Left::Ended(ended?, None)),
                exit = self.told.next() => Answer::Leave(exit),
                answer = question::ask("cancel it on Windmill? [y/N] ") => answer,
            };
            self.watcher.go_on();
            match answer {
                Answer::Yes => {
                    output::note("cancelling it");
                    self.client.cancel(self.job, REASON).await?;
                    cancelled = Some(exit);
                }
                Answer::No => output::note("it goes on"),
                Answer::Leave(exit) => return Ok(Left::Running(exit)),
            }
        }
    }
}

/// How a job that goes on is followed again.
fn goes_on(job: JobId, args: &RunArgs) -> String {
    let again = args.windmill.arguments();
    format!(
        "it goes on there; to follow it again: millwright run --on windmill --follow {job}{again}"
    )
}

/// The job can no longer be followed.
fn lost(error: &WindmillError, job: JobId, args: &RunArgs) -> CommandError {
    let message = format!("{error}\n{}", goes_on(job, args));
    CommandError::new(Exit::Unavailable, message)
}
