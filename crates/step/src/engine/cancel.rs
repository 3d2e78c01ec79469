//! How work under way is stopped from another thread.
//!
//! Always so: stopping is once and for all, and whoever asks afterwards is told at once.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Stops work. Clones stop the same.
#[derive(Clone, Default)]
pub struct Cancel(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    cancelled: bool,
    listeners: Vec<Box<dyn FnOnce() + Send>>,
}

impl Cancel {
    /// Stops the work.
    pub fn cancel(&self) {
        let listeners = {
            let mut state = self.state();
            state.cancelled = true;
            std::mem::take(&mut state.listeners)
        };
        for tell in listeners {
            tell();
        }
    }

    /// Whether the work was stopped.
    pub fn is_cancelled(&self) -> bool {
        self.state().cancelled
    }

    /// Has `tell` called when the work is stopped; at once where it was already.
    pub fn on_cancel(&self, tell: impl FnOnce() + Send + 'static) {
        let mut state = self.state();
        if state.cancelled {
            drop(state);
            tell();
        } else {
            state.listeners.push(Box::new(tell));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cancel").field(&self.is_cancelled()).finish()
    }
}
