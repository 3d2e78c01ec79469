//! Which Windmill a command speaks to: its arguments, a profile that the official command line saved, or the environment.
//!
//! Always so: no token is printed, and what is missing is named with where it is looked for.

use std::env;
use std::fmt;
use std::time::Duration;

use millwright_core::protocol::without_secrets;

use super::{CommandError, Exit};
use crate::windmill::{BadConnection, Client, Connection, Profile, Profiles};

/// Which Windmill. The names are those of the official command line.
#[derive(clap::Args)]
#[command(next_help_heading = "Windmill")]
pub(super) struct WindmillArgs {
    /// Windmill's address, such as `http://localhost:8000`. Without it a profile that `wmill workspace add` has saved is
    /// taken, else `TASKSGODZILLA_WINDMILL_URL`.
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// The token. Others on this machine can read a command line: `WMILL_TOKEN` or `TASKSGODZILLA_WINDMILL_TOKEN` is
    /// the better place.
    #[arg(
        long,
        value_name = "TOKEN",
        env = "WMILL_TOKEN",
        hide_env_values = true
    )]
    token: Option<String>,
    /// The workspace's id, or without `--base-url` the name of a saved profile.
    #[arg(long, value_name = "WORKSPACE")]
    workspace: Option<String>,
}

impl fmt::Debug for WindmillArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WindmillArgs")
            .field("base_url", &self.shown_url())
            .field("workspace", &self.workspace)
            .finish_non_exhaustive()
    }
}

impl WindmillArgs {
    /// A client of that Windmill.
    pub(super) fn client(&self) -> Result<Client, CommandError> {
        let connection = self.connection()?;
        Client::new(connection).map_err(|error| CommandError::new(Exit::Unavailable, error))
    }

    /// The address without what is secret in it.
    fn shown_url(&self) -> Option<String> {
        self.base_url.as_deref().map(without_secrets)
    }

    /// The arguments by which another command is told of the same Windmill, with a blank before each. The token is none of
    /// them, nor is a password in the address.
    pub(super) fn arguments(&self) -> String {
        let named = [
            ("base-url", self.shown_url()),
            ("workspace", self.workspace.clone()),
        ];
        let given = named
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        given.fold(String::new(), |text, (name, value)| {
            format!("{text} --{name} {value}")
        })
    }

    /// The same; nothing where no Windmill is named.
    pub(super) fn named_client(&self) -> Result<Option<Client>, CommandError> {
        let connection = self.named_connection()?;
        let client = connection.map(Client::new).transpose();
        client.map_err(|error| CommandError::new(Exit::Unavailable, error))
    }

    fn connection(&self) -> Result<Connection, CommandError> {
        match self.named_connection()? {
            Some(connection) => Ok(connection),
            None => Err(bad_input(self.nothing_named()?)),
        }
    }

    fn named_connection(&self) -> Result<Option<Connection>, CommandError> {
        if let Some(url) = &self.base_url {
            return self.named(url).map(Some);
        }
        if let Some(profile) = self.profile()? {
            let token = self.token().unwrap_or(profile.token);
            let connection = connect(&profile.remote, token, &profile.workspace, |error| {
                format!("the saved profile {}: {error}", profile.name)
            });
            return connection.map(Some);
        }
        of_environment(self.workspace.as_deref(), self.token())
    }

    /// The one at an address that was given.
    fn named(&self, url: &str) -> Result<Connection, CommandError> {
        let missing = |what| bad_input(format!("--base-url also needs {what}"));
        let workspace = self.workspace.clone();
        let workspace = workspace.or_else(|| set("TASKSGODZILLA_WINDMILL_WORKSPACE"));
        let workspace = workspace
            .ok_or_else(|| missing("--workspace, or TASKSGODZILLA_WINDMILL_WORKSPACE set"))?;
        let token = self.token().or_else(|| set("TASKSGODZILLA_WINDMILL_TOKEN"));
        let token = token.ok_or_else(|| {
            missing("a token: set WMILL_TOKEN or TASKSGODZILLA_WINDMILL_TOKEN, or use --token")
        })?;
        connect(url, token, &workspace, |error| match error {
            BadConnection::Url(_) => format!("--base-url: {error}"),
            BadConnection::Workspace(_) => format!("--workspace: {error}"),
        })
    }

    fn profile(&self) -> Result<Option<Profile>, CommandError> {
        let profiles = profiles()?;
        Ok(profiles.find(self.workspace.as_deref()).cloned())
    }

    /// A token that is given but empty is none.
    fn token(&self) -> Option<String> {
        self.token.clone().filter(|token| !token.is_empty())
    }

    fn nothing_named(&self) -> Result<String, CommandError> {
        let profiles = profiles()?;
        let names: Vec<&str> = profiles.names().collect();
        let saved = match (&self.workspace, names.as_slice()) {
            (Some(name), []) => format!("no profile {name:?} is saved, nor any other"),
            (Some(name), names) => {
                format!(
                    "no profile {name:?} is saved; there are {}",
                    names.join(", ")
                )
            }
            (None, []) => "no Windmill is named".to_owned(),
            (None, names) => format!(
                "no Windmill is named, and none of the saved profiles is active: {}",
                names.join(", ")
            ),
        };
        Ok(format!(
            "{saved}: use --base-url and --workspace with WMILL_TOKEN set, or save a profile with `wmill workspace add`, or set TASKSGODZILLA_WINDMILL_URL"
        ))
    }
}

fn profiles() -> Result<Profiles, CommandError> {
    Profiles::read(|name| env::var(name).ok()).map_err(bad_input)
}

/// The Windmill that the environment names, with another workspace or token than it names where one is given.
pub(super) fn of_environment(
    workspace: Option<&str>,
    token: Option<String>,
) -> Result<Option<Connection>, CommandError> {
    let Some(url) = set("TASKSGODZILLA_WINDMILL_URL") else {
        return Ok(None);
    };
    let own = set("TASKSGODZILLA_WINDMILL_WORKSPACE");
    let workspace = workspace.or(own.as_deref()).unwrap_or("starter");
    let token = token.or_else(|| set("TASKSGODZILLA_WINDMILL_TOKEN"));
    let connection = Connection::new(&url, token, workspace, timeout()?);
    connection.map(Some).map_err(|error| {
        let variable = match error {
            BadConnection::Url(_) => "TASKSGODZILLA_WINDMILL_URL",
            BadConnection::Workspace(_) => "TASKSGODZILLA_WINDMILL_WORKSPACE",
        };
        bad_input(format!("{variable}: {error}"))
    })
}

fn connect(
    url: &str,
    token: String,
    workspace: &str,
    told: impl FnOnce(BadConnection) -> String,
) -> Result<Connection, CommandError> {
    Connection::new(url, Some(token), workspace, timeout()?).map_err(|error| bad_input(told(error)))
}

/// How long an answer may stand still.
fn timeout() -> Result<Duration, CommandError> {
    let seconds = set("TASKSGODZILLA_WINDMILL_TIMEOUT_SECONDS").unwrap_or_else(|| "10".to_owned());
    let timeout = seconds
        .parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    timeout.filter(|timeout| !timeout.is_zero()).ok_or_else(|| {
        bad_input(format!(
            "TASKSGODZILLA_WINDMILL_TIMEOUT_SECONDS is {seconds:?}: use a number of seconds above 0"
        ))
    })
}

fn set(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn bad_input(message: impl fmt::Display) -> CommandError {
    CommandError::new(Exit::BadInput, message)
}
