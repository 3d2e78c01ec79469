//! What is executed in this process now.
//!
//! Always so: an execution leaves the registry when its thread ends, also by a panic.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use millwright_step::engine::Cancel;
use tokio::sync::watch;

/// The executions of this process.
#[derive(Debug, Default)]
pub(super) struct Registry {
    entries: Mutex<BTreeMap<String, Entry>>,
    closed: AtomicBool,
}

/// How one is stopped, and how its end is heard.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) cancel: Cancel,
    ended: watch::Sender<()>,
}

/// The end of an execution, to be waited for.
pub(super) struct Ended(Option<watch::Receiver<()>>);

/// Takes an execution out when dropped.
pub(super) struct Leave<'a> {
    registry: &'a Registry,
    id: &'a str,
}

impl Registry {
    pub(super) fn enter(&self, id: &str) -> Entry {
        let entry = Entry {
            cancel: Cancel::default(),
            ended: watch::Sender::new(()),
        };
        self.entries().insert(id.to_owned(), entry.clone());
        if self.is_closed() {
            entry.cancel.cancel();
        }
        entry
    }

    pub(super) fn leave_at_end<'a>(&'a self, id: &'a str) -> Leave<'a> {
        Leave { registry: self, id }
    }

    pub(super) fn ids(&self) -> Vec<String> {
        self.entries().keys().cloned().collect()
    }

    pub(super) fn holds(&self, id: &str) -> bool {
        self.entries().contains_key(id)
    }

    pub(super) fn ended(&self, id: &str) -> Ended {
        Ended(self.entries().get(id).map(|entry| entry.ended.subscribe()))
    }

    /// Stops some of them.
    pub(super) fn cancel(&self, ids: &[String]) {
        let found: Vec<Cancel> = {
            let entries = self.entries();
            let found = ids.iter().filter_map(|id| entries.get(id));
            found.map(|entry| entry.cancel.clone()).collect()
        };
        for cancel in found {
            cancel.cancel();
        }
    }

    /// Stops all, and whatever enters from now on.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.cancel(&self.ids());
    }

    /// Whether all were stopped for good.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ended {
    /// Waits for the end; of an execution that is not of this process nothing is heard, so `pause` must do.
    pub(super) async fn or_after(self, pause: Duration) {
        match self.0 {
            Some(mut ended) => drop(ended.changed().await),
            None => tokio::time::sleep(pause).await,
        }
    }
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        let entry = self.registry.entries().remove(self.id);
        if let Some(entry) = entry {
            entry.ended.send_replace(());
        }
    }
}
