//! Which Windmill is asked.
//!
//! Always so: the token is never printed.

use std::fmt;
use std::time::Duration;

use url::Url;

/// The Windmill that is asked about jobs that the mill does not know.
#[derive(Clone)]
pub struct WindmillOptions {
    pub(super) url: Url,
    pub(super) token: Option<String>,
    pub(super) workspace: String,
    pub(super) timeout: Duration,
}

/// Why a Windmill cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadWindmill {
    /// The address is no web address.
    #[error("TASKSGODZILLA_WINDMILL_URL is no address such as http://localhost:8000: {0}")]
    Url(String),
    /// The workspace would not be one segment of an address.
    #[error("TASKSGODZILLA_WINDMILL_WORKSPACE {0:?} is no workspace: use letters, digits, - and _")]
    Workspace(String),
}

impl WindmillOptions {
    /// A Windmill at `url`, asked with `token`, about jobs of `workspace`. An answer that stands still for `timeout` is
    /// given up.
    ///
    /// # Errors
    /// [`BadWindmill`] where the address or the workspace is none.
    pub fn new(
        url: &str,
        token: Option<String>,
        workspace: &str,
        timeout: Duration,
    ) -> Result<Self, BadWindmill> {
        let mut url = Url::parse(url).map_err(|error| BadWindmill::Url(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(BadWindmill::Url(format!("the scheme is {}", url.scheme())));
        }
        url.set_query(None);
        url.set_fragment(None);
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        if workspace.is_empty() || !workspace.chars().all(plain) {
            return Err(BadWindmill::Workspace(workspace.to_owned()));
        }
        Ok(Self {
            url,
            token: token.filter(|token| !token.is_empty()),
            workspace: workspace.to_owned(),
            timeout,
        })
    }
}

impl fmt::Debug for WindmillOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WindmillOptions")
            .field("url", &self.url.as_str())
            .field("workspace", &self.workspace)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
