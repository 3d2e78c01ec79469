//! A process group with a time limit, whose output is streamed and kept up to a bound.
//!
//! Always so: when this returns, or this program is killed, no process of the group is left; and it returns also where
//! one that left the group goes on and holds the output open.

use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind, PipeWriter};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::bounded::Bounded;
use super::pipe::Reading;
use super::sentry::Sentry;
use super::{Control, EXECUTION_ID, EngineError};
use crate::host::start_guarded;

/// So much of stdout is kept; more is a failure, since an output that was cut is no output.
const LONGEST_OUTPUT: usize = 64 * 1024 * 1024;
/// So much of the end of stderr is kept.
const LONGEST_TAIL: usize = 4 * 1024;
/// A group that was asked to end gets this long.
const GRACE: Duration = Duration::from_secs(2);

/// Secrets of this program that no engine needs.
const WITHHELD: [&str; 4] = [
    "TASKSGODZILLA_API_TOKEN",
    "TASKSGODZILLA_WINDMILL_TOKEN",
    "TASKSGODZILLA_WEBHOOK_TOKEN",
    "WM_TOKEN",
];

enum Event {
    Ended(io::Result<ExitStatus>),
    TooMuch(usize),
    Cancelled,
}

/// How a process ended, and what is left of its output.
pub(super) struct Ended<T> {
    pub(super) status: ExitStatus,
    pub(super) stdout: T,
    pub(super) stderr: String,
}

/// A command that is to be run.
pub(super) struct Run<'a> {
    pub(super) command: Command,
    /// Its name in messages.
    pub(super) program: &'a str,
    /// What it reads on stdin.
    pub(super) input: Stdio,
    pub(super) limit: Duration,
}

/// Runs a command to its end and gives its stdout.
pub(crate) fn run_command(
    command: Command,
    program: &str,
    limit: Duration,
    control: &Control<'_>,
) -> Result<Vec<u8>, EngineError> {
    let run = Run {
        command,
        program,
        input: Stdio::null(),
        limit,
    };
    let ended = run.attended(control, |reading, stdout, too_much| {
        reading.all(stdout, LONGEST_OUTPUT, || too_much(LONGEST_OUTPUT))
    })?;
    if ended.status.success() {
        return Ok(ended.stdout);
    }
    Err(failure(program, ended.status, ended.stderr))
}

/// What is said of an end that was not well.
pub(super) fn failure(program: &str, status: ExitStatus, stderr: String) -> EngineError {
    EngineError::Failed {
        program: program.to_owned(),
        how: how(status),
        stderr,
    }
}

impl Run<'_> {
    /// Runs to the end, while `read` reads its stdout.
    pub(super) fn attended<T: Send>(
        mut self,
        control: &Control<'_>,
        read: impl FnOnce(Reading<'_>, Option<ChildStdout>, &dyn Fn(usize)) -> T + Send,
    ) -> Result<Ended<T>, EngineError> {
        for name in WITHHELD {
            self.command.env_remove(name);
        }
        if let Some(id) = control.log.execution_id() {
            self.command.env(EXECUTION_ID, id);
        }
        strike_zeros(&mut self.command);
        self.command
            .process_group(0)
            .stdin(self.input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let not_started = |reason| EngineError::NotStarted {
            program: self.program.to_owned(),
            reason,
        };
        let (over, end) = io::pipe().map_err(not_started)?;
        let (child, _guard) = start_guarded(|| spawn(&mut self.command)).map_err(not_started)?;
        let _sentry = Sentry::over(child.id());
        let (events, heard) = mpsc::channel();
        let cancelled = events.clone();
        control.cancel.on_cancel(move || {
            // The run may be over.
            let _ = cancelled.send(Event::Cancelled);
        });
        let log = Bounded::new(control.log);
        let reading = Reading {
            over: &over,
            log: &log,
        };
        let watch = Watch {
            program: self.program,
            limit: self.limit,
            heard,
        };
        thread::scope(|scope| watch.attend(scope, child, (reading, end), events, read))
    }
}

/// A variable that holds a zero byte would keep its process from being started.
fn strike_zeros(command: &mut Command) {
    let without_zeros = |(name, value): (&OsStr, Option<&OsStr>)| {
        let bytes = value?.as_bytes();
        let struck: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != 0).collect();
        (struck.len() < bytes.len()).then(|| (name.to_owned(), OsString::from_vec(struck)))
    };
    let struck: Vec<_> = command.get_envs().filter_map(without_zeros).collect();
    command.envs(struck);
}

/// A script that was written a moment ago may still be open in a process that another thread is starting.
fn spawn(command: &mut Command) -> io::Result<Child> {
    let mut patience = 20;
    loop {
        match command.spawn() {
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy && patience > 0 => {
                patience -= 1;
                thread::sleep(Duration::from_millis(5));
            }
            outcome => return outcome,
        }
    }
}

/// Waits for the end of a process, whatever brings it.
struct Watch<'a> {
    program: &'a str,
    limit: Duration,
    heard: Receiver<Event>,
}

impl Watch<'_> {
    fn attend<'scope, T: Send + 'scope>(
        &self,
        scope: &'scope Scope<'scope, '_>,
        mut child: Child,
        (reading, end): (Reading<'scope>, PipeWriter),
        events: Sender<Event>,
        read: impl FnOnce(Reading<'scope>, Option<ChildStdout>, &dyn Fn(usize)) -> T + Send + 'scope,
    ) -> Result<Ended<T>, EngineError> {
        let group = Group::of(&child);
        let too_much = events.clone();
        let too_much = move |limit| drop(too_much.send(Event::TooMuch(limit)));
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let stdout = scope.spawn(move || read(reading, stdout, &too_much));
        let stderr = scope.spawn(move || reading.tail(stderr, LONGEST_TAIL));
        scope.spawn(move || {
            let ended = child.wait();
            // Nobody listens any more where the run was stopped.
            let _ = events.send(Event::Ended(ended));
        });
        let outcome = self.wait();
        if outcome.is_err() {
            group.terminate(&self.heard);
        }
        // What the leader left behind holds the pipes open: the group is killed, and for the others nobody waits.
        group.kill();
        drop(end);
        let (stdout, stderr) = (yielded(stdout), yielded(stderr));
        Ok(Ended {
            status: outcome?,
            stdout,
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        })
    }

    fn wait(&self) -> Result<ExitStatus, EngineError> {
        let program = self.program.to_owned();
        match self.heard.recv_timeout(self.limit) {
            Ok(Event::Ended(Ok(status))) => Ok(status),
            Ok(Event::Ended(Err(reason))) => Err(EngineError::NotStarted { program, reason }),
            Ok(Event::TooMuch(limit)) => Err(EngineError::TooMuchOutput { program, limit }),
            Ok(Event::Cancelled) => Err(EngineError::Cancelled),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                Err(EngineError::TimedOut {
                    program,
                    limit: self.limit,
                })
            }
        }
    }
}

struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(i32::try_from(child.id()).ok().and_then(Pid::from_raw))
    }

    /// Asks the group to end, and waits a little until its leader has.
    fn terminate(&self, heard: &Receiver<Event>) {
        self.signal(Signal::TERM);
        let until = Instant::now() + GRACE;
        while let Ok(event) = heard.recv_timeout(until.saturating_duration_since(Instant::now())) {
            if matches!(event, Event::Ended(_)) {
                return;
            }
        }
    }

    fn kill(&self) {
        self.signal(Signal::KILL);
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.0 {
            // A group that has ended is no error.
            let _ = kill_process_group(group, signal);
        }
    }
}

fn yielded<T>(reader: ScopedJoinHandle<'_, T>) -> T {
    reader
        .join()
        .expect("a reader does not panic: the sink alone could")
}

fn how(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    }
}
