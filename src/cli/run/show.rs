//! Shows a run as it goes.
//!
//! Always so: on a terminal every job that runs has a spinner; elsewhere there are plain lines, one for each job that
//! ended.

use std::collections::HashMap;
use std::time::Duration;

use console::style;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use millwright_core::refs::JobId;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::cli::output;
use crate::mill::{Change, End, Event, Mill};

const TICK: Duration = Duration::from_millis(80);

/// Someone who watches.
pub(super) struct Watcher {
    done: CancellationToken,
    task: JoinHandle<()>,
}

/// Shows every job of the mill from now on.
pub(super) fn watch(mill: &Mill) -> Watcher {
    let events = mill.watch();
    let done = CancellationToken::new();
    let task = tokio::spawn(follow(events, done.clone()));
    Watcher { done, task }
}

impl Watcher {
    /// Shows what is still to be shown, and ends.
    pub(super) async fn finish(self) {
        self.done.cancel();
        // A view that failed is no failure of the run.
        drop(self.task.await);
    }
}

async fn follow(mut events: Receiver<Event>, done: CancellationToken) {
    let mut view = View::new();
    loop {
        let event = match done.run_until_cancelled(events.recv()).await {
            Some(Ok(event)) => event,
            Some(Err(RecvError::Lagged(_))) => continue,
            Some(Err(RecvError::Closed)) => return,
            None => break,
        };
        view.show(&event);
    }
    while let Ok(event) = events.try_recv() {
        view.show(&event);
    }
}

struct View {
    bars: MultiProgress,
    running: HashMap<JobId, ProgressBar>,
}

impl View {
    fn new() -> Self {
        Self {
            bars: MultiProgress::with_draw_target(ProgressDrawTarget::stderr()),
            running: HashMap::new(),
        }
    }

    fn show(&mut self, event: &Event) {
        let indent = "  ".repeat(event.depth);
        match &event.change {
            Change::Began { is_flow: true } => {
                self.line(format!("{indent}{} {}", style("▸").cyan(), event.label));
            }
            Change::Began { is_flow: false } => self.begin(event.job, &indent, &event.label),
            Change::Again { attempt, error } => {
                let mark = style("↻").yellow();
                self.line(format!(
                    "{indent}{mark} {}: try {attempt} failed: {error}",
                    event.label
                ));
            }
            Change::Ended { end, took } => {
                if let Some(bar) = self.running.remove(&event.job) {
                    bar.finish_and_clear();
                }
                self.line(format!("{indent}{}", line_of(&event.label, end, *took)));
            }
        }
    }

    fn begin(&mut self, job: JobId, indent: &str, label: &str) {
        if self.bars.is_hidden() {
            return;
        }
        let bar = self.bars.add(ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template("{prefix}{spinner} {msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.set_prefix(indent.to_owned());
        bar.set_message(label.to_owned());
        bar.enable_steady_tick(TICK);
        self.running.insert(job, bar);
    }

    fn line(&self, text: String) {
        if self.bars.is_hidden() || self.bars.println(&text).is_err() {
            output::note(text);
        }
    }
}

fn line_of(label: &str, end: &End, took: Duration) -> String {
    let time = style(format!("{:.2} s", took.as_secs_f64())).dim();
    match end {
        End::Succeeded => format!("{} {label} {time}", style("✓").green()),
        End::Skipped => format!("{} {label} skipped", style("–").dim()),
        End::Failed(why) => format!("{} {label} {time}: {why}", style("✗").red()),
    }
}
