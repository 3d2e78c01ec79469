//! Other programs, for the steps that only run natively.
//!
//! Always so: a program runs in a process group of its own, has a time limit, and ends with this one.

use std::collections::BTreeMap;
use std::future::Future;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group};

use super::{NativeHost, start_guarded};

/// A program that prints more than this is ended: half of a list is a wrong list. The names of some 800,000 files fit.
const LONGEST_OUTPUT: usize = 64 * 1024 * 1024;

/// A host that can run other programs.
pub trait Processes {
    /// Runs a program to its end.
    ///
    /// # Errors
    /// When it cannot be started or its time is over. A program that fails is no error here.
    fn run(&self, program: &Program) -> impl Future<Output = Result<Finished, ProcessError>>;
}

/// A program to run. No shell reads its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Its name, looked for on the PATH.
    pub name: &'static str,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Where it runs; here when absent.
    pub directory: Option<PathBuf>,
    /// Variables that it gets beside this process's own.
    pub environment: BTreeMap<String, String>,
    /// Variables of this process that it does not get.
    pub withheld: &'static [&'static str],
    /// How long it may take.
    pub limit: Duration,
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// Its exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
}

/// Why a program did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It could not be started.
    #[error("{name} cannot be started: {reason}; is it installed and on the PATH?")]
    NotStarted {
        /// The program.
        name: &'static str,
        /// What the system says.
        reason: io::Error,
    },
    /// It took too long and was ended.
    #[error("{name} took longer than {} s and was ended", .limit.as_secs())]
    TimedOut {
        /// The program.
        name: &'static str,
        /// Its limit.
        limit: Duration,
    },
    /// Its output could not be read.
    #[error("the output of {name} cannot be read: {reason}")]
    Unreadable {
        /// The program.
        name: &'static str,
        /// What the system says.
        reason: io::Error,
    },
}

impl Finished {
    /// Whether it ended with exit code 0.
    pub fn succeeded(&self) -> bool {
        self.code == Some(0)
    }
}

impl Processes for NativeHost {
    async fn run(&self, program: &Program) -> Result<Finished, ProcessError> {
        let started = start_guarded(|| start(program));
        let (mut child, _guard) = started.map_err(|reason| ProcessError::NotStarted {
            name: program.name,
            reason,
        })?;
        let outcome = listen(&mut child, Instant::now() + program.limit);
        let unreadable = |reason| ProcessError::Unreadable {
            name: program.name,
            reason,
        };
        match outcome {
            Ok(Some((status, [stdout, stderr]))) => Ok(Finished {
                code: status.code(),
                stdout: String::from_utf8_lossy(&stdout).into_owned(),
                stderr: String::from_utf8_lossy(&stderr).into_owned(),
            }),
            Ok(None) => {
                end(&mut child);
                Err(ProcessError::TimedOut {
                    name: program.name,
                    limit: program.limit,
                })
            }
            Err(reason) => {
                end(&mut child);
                Err(unreadable(reason))
            }
        }
    }
}

fn start(program: &Program) -> io::Result<Child> {
    let mut command = Command::new(program.name);
    for name in program.withheld {
        command.env_remove(name);
    }
    command.args(&program.arguments).envs(&program.environment);
    if let Some(directory) = &program.directory {
        command.current_dir(directory);
    }
    command.process_group(0);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn()
}

/// Reads both outputs until they end, then reaps the child. `None` when `until` comes first.
fn listen(child: &mut Child, until: Instant) -> io::Result<Option<(ExitStatus, [Vec<u8>; 2])>> {
    let mut stdout = child.stdout.take();
    let mut stderr = child.stderr.take();
    let mut texts = [Vec::new(), Vec::new()];
    while stdout.is_some() || stderr.is_some() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        let ready = wait_for_input(
            [
                stdout.as_ref().map(AsFd::as_fd),
                stderr.as_ref().map(AsFd::as_fd),
            ],
            left,
        )?;
        take(ready[0], &mut stdout, &mut texts[0])?;
        take(ready[1], &mut stderr, &mut texts[1])?;
    }
    reap(child, until).map(|status| status.map(|status| (status, texts)))
}

fn wait_for_input(outputs: [Option<BorrowedFd<'_>>; 2], left: Duration) -> io::Result<[bool; 2]> {
    let mut open: Vec<PollFd<'_>> = outputs
        .iter()
        .flatten()
        .map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN))
        .collect();
    let limit = Timespec::try_from(left).ok();
    match poll(&mut open, limit.as_ref()) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    let mut events = open.iter().map(|one| !one.revents().is_empty());
    let mut next = |output: &Option<_>| output.is_some() && events.next().unwrap_or(false);
    Ok([next(&outputs[0]), next(&outputs[1])])
}

/// Reads what is there; forgets the pipe at its end.
fn take(ready: bool, pipe: &mut Option<impl Read>, text: &mut Vec<u8>) -> io::Result<()> {
    let Some(open) = pipe.as_mut().filter(|_| ready) else {
        return Ok(());
    };
    let mut chunk = [0; 8192];
    let length = open.read(&mut chunk)?;
    if length == 0 {
        *pipe = None;
    }
    if text.len() + length > LONGEST_OUTPUT {
        return Err(io::Error::other("it printed more than 64 MiB"));
    }
    text.extend_from_slice(&chunk[..length]);
    Ok(())
}

/// Waits for a child that has closed its outputs; nearly always it has ended already.
fn reap(child: &mut Child, until: Instant) -> io::Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= until {
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn end(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(group) = group {
        // A group that has ended meanwhile is no error.
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
}
