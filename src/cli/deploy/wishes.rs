//! What is chosen for a deployment, by arguments and environment.
//!
//! Always so: the API's token comes from a variable of the environment, never from an argument.

use std::env;

use clap::Args;

use crate::cli::packaging_args::PackagingArgs;
use crate::cli::{CommandError, Exit};
use crate::deploy::{Audit, Place, Wishes};

/// The variable from which the token is taken where none is named.
const TOKEN: &str = "TASKSGODZILLA_API_TOKEN";

#[derive(Debug, Args)]
pub(super) struct WishArgs {
    /// Deploys all of it, scripts too, into this folder instead of `u/devgodzilla` and `f/devgodzilla`: beside another
    /// deployment, or where one may write to a folder alone.
    #[arg(long, value_name = "NAME")]
    folder: Option<Place>,
    #[command(flatten)]
    packaging: PackagingArgs,
    /// The worker tag of the scripts that run engines.
    #[arg(long, value_name = "TAG")]
    tag_engines: Option<String>,
    /// The refs API's address as the workers reach it: the workspace's jobs get it as `TASKSGODZILLA_API_URL`.
    #[arg(long, value_name = "URL")]
    api_url: Option<String>,
    /// The variable of this environment that holds the refs API's token. By default `TASKSGODZILLA_API_TOKEN`, where it is
    /// set. It becomes a secret variable of the workspace, which jobs are given by reference.
    #[arg(long, value_name = "NAME")]
    api_token_from: Option<String>,
    /// Writes the token also where the workspace has one: it cannot be read back to be compared.
    #[arg(long)]
    rotate_token: bool,
    /// Jobs have the API's address and token from their workers; says what to set there.
    #[arg(long, conflicts_with_all = ["api_url", "api_token_from", "rotate_token"])]
    env_from_workers: bool,
    /// Audits specs at these times: cron in six fields, seconds first, such as `0 0 4 * * *`, in UTC; `off` turns it off.
    /// A new schedule is off.
    #[arg(long, value_name = "CRON|off")]
    schedule_audit: Option<String>,
}

impl WishArgs {
    /// What is chosen.
    pub(super) fn read(&self) -> Result<Wishes, CommandError> {
        if let Some(url) = &self.api_url {
            check_url(url)?;
        }
        Ok(Wishes {
            place: self.folder.clone().unwrap_or_default(),
            packaging: self.packaging.choices.clone(),
            engine_tag: self.tag_engines.clone().map(check_tag).transpose()?,
            api_url: self.api_url.clone(),
            token: self.token()?,
            rotate_token: self.rotate_token,
            env_from_workers: self.env_from_workers,
            audit: self.audit()?,
        })
    }

    /// Whether jobs have address and token from their workers.
    pub(super) fn are_from_workers(&self) -> bool {
        self.env_from_workers
    }

    fn token(&self) -> Result<Option<String>, CommandError> {
        if self.env_from_workers {
            return Ok(None);
        }
        let name = self.api_token_from.as_deref().unwrap_or(TOKEN);
        let token = env::var(name).ok().filter(|token| !token.is_empty());
        let is_needed = self.api_token_from.is_some() || self.rotate_token;
        if is_needed && token.is_none() {
            let message = format!("the API's token is to come from {name}, which is not set");
            return Err(CommandError::new(Exit::BadInput, message));
        }
        Ok(token)
    }

    fn audit(&self) -> Result<Audit, CommandError> {
        match self.schedule_audit.as_deref() {
            None => Ok(Audit::AsItStands),
            Some("off") => Ok(Audit::Off),
            Some(cron) if cron.split_whitespace().count() == 6 => Ok(Audit::At(cron.to_owned())),
            Some(cron) => {
                let message = format!(
                    "--schedule-audit {cron:?}: use six fields, seconds first, such as \"0 0 4 * * *\""
                );
                Err(CommandError::new(Exit::BadInput, message))
            }
        }
    }
}

/// Everyone who may run jobs can read the address.
fn check_url(text: &str) -> Result<(), CommandError> {
    let bad = |reason: String| CommandError::new(Exit::BadInput, format!("--api-url: {reason}"));
    let url = url::Url::parse(text).map_err(|error| bad(error.to_string()))?;
    if !["http", "https"].contains(&url.scheme()) || url.host().is_none() {
        return Err(bad(
            "an API's address is such as https://mill.example:8011".to_owned()
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad(
            "there is a password in it, which every job could read: leave it out".to_owned(),
        ));
    }
    Ok(())
}

/// Windmill's own limit.
fn check_tag(tag: String) -> Result<String, CommandError> {
    if tag.is_empty() || tag.len() > 50 || tag.chars().any(char::is_whitespace) {
        let message = format!("--tag-engines {tag:?}: a tag is up to 50 characters without blanks");
        return Err(CommandError::new(Exit::BadInput, message));
    }
    Ok(tag)
}
