//! JavaScript within limits: QuickJS, as the mill and the import of workspaces use it.
//!
//! Always so: what runs here has no way to the outside but what it is given, and ends when its time or its memory is
//! over.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rquickjs::{CaughtError, Context, Runtime};

/// The stack that JavaScript may use.
pub(crate) const STACK: usize = 512 * 1024;
/// The stack of a thread that JavaScript runs on.
pub(crate) const THREAD_STACK: usize = 4 * 1024 * 1024;

/// A QuickJS runtime with a clock that ends what runs too long.
pub(crate) struct Machine {
    runtime: Runtime,
    begun: Instant,
    /// Microseconds after `begun`.
    deadline: Arc<AtomicU64>,
}

impl Machine {
    /// A runtime that may use so many bytes of memory, and so many of this thread's stack from here on.
    pub(crate) fn new(memory: usize, stack: usize) -> rquickjs::Result<Self> {
        let runtime = Runtime::new()?;
        runtime.set_memory_limit(memory);
        runtime.set_max_stack_size(stack);
        let begun = Instant::now();
        let deadline = Arc::new(AtomicU64::new(u64::MAX));
        let watched = Arc::clone(&deadline);
        runtime.set_interrupt_handler(Some(Box::new(move || {
            micros(begun.elapsed()) > watched.load(Ordering::Relaxed)
        })));
        Ok(Self {
            runtime,
            begun,
            deadline,
        })
    }

    /// A fresh context: nothing of an earlier one is in it.
    pub(crate) fn context(&self) -> rquickjs::Result<Context> {
        Context::full(&self.runtime)
    }

    /// Allows so much time from now.
    pub(crate) fn allow(&self, limit: Duration) {
        let deadline = micros(self.begun.elapsed() + limit);
        self.deadline.store(deadline, Ordering::Relaxed);
    }

    /// Whether the time that was allowed is over.
    pub(crate) fn is_over_time(&self) -> bool {
        micros(self.begun.elapsed()) > self.deadline.load(Ordering::Relaxed)
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// What was thrown: its name and message.
pub(crate) fn describe(error: &CaughtError<'_>) -> String {
    match error {
        CaughtError::Exception(exception) => {
            let name: Option<String> = exception.as_object().get("name").ok();
            let message = exception.message().unwrap_or_default();
            format!("{}: {message}", name.as_deref().unwrap_or("Error"))
        }
        other => other.to_string(),
    }
}
