//! How the program ends early: on SIGTERM, on Ctrl-C, and when its parent process ends.
//!
//! Always so: only a program that called [`end_with_parent`] is ended from here, so a server that uses the same rooms keeps its own signals.

use std::io;
use std::process::Child;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{
    Pid, Signal, getppid, kill_process_group, set_parent_process_death_signal, test_kill_process,
    test_kill_process_group,
};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::{flag, low_level};

use super::{Request, native};
use crate::exit::Exit;

/// A request that ends what was begun gets this long.
const REQUEST_LIMIT: Duration = Duration::from_secs(3);
/// A process group that was asked to end gets this long.
const GROUP_LIMIT: Duration = Duration::from_secs(2);
/// What is left of it when its leader has ended gets this long.
const FOLLOWERS_LIMIT: Duration = Duration::from_millis(200);

/// What is to be done before the program ends early.
#[derive(Debug, Clone)]
pub enum Cleanup {
    /// Wait a little until this is no longer asked for: something is being begun that could not be ended yet.
    Wait,
    /// Send this request, such as the one that cancels an execution.
    Request(Request),
    /// End the process group with this id.
    ProcessGroup(u32),
}

/// Keeps a [`Cleanup`] ready for as long as it lives.
#[derive(Debug)]
#[must_use = "the cleanup is forgotten when the guard is dropped"]
pub struct Guard(Option<u64>);

/// The process's state: signals are the process's, so there is one.
struct State {
    /// While true, a signal ends the process in its handler.
    at_once: Arc<AtomicBool>,
    /// Set once a signal has come and the cleanups run.
    under_way: AtomicBool,
    next: AtomicU64,
    ready: Mutex<Vec<(u64, Cleanup)>>,
    watcher: OnceLock<()>,
}

static STATE: OnceLock<State> = OnceLock::new();

/// From now on SIGTERM, SIGINT and the parent's end end this process, with the exit codes of [`Exit`].
///
/// Costs three system calls; a thread is started only when there is something to clean up.
///
/// # Errors
/// When the signals cannot be taken.
pub fn end_with_parent() -> io::Result<()> {
    let at_once = Arc::new(AtomicBool::new(true));
    for (signal, exit) in [(SIGTERM, Exit::Terminated), (SIGINT, Exit::Interrupted)] {
        flag::register_conditional_shutdown(signal, i32::from(exit.code()), Arc::clone(&at_once))?;
    }
    // Ignored when called twice: the first state stays.
    let _ = STATE.set(State {
        at_once,
        under_way: AtomicBool::new(false),
        next: AtomicU64::new(0),
        ready: Mutex::default(),
        watcher: OnceLock::new(),
    });
    let parent = getppid();
    set_parent_process_death_signal(Some(Signal::TERM))?;
    // The parent may have ended between the two calls: then no signal comes.
    if getppid() != parent {
        low_level::exit(i32::from(Exit::Terminated.code()));
    }
    Ok(())
}

/// Has `cleanup` done if the program is ended early while the guard lives.
pub fn on_termination(cleanup: Cleanup) -> Guard {
    let Some(state) = STATE.get() else {
        return Guard(None);
    };
    let id = state.next.fetch_add(1, Ordering::Relaxed);
    state.ready().push((id, cleanup));
    state.watcher.get_or_init(|| watch(state));
    Guard(Some(id))
}

/// Starts a process that leads a group, which is ended if the program is ended early while the guard lives: also by a signal that comes while it is being started.
///
/// # Errors
/// Those of `start`.
pub(crate) fn start_guarded(
    start: impl FnOnce() -> io::Result<Child>,
) -> io::Result<(Child, Guard)> {
    let _beginning = on_termination(Cleanup::Wait);
    let child = start()?;
    let guard = on_termination(Cleanup::ProcessGroup(child.id()));
    Ok((child, guard))
}

/// Waits for ever when the program is already being ended, so that nothing is reported that termination caused.
pub(crate) fn stay_if_ending() {
    while STATE
        .get()
        .is_some_and(|state| state.under_way.load(Ordering::SeqCst))
    {
        thread::park();
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let (Some(id), Some(state)) = (self.0, STATE.get()) {
            state.ready().retain(|(other, _)| *other != id);
        }
    }
}

impl State {
    fn ready(&self) -> MutexGuard<'_, Vec<(u64, Cleanup)>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts the thread that waits for a signal and cleans up. Without it signals go on ending the process at once.
fn watch(state: &'static State) {
    let Ok(mut signals) = Signals::new([SIGTERM, SIGINT]) else {
        return;
    };
    let watcher = thread::Builder::new().stack_size(256 * 1024);
    let started = watcher.spawn(move || {
        if let Some(signal) = signals.forever().next() {
            clean_up(state);
            let exit = if signal == SIGINT {
                Exit::Interrupted
            } else {
                Exit::Terminated
            };
            low_level::exit(i32::from(exit.code()));
        }
    });
    if started.is_ok() {
        state.at_once.store(false, Ordering::SeqCst);
    }
}

fn clean_up(state: &State) {
    state.under_way.store(true, Ordering::SeqCst);
    wait_for_beginnings(state);
    let cleanups: Vec<Cleanup> = state.ready().iter().map(|(_, one)| one.clone()).collect();
    let groups: Vec<Pid> = cleanups.iter().filter_map(group).collect();
    for group in &groups {
        // A group that has ended meanwhile is no error.
        let _ = kill_process_group(*group, Signal::TERM);
    }
    for cleanup in &cleanups {
        if let Cleanup::Request(request) = cleanup {
            send(request);
        }
    }
    let until = Instant::now() + GROUP_LIMIT;
    for group in groups {
        end_group(group, until);
    }
}

fn group(cleanup: &Cleanup) -> Option<Pid> {
    match cleanup {
        Cleanup::ProcessGroup(id) => Pid::from_raw(i32::try_from(*id).ok()?),
        Cleanup::Request(_) | Cleanup::Wait => None,
    }
}

fn wait_for_beginnings(state: &State) {
    let until = Instant::now() + REQUEST_LIMIT;
    let begins = |state: &State| {
        state
            .ready()
            .iter()
            .any(|(_, one)| matches!(one, Cleanup::Wait))
    };
    while begins(state) && Instant::now() < until {
        thread::sleep(Duration::from_millis(5));
    }
}

fn send(request: &Request) {
    let answer = native::send_alone(request, REQUEST_LIMIT);
    let line = match answer {
        Ok(answer) if answer.status < 400 => return,
        Ok(answer) => format!("the API answered {}", answer.status),
        Err(error) => error.to_string(),
    };
    native::log(&format!("warning: what was begun may go on: {line}"));
}

/// Kills what is left of a group by `until`, or a little after its leader ended. Whether all have ended cannot be asked:
/// a member that is dead and not reaped counts as there, and where nobody reaps orphans it does so for ever.
fn end_group(group: Pid, until: Instant) {
    let mut until = until;
    let mut led = true;
    while Instant::now() < until && test_kill_process_group(group).is_ok() {
        if led && test_kill_process(group).is_err() {
            led = false;
            until = until.min(Instant::now() + FOLLOWERS_LIMIT);
        }
        thread::sleep(Duration::from_millis(5));
    }
    // Nothing may be left: then this is no error.
    let _ = kill_process_group(group, Signal::KILL);
}
