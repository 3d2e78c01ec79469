//! Many rehearsals, on all cores.
//!
//! Always so: what came of them is in the order of what was to be done, whichever core did it.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::{MillOptions, Stage};

/// A thread that rehearses needs so much stack, of which expressions may use a half.
const STACK: usize = 32 * 1024 * 1024;

/// Does something with each item, on a stage whose runs may begin `most_jobs` jobs each. What came of each is in the items' order.
///
/// # Errors
/// Where the system gives no thread.
pub fn on_stages<T: Sync, R: Send>(
    options: &MillOptions,
    most_jobs: usize,
    items: &[T],
    work: impl Fn(&Stage, &T) -> R + Sync,
) -> io::Result<Vec<R>> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(items.len()));
    let until_none_is_left = || -> io::Result<()> {
        let stage = Stage::new(options.clone(), most_jobs)?;
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(number) else {
                return Ok(());
            };
            let result = work(&stage, item);
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            done.push((number, result));
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..cores.min(items.len()))
            .map(|_| {
                let thread = thread::Builder::new().stack_size(STACK);
                thread.spawn_scoped(scope, until_none_is_left)
            })
            .collect::<io::Result<_>>()?;
        threads.into_iter().try_for_each(|thread| {
            let ended = thread.join();
            ended.map_err(|_| io::Error::other("a thread that ran a flow panicked"))?
        })
    })?;
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(number, _)| *number);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}
