//! Processes under measurement.
//!
//! Always so: a process started here is ended here.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use wait4::Wait4;

/// The token that servers under measurement take.
pub(crate) const TOKEN: &str = "bench";

/// A server that prints its address on its first line.
pub(crate) struct Server {
    child: Child,
    url: String,
}

/// What one whole process needed.
pub(crate) struct Cost {
    /// From its start to its end.
    pub(crate) wall: Duration,
    /// The most memory that it held, in bytes.
    pub(crate) peak: u64,
}

impl Server {
    /// `millwright serve` or `up` on a free port, with a database in `folder`.
    pub(crate) fn millwright(program: &Path, command: &str, folder: &Path) -> anyhow::Result<Self> {
        let database = format!("sqlite://{}", folder.join("bench.db").display());
        let arguments = [command, "--listen", "127.0.0.1:0", "--database", &database];
        Self::start(
            Command::new(program)
                .args(arguments)
                .current_dir(folder)
                .env("TASKSGODZILLA_API_TOKEN", TOKEN),
        )
    }

    /// Any server that prints a line with its address.
    pub(crate) fn start(command: &mut Command) -> anyhow::Result<Self> {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let stdout = child.stdout.take().context("a server without stdout")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let url = line
            .split_whitespace()
            .find(|word| word.starts_with("http://"));
        Ok(Self {
            url: url
                .context("the server did not say where it listens")?
                .to_owned(),
            child,
        })
    }

    /// Its address with the scheme.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Its host and port.
    pub(crate) fn address(&self) -> &str {
        self.url.trim_start_matches("http://").trim_end_matches('/')
    }

    /// The most memory that it has held so far, in bytes.
    pub(crate) fn peak(&self) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes: u64 = line
            .context("no VmHWM")?
            .trim()
            .trim_end_matches(" kB")
            .parse()?;
        Ok(kilobytes * 1024)
    }

    /// Ends it as a power cut would end the process: `kill -9`.
    pub(crate) fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Runs a process to its end.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<Cost> {
    let begin = Instant::now();
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let used = child.wait4()?;
    let wall = begin.elapsed();
    ensure!(
        used.status.success(),
        "{} ended with {}",
        command.get_program().display(),
        used.status
    );
    Ok(Cost {
        wall,
        peak: used.rusage.maxrss,
    })
}

/// The Python interpreter itself: a version manager's wrapper in front of it would be measured as well.
pub(crate) fn python() -> anyhow::Result<PathBuf> {
    let output = Command::new("python3")
        .args(["-c", "import sys; print(sys.executable)"])
        .output();
    let output = output.context("the references want python3")?;
    Ok(PathBuf::from(String::from_utf8(output.stdout)?.trim()))
}

/// The middle one.
pub(crate) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// A time in milliseconds.
pub(crate) fn milliseconds(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

/// A size in MiB.
#[expect(clippy::cast_precision_loss, reason = "sizes far below 2^52")]
pub(crate) fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
