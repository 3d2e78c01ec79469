//! How many jobs that count together run at once, and in which order the others follow.
//!
//! Always so: who came first goes first; a job that has ended counts for as long as its window says.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};
use std::time::Duration;

use regex::{Captures, Regex};
use serde_json::{Map, Value};
use tokio::sync::watch;
use tokio::time::Instant;

/// `$args[name]` or `$args[name.inner]` in a key.
static ARGUMENT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\$args\[((?:\w+\.)*\w+)\]").expect("it is a regular expression"));

/// The jobs that count together, by what they have in common.
#[derive(Debug, Default)]
pub(super) struct Limits(Mutex<HashMap<String, Arc<Group>>>);

/// How many there may be at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Limit {
    /// What they have in common.
    pub(super) key: String,
    /// How many.
    pub(super) most: usize,
    /// How long one that has ended counts.
    pub(super) window: Duration,
}

/// Jobs that count together.
#[derive(Debug)]
struct Group {
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct State {
    tickets: u64,
    waiting: VecDeque<u64>,
    running: usize,
    /// Until when those count that have ended.
    ended: Vec<Instant>,
}

/// A job's place among those that wait, or that run.
#[derive(Debug)]
pub(super) struct Turn {
    group: Arc<Group>,
    limit: Limit,
    ticket: u64,
    runs: bool,
}

impl Limit {
    /// What a flow's or script's settings say; `None` where as many may run as like.
    pub(super) fn of(
        most: Option<u64>,
        key: Option<String>,
        window: Option<u64>,
        default_key: impl FnOnce() -> String,
    ) -> Option<Self> {
        let most = most.filter(|most| *most > 0)?;
        Some(Self {
            key: key
                .filter(|key| !key.is_empty())
                .unwrap_or_else(default_key),
            most: usize::try_from(most).unwrap_or(usize::MAX),
            window: Duration::from_secs(window.unwrap_or(0)),
        })
    }
}

/// A key with the workspace and the arguments that it names in their places.
pub(super) fn key_with(key: &str, workspace: &str, args: &Map<String, Value>) -> String {
    let key = key.replace("$workspace", workspace);
    let named = |found: &Captures<'_>| {
        let mut path = found[1].split('.');
        let first = path.next().and_then(|name| args.get(name));
        match path
            .try_fold(first, |value, name| Some(value?.get(name)))
            .flatten()
        {
            None => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        }
    };
    ARGUMENT.replace_all(&key, named).into_owned()
}

/// A window is not longer: that clocks can count.
const LONGEST_WINDOW: Duration = Duration::from_hours(24 * 365);

impl Limits {
    /// Takes the last place among those that wait.
    pub(super) fn queue(&self, limit: Limit) -> Turn {
        let group = {
            let mut groups = self
                .0
                .lock()
                .expect("nothing panics while it finds a group");
            let now = Instant::now();
            groups.retain(|_, group| Arc::strong_count(group) > 1 || group.state().ended(now) > 0);
            Arc::clone(groups.entry(limit.key.clone()).or_default())
        };
        let mut state = group.state();
        let ticket = state.tickets;
        state.tickets += 1;
        state.waiting.push_back(ticket);
        drop(state);
        Turn {
            group,
            limit,
            ticket,
            runs: false,
        }
    }
}

impl Turn {
    /// Waits until the job may run; it does so until this is dropped.
    pub(super) async fn come(&mut self) {
        let mut changed = self.group.changed.subscribe();
        while let Err(until) = self.may_run() {
            let time = async {
                match until {
                    Some(until) => tokio::time::sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                // The sender is this turn's own group: it is there.
                _ = changed.changed() => {}
                () = time => {}
            }
        }
    }

    /// Begins where it may; else says when that changes by itself, if it does.
    fn may_run(&mut self) -> Result<(), Option<Instant>> {
        let mut state = self.group.state();
        if state.waiting.front() != Some(&self.ticket) {
            return Err(None);
        }
        if state.running + state.ended(Instant::now()) >= self.limit.most {
            return Err(state.ended.iter().min().copied());
        }
        state.waiting.pop_front();
        state.running += 1;
        drop(state);
        self.runs = true;
        self.group.changed.send_replace(());
        Ok(())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = self.group.state();
        if self.runs {
            state.running -= 1;
            if !self.limit.window.is_zero() {
                let now = Instant::now();
                let until = now.checked_add(self.limit.window);
                state.ended.push(until.unwrap_or(now + LONGEST_WINDOW));
            }
        } else {
            state.waiting.retain(|ticket| *ticket != self.ticket);
        }
        drop(state);
        self.group.changed.send_replace(());
    }
}

impl Group {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("nothing panics while it counts jobs")
    }
}

impl Default for Group {
    fn default() -> Self {
        Self {
            state: Mutex::default(),
            changed: watch::Sender::new(()),
        }
    }
}

impl State {
    /// How many of those that have ended still count.
    fn ended(&mut self, now: Instant) -> usize {
        self.ended.retain(|until| *until > now);
        self.ended.len()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn limit(most: usize, window: u64) -> Limit {
        Limit {
            key: "k".to_owned(),
            most,
            window: Duration::from_secs(window),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_ended_counts_for_a_while() {
        let limits = Limits::default();
        let begun = Instant::now();
        for _ in 0..3 {
            let mut turn = limits.queue(limit(1, 60));
            turn.come().await;
        }
        assert_eq!(begun.elapsed().as_secs(), 120);
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_lets_the_next_one_come() {
        let limits = Limits::default();
        let mut first = limits.queue(limit(1, 0));
        first.come().await;
        let second = limits.queue(limit(1, 0));
        let mut third = limits.queue(limit(1, 0));
        let waits = tokio::time::timeout(Duration::from_secs(1), third.come());
        assert!(waits.await.is_err());
        drop(first);
        let waits = tokio::time::timeout(Duration::from_secs(1), third.come());
        assert!(waits.await.is_err(), "the second one comes first");
        drop(second);
        third.come().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_window_longer_than_clocks_count_breaks_nothing() {
        let limits = Limits::default();
        let mut first = limits.queue(limit(1, u64::MAX));
        first.come().await;
        drop(first);
        let mut second = limits.queue(limit(1, u64::MAX));
        let waits = tokio::time::timeout(Duration::from_hours(1), second.come());
        assert!(waits.await.is_err(), "the first one counts");
    }

    #[test]
    fn a_key_names_the_workspace_and_arguments() {
        let args = json!({"who": "ada", "deep": {"n": 3}});
        let args = args.as_object().expect("an object");
        let key = |text: &str| key_with(text, "w", args);
        assert_eq!(key("$workspace/$args[who]/$args[deep.n]"), "w/ada/3");
        assert_eq!(key("$args[none]-$args[who"), "-$args[who");
    }
}
