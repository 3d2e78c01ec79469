//! `millwright up` as a child process.
//!
//! Always so: the child is ended before this program ends, whatever happens.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use anyhow::{Context, ensure};
use rustix::process::{Pid, Signal, kill_process};

/// A running server.
pub(crate) struct Server {
    child: Child,
    url: String,
    token: String,
    database: String,
}

impl Server {
    /// Starts a server on a free port with a database in the folder and more variables, and waits until it listens.
    pub(crate) fn start(
        millwright: &Path,
        folder: &Path,
        environment: impl IntoIterator<Item = (&'static str, OsString)>,
    ) -> anyhow::Result<Self> {
        let database = format!("sqlite://{}", folder.join("millwright.db").display());
        let token = uuid::Uuid::new_v4().simple().to_string();
        let mut child = Command::new(millwright)
            .args(["up", "--listen", "127.0.0.1:0", "--database", &database])
            // Reports and outputs are read through the API too.
            .arg("--log-root")
            .arg(folder)
            .env("TASKSGODZILLA_API_TOKEN", &token)
            .envs(environment)
            .current_dir(folder)
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", millwright.display()))?;
        let stdout = child.stdout.take().context("the server has no stdout")?;
        let mut address = String::new();
        BufReader::new(stdout).read_line(&mut address)?;
        let url = address
            .split_whitespace()
            .find(|word| word.starts_with("http://"));
        let url = url
            .context("the server did not say where it listens")?
            .to_owned();
        Ok(Self {
            child,
            url,
            token,
            database,
        })
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The bearer token that it takes.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Its database's address.
    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    /// Waits until Ctrl-C, which reaches the child as well, has ended it.
    pub(crate) fn wait_for_interrupt(&mut self) -> anyhow::Result<()> {
        // This program must outlive the signal, to remove its folder.
        signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::default())?;
        self.child.wait()?;
        Ok(())
    }

    /// Ends it and checks that it ended well.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        if let Some(status) = self.child.try_wait()? {
            ensure!(status.success(), "the server ended early: {status}");
            return Ok(());
        }
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let status = self.child.wait()?;
        ensure!(
            status.success(),
            "the server did not stop cleanly: {status}"
        );
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already, and there is nobody to tell.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
