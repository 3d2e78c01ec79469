//! `millwright deploy` against a workspace.
//!
//! Always so: the command sees no profile, token or address but those that the test gives it.

use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::deploy_double::Workspace;
use crate::process::millwright;
pub(crate) use crate::suite::Said;
use crate::windmill_double::TOKEN;

/// A workspace, and a folder in which the command runs.
pub(crate) struct Deployment {
    pub(crate) workspace: Workspace,
    folder: TempDir,
}

impl Deployment {
    /// An empty workspace.
    pub(crate) async fn new() -> Self {
        Self {
            workspace: Workspace::start().await,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// A workspace that was deployed to.
    pub(crate) async fn done() -> Self {
        let deployment = Self::new().await;
        deployment.says("--apply").await;
        deployment.workspace.take_asked();
        deployment
    }

    /// The command for this workspace.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = self.bare(arguments);
        command.args(["--base-url", &self.workspace.url, "--workspace", "starter"]);
        command.env("WMILL_TOKEN", TOKEN);
        command
    }

    /// The command that is told of no workspace.
    pub(crate) fn bare(&self, arguments: &str) -> Command {
        let mut command = millwright(self.folder.path(), &["deploy"]);
        command.args(arguments.split_whitespace());
        command.env_remove("WMILL_TOKEN");
        command.env("WMILL_CONFIG_DIR", self.folder.path());
        command
    }

    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Runs the command, which ends well.
    pub(crate) async fn says(&self, arguments: &str) -> Said {
        let said = run(self.command(arguments)).await;
        assert_eq!(said.exit, 0, "{arguments}: {}", said.stderr);
        said
    }

    /// Runs the command, which ends with this code.
    pub(crate) async fn fails(&self, arguments: &str, exit: i32) -> Said {
        let said = run(self.command(arguments)).await;
        assert_eq!(said.exit, exit, "{arguments}: {}", said.stderr);
        said
    }

    /// What the workspace remembers of a thing.
    pub(crate) fn remembered(&self) -> Value {
        let record = self
            .workspace
            .item("variables f/devgodzilla/millwright_deployment");
        serde_json::from_str(record["value"].as_str().unwrap()).unwrap()
    }
}

/// Runs a command to its end.
pub(crate) async fn run(mut command: Command) -> Said {
    let output = tokio::task::spawn_blocking(move || command.output());
    output.await.unwrap().unwrap().into()
}
