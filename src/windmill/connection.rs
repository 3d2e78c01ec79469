//! Which Windmill is asked.
//!
//! Always so: the token is never printed.

use std::fmt;
use std::time::Duration;

use url::Url;

/// A Windmill, one of its workspaces, and who asks.
#[derive(Clone)]
pub struct Connection {
    pub(super) url: Url,
    pub(super) token: Option<String>,
    pub(super) workspace: String,
    pub(super) timeout: Duration,
}

/// Why a Windmill cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadConnection {
    /// The address is no web address.
    #[error("it is no address such as http://localhost:8000: {0}")]
    Url(String),
    /// The workspace would not be one segment of an address.
    #[error("{0:?} is no workspace's id: use letters, digits, - and _")]
    Workspace(String),
}

impl Connection {
    /// A Windmill at `url`, asked with `token`, about `workspace`. An answer that stands still for `timeout` is given up.
    ///
    /// # Errors
    /// [`BadConnection`] where the address or the workspace is none.
    pub fn new(
        url: &str,
        token: Option<String>,
        workspace: &str,
        timeout: Duration,
    ) -> Result<Self, BadConnection> {
        let mut url = Url::parse(url).map_err(|error| BadConnection::Url(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(BadConnection::Url(format!(
                "the scheme is {}",
                url.scheme()
            )));
        }
        url.set_query(None);
        url.set_fragment(None);
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        if workspace.is_empty() || !workspace.chars().all(plain) {
            return Err(BadConnection::Workspace(workspace.to_owned()));
        }
        Ok(Self {
            url,
            token: token.filter(|token| !token.is_empty()),
            workspace: workspace.to_owned(),
            timeout,
        })
    }

    /// The address, without a password that may stand in it.
    pub fn address(&self) -> String {
        let mut url = self.url.clone();
        // Both fail for addresses without a host alone, and those are refused.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.as_str().trim_end_matches('/').to_owned()
    }

    /// The workspace's id.
    pub fn workspace(&self) -> &str {
        &self.workspace
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("url", &self.address())
            .field("workspace", &self.workspace)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
