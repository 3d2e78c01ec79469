//! The way to a pull request that is open: the forge's API where there is a token, else the forge's own program.
//!
//! Always so: before one is opened, and when opening failed, it is looked whether one is open.

use super::forge::{Forge, Kind};
use super::programs::{self, ProgramFailure};
use super::rest::Rest;
use crate::host::{Host, Processes};

/// A pull request that is to be opened.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) title: String,
    pub(super) text: String,
    pub(super) branch: String,
    pub(super) base: String,
    /// Whether it is shown as a draft.
    pub(super) unfinished: bool,
}

/// A pull request that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) number: i64,
    pub(super) url: String,
    /// Whether it was open before.
    pub(super) was_open: bool,
}

/// Opens a pull request on a forge.
pub(super) struct Opener<'a, H> {
    pub(super) forge: &'a Forge,
    pub(super) host: &'a H,
    pub(super) draft: &'a Draft,
}

impl<H: Host + Processes> Opener<'_, H> {
    /// The request of the branch: the one that is open, else a new one.
    ///
    /// # Errors
    /// Why there is none, and what to do.
    pub(super) async fn open(&self) -> Result<Found, String> {
        if let (Some((variable, token)), Some(api)) = (&self.forge.token, &self.forge.api) {
            let rest = Rest {
                api,
                forge: self.forge,
                host: self.host,
                variable,
                token,
            };
            return self.by_api(&rest).await;
        }
        self.by_program().await
    }

    async fn by_api(&self, rest: &Rest<'_, H>) -> Result<Found, String> {
        if let Some(found) = rest.find(self.draft).await? {
            return Ok(found);
        }
        match rest.create(self.draft).await {
            Ok(found) => Ok(found),
            // Someone else may have been first, or the answer was lost.
            Err(problem) => match rest.find(self.draft).await {
                Ok(Some(found)) => Ok(found),
                _ => Err(problem),
            },
        }
    }

    async fn by_program(&self) -> Result<Found, String> {
        let opened = match self.forge.kind {
            Kind::GitHub => programs::gh(self.forge, self.draft, self.host).await,
            Kind::GitLab => programs::glab(self.forge, self.draft, self.host).await,
        };
        opened.map_err(|failure| match failure {
            ProgramFailure::Missing(name) => format!(
                "no token is in {}, and {name} is not installed",
                self.forge.token_variables()
            ),
            ProgramFailure::Failed(said) => {
                format!(
                    "{said}; or give a token in {}",
                    self.forge.token_variables()
                )
            }
        })
    }
}
