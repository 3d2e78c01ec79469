//! Shows a run as it goes.
//!
//! Always so: on a terminal every job that runs has a spinner; elsewhere there are plain lines, one for each job that
//! ended. A script that failed is followed by the end of its log, and by where the log is.

use std::collections::HashMap;
use std::time::Duration;

use console::style;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use millwright_core::refs::{JobId, JobRef, Resource};
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::approval;
use super::logs::Logs;
use crate::cli::output;
use crate::mill::{Change, End, Event};

const TICK: Duration = Duration::from_millis(80);

/// What is shown.
#[derive(Debug)]
pub(super) struct Shown {
    /// How each job goes.
    pub(super) jobs: bool,
    /// Every line of every script's log.
    pub(super) logs: bool,
    /// Where else a job's log is.
    pub(super) place: Option<LogPlace>,
}

/// Where a job's log is, in words.
#[derive(Debug)]
pub(super) struct LogPlace {
    /// What stands before the job's id.
    pub(super) before: String,
    /// What stands after it.
    pub(super) after: String,
}

impl LogPlace {
    /// The place of a job's log.
    pub(super) fn of(&self, job: JobId) -> String {
        format!("{}{job}{}", self.before, self.after)
    }
}

/// Someone who watches.
pub(super) struct Watcher {
    bars: MultiProgress,
    done: CancellationToken,
    task: JoinHandle<()>,
}

/// Shows what is told from now on.
pub(super) fn watch(events: Receiver<Event>, logs: Logs, shown: Shown) -> Watcher {
    let done = CancellationToken::new();
    let view = View::new(logs, shown);
    let bars = view.bars.clone();
    let task = tokio::spawn(follow(events, view, done.clone()));
    Watcher { bars, done, task }
}

impl Watcher {
    /// Leaves the terminal to a question: what is shown meanwhile is plain lines.
    pub(super) fn hush(&self) {
        // Where the terminal does not do its part, spinners stay.
        drop(self.bars.clear());
        self.bars.set_draw_target(ProgressDrawTarget::hidden());
    }

    /// Goes on as before [`Self::hush`].
    pub(super) fn go_on(&self) {
        self.bars.set_draw_target(ProgressDrawTarget::stderr());
    }

    /// Shows what is still to be shown, and ends.
    pub(super) async fn finish(self) {
        self.done.cancel();
        // A view that failed is no failure of the run.
        drop(self.task.await);
    }
}

async fn follow(mut events: Receiver<Event>, mut view: View, done: CancellationToken) {
    let mut look = tokio::time::interval(TICK);
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            _ = look.tick(), if view.shown.logs => {
                view.show_logs().await;
                continue;
            }
            () = done.cancelled() => break,
        };
        match event {
            Ok(event) => view.show(&event).await,
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
    while let Ok(event) = events.try_recv() {
        view.show(&event).await;
    }
}

struct View {
    shown: Shown,
    bars: MultiProgress,
    spinners: HashMap<JobId, ProgressBar>,
    jobs: HashMap<JobId, Running>,
    logs: Logs,
}

/// A job that runs.
struct Running {
    /// Its name, after those of the rounds and branches that it is in.
    name: String,
    is_flow: bool,
}

impl View {
    fn new(logs: Logs, shown: Shown) -> Self {
        Self {
            shown,
            bars: MultiProgress::with_draw_target(ProgressDrawTarget::stderr()),
            spinners: HashMap::new(),
            jobs: HashMap::new(),
            logs,
        }
    }

    async fn show(&mut self, event: &Event) {
        let indent = "  ".repeat(event.depth);
        match &event.change {
            Change::Began { is_flow } => {
                self.enter(event, *is_flow);
                if *is_flow {
                    self.line(format!("{indent}{} {}", style("▸").cyan(), event.label));
                } else {
                    self.begin(event.job, &indent, &event.label);
                }
            }
            Change::Again { attempt, error } => {
                let mark = style("↻").yellow();
                self.line(format!(
                    "{indent}{mark} {}: try {attempt} failed: {error}",
                    event.label
                ));
            }
            Change::Waits(waits) => {
                let mark = style("⏸").yellow();
                let whom = approval::whom(waits);
                let label = &event.label;
                self.line(format!("{indent}{mark} {label}: waits for {whom}"));
            }
            Change::Ended { end, took } => {
                if let Some(bar) = self.spinners.remove(&event.job) {
                    bar.finish_and_clear();
                }
                let rest = self.logs.rest(event.job).await;
                self.log_lines(event.job, rest.unwrap_or_default());
                self.line(format!("{indent}{}", line_of(&event.label, end, *took)));
                let job = self.jobs.remove(&event.job);
                let is_script = job.is_some_and(|job| !job.is_flow);
                if is_script && matches!(end, End::Failed(_)) {
                    self.explain(event.job, &indent).await;
                }
                self.logs.forget(event.job);
            }
        }
    }

    /// Takes note of a job. An outermost flow has no name: every script is in it.
    fn enter(&mut self, event: &Event, is_flow: bool) {
        let around = event.parent.and_then(|parent| self.jobs.get(&parent));
        let name = match around.map(|around| around.name.as_str()) {
            None if is_flow => String::new(),
            None | Some("") => event.label.clone(),
            Some(around) => format!("{around}/{}", event.label),
        };
        self.jobs.insert(event.job, Running { name, is_flow });
        if self.shown.logs && !is_flow {
            self.logs.follow(event.job);
        }
    }

    async fn show_logs(&mut self) {
        for job in self.logs.followed() {
            let lines = self.logs.new_lines(job).await;
            self.log_lines(job, lines.unwrap_or_default());
        }
    }

    fn log_lines(&self, job: JobId, lines: Vec<String>) {
        let name = self.jobs.get(&job).map_or("", |job| job.name.as_str());
        for line in lines {
            self.print(format!("{} {line}", style(format!("{name} |")).dim()));
        }
    }

    /// The end of a failed script's log, where it was not shown, and where the log is.
    async fn explain(&self, job: JobId, indent: &str) {
        let lines = if self.shown.logs {
            Ok(Vec::new())
        } else {
            self.logs.last_lines(job).await
        };
        for line in lines.unwrap_or_default() {
            self.line(format!("{indent}    {}", style(line).dim()));
        }
        let resource = Resource::Logs;
        let mut place = format!("log: {}", JobRef { job, resource });
        if let Some(other) = &self.shown.place {
            place.push_str(&other.of(job));
        }
        self.line(format!("{indent}  {}", style(place).dim()));
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
        self.spinners.insert(job, bar);
    }

    fn line(&self, text: String) {
        if self.shown.jobs {
            self.print(text);
        }
    }

    fn print(&self, text: String) {
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
        End::Failed(why) => format!("{} {label} {time}: {}", style("✗").red(), brief(why)),
    }
}

/// Why a job failed, without the end of the log, which is shown by itself.
fn brief(why: &str) -> &str {
    why.split_once(", last log lines:")
        .map_or(why, |(why, _)| why)
}
