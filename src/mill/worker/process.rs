//! The processes of one script.
//!
//! Always so: they are a group of their own, and when the script is over the group is ended, first by asking, then by
//! killing; where the script was stopped, those too that left the group.

use std::collections::HashSet;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process_group};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use super::folder::Folder;
use super::launch::Launch;
use super::log::Log;
use crate::mill::stop::Stop;
use crate::store::StoreError;

/// How long output waits for more before it is handed on.
const GATHER: Duration = Duration::from_millis(50);
/// A pipe holds no more than this, where nobody has made it larger.
const PIPE: usize = 64 * 1024;
/// How often it is looked whether processes have ended that nobody waits for.
const LOOK: Duration = Duration::from_millis(5);
/// How long the processes that a script left behind have, before they are killed.
const LEFT_BEHIND: Duration = Duration::from_millis(500);

/// A script that runs.
pub(super) struct Process {
    child: Child,
    group: Pid,
    output: Receiver,
}

/// A script that has ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    /// Whether it was told to end.
    pub(super) stopped: bool,
}

impl Ended {
    pub(super) fn signal_name(&self) -> String {
        match self.status.signal() {
            Some(9) => "signal 9 (SIGKILL)".to_owned(),
            Some(15) => "signal 15 (SIGTERM)".to_owned(),
            Some(11) => "signal 11 (SIGSEGV)".to_owned(),
            Some(6) => "signal 6 (SIGABRT)".to_owned(),
            Some(number) => format!("signal {number}"),
            None => "an unknown cause".to_owned(),
        }
    }
}

impl Process {
    pub(super) fn start(
        folder: &Folder,
        launch: &Launch,
        variables: &[(&str, String)],
    ) -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        let child = Command::new(&launch.command[0])
            .args(&launch.command[1..])
            .current_dir(folder.path())
            .env_clear()
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .envs(launch.variables.iter().map(|(name, value)| (name, value)))
            .envs(
                launch
                    .named_file
                    .map(|(name, file)| (name, folder.path().join(file))),
            )
            .stdin(Stdio::null())
            .stdout(writer.try_clone()?)
            .stderr(writer)
            .process_group(0)
            .spawn()?;
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        let group = id.and_then(Pid::from_raw);
        Ok(Self {
            group: group.ok_or_else(|| io::Error::other("the new process has no id"))?,
            child,
            output: Receiver::from_owned_fd(OwnedFd::from(reader))?,
        })
    }

    /// Reads the output until the script ends or is to end, and sees that nothing of it is left.
    pub(super) async fn follow(
        mut self,
        log: &mut Log<'_>,
        stop: &Stop,
        grace: Duration,
        job: &str,
    ) -> Result<Ended, StoreError> {
        let read = self.read_until_exit(log, stop).await;
        match read {
            Ok(Some(status)) => {
                self.end_group(LEFT_BEHIND, stop).await;
                self.read_what_is_there(log).await?;
                Ok(Ended {
                    status,
                    stopped: false,
                })
            }
            Ok(None) => {
                log.remark("Terminating child processes...");
                log.flush().await?;
                let status = self.end_all(grace, stop, job).await;
                self.read_what_is_there(log).await?;
                Ok(Ended {
                    status,
                    stopped: true,
                })
            }
            Err(error) => {
                self.end_all(Duration::ZERO, stop, job).await;
                Err(error)
            }
        }
    }

    /// `None` where the script is to end before its time.
    async fn read_until_exit(
        &mut self,
        log: &mut Log<'_>,
        stop: &Stop,
    ) -> Result<Option<ExitStatus>, StoreError> {
        let mut buffer = vec![0; 32 * 1024];
        let mut open = true;
        let mut flush_at: Option<Instant> = None;
        loop {
            let gathered = async {
                match flush_at {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = stop.wished() => return Ok(None),
                // Before the output: a process left behind may write for ever.
                status = self.child.wait() => return Ok(Some(status.unwrap_or_default())),
                read = self.output.read(&mut buffer), if open => match read {
                    Ok(0) | Err(_) => open = false,
                    Ok(count) => {
                        log.take(&buffer[..count]).await?;
                        flush_at = flush_at.or(Some(Instant::now() + GATHER));
                    }
                },
                () = gathered => {
                    log.flush().await?;
                    flush_at = None;
                }
            }
        }
    }

    /// Reads what the script left in the pipe, without waiting for a process that still holds it. It
    /// asks the pipe itself: `try_read` reads nothing until the runtime has heard that there is something. Such a process
    /// may write for ever: no more is read than the pipe held.
    async fn read_what_is_there(&mut self, log: &mut Log<'_>) -> Result<(), StoreError> {
        let mut buffer = vec![0; 32 * 1024];
        let mut left = PIPE;
        while left > 0
            && let Ok(count @ 1..) = rustix::io::read(&self.output, &mut buffer)
        {
            log.take(&buffer[..count]).await?;
            left = left.saturating_sub(count);
        }
        Ok(())
    }

    fn signal(&self, signal: Signal) {
        // It fails only where nobody is left, which is what it is for.
        let _ = kill_process_group(self.group, signal);
    }

    /// Ends what is left of the group.
    async fn end_group(&self, grace: Duration, stop: &Stop) {
        if !is_running(self.group) {
            return;
        }
        self.signal(Signal::TERM);
        let deadline = Instant::now() + grace;
        while is_running(self.group) {
            if Instant::now() >= deadline || stop.is_hurried() {
                self.signal(Signal::KILL);
                return;
            }
            sleep(LOOK).await;
        }
    }

    /// Ends the script, its group, and what left the group.
    async fn end_all(&mut self, grace: Duration, stop: &Stop, job: &str) -> ExitStatus {
        let strays = strays_of(job, self.group);
        signal_all(&strays, Signal::TERM);
        self.signal(Signal::TERM);
        let ended = tokio::select! {
            status = self.child.wait() => Some(status),
            () = stop.hurried_or_after(grace) => None,
        };
        let status = if let Some(status) = ended {
            status
        } else {
            self.signal(Signal::KILL);
            self.child.wait().await
        };
        self.end_group(grace, stop).await;
        for _ in 0..STRAY_ROUNDS {
            let strays = strays_of(job, self.group);
            if strays.is_empty() {
                break;
            }
            signal_all(&strays, Signal::KILL);
            sleep(LOOK).await;
        }
        status.unwrap_or_default()
    }
}

/// How often it is looked for processes that start others faster than they are killed.
const STRAY_ROUNDS: usize = 20;

/// Kills what still runs of jobs whose mill is gone, known by the job's id in its environment.
pub(in crate::mill) fn kill_left_behind(jobs: &HashSet<String>) {
    for _ in 0..STRAY_ROUNDS {
        let left: Vec<Pid> = processes()
            .filter(|process| job_of(*process).is_some_and(|job| jobs.contains(&job)))
            .filter(|process| state_and_group(*process).is_some_and(|(state, _)| state != "Z"))
            .collect();
        if left.is_empty() {
            return;
        }
        signal_all(&left, Signal::KILL);
        std::thread::sleep(LOOK);
    }
}

fn signal_all(processes: &[Pid], signal: Signal) {
    for process in processes {
        let _ = kill_process(*process, signal);
    }
}

/// Whether anything of a group still runs. What has ended and was not waited for does not count.
fn is_running(group: Pid) -> bool {
    test_kill_process_group(group).is_ok()
        && processes().any(|process| {
            state_and_group(process).is_some_and(|(state, of)| state != "Z" && of == group)
        })
}

/// The processes of a job that have left its group, known by the job's id in their environment.
fn strays_of(job: &str, group: Pid) -> Vec<Pid> {
    processes()
        .filter(|process| job_of(*process).is_some_and(|of| of == job))
        .filter(|process| state_and_group(*process).is_some_and(|(_, of)| of != group))
        .collect()
}

fn processes() -> impl Iterator<Item = Pid> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten();
    let ids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    ids.filter_map(Pid::from_raw)
}

fn state_and_group(process: Pid) -> Option<(String, Pid)> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero())).ok()?;
    // The program's name is in parentheses and may hold anything.
    let (_, words) = stat.rsplit_once(')')?;
    let mut words = words.split_ascii_whitespace();
    let state = words.next()?.to_owned();
    Some((state, Pid::from_raw(words.nth(1)?.parse().ok()?)?))
}

/// The job that a process is of, by its environment.
fn job_of(process: Pid) -> Option<String> {
    let environment = std::fs::read(format!("/proc/{}/environ", process.as_raw_nonzero())).ok()?;
    let mut entries = environment.split(|byte| *byte == 0);
    let id = entries.find_map(|entry| entry.strip_prefix(b"WM_JOB_ID="))?;
    String::from_utf8(id.to_vec()).ok()
}
