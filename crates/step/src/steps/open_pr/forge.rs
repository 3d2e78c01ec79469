//! The forge that a repository is on: found by the remote's address and the environment.
//!
//! Always so: a token is used at github.com, gitlab.com, and where the environment names the API; nowhere else, and never where git
//! would send it unencrypted to another machine.

#[cfg(test)]
mod tests;

use std::net::IpAddr;

use super::Address;
use crate::client::BaseUrl;
use crate::host::Secret;

/// Names GitHub's API, as GitHub's own runners do.
const GITHUB_API: &str = "GITHUB_API_URL";
/// Names GitLab's API.
const GITLAB_API: &str = "GITLAB_API_URL";
const GITHUB_TOKENS: [&str; 2] = ["GITHUB_TOKEN", "GH_TOKEN"];
const GITLAB_TOKENS: [&str; 1] = ["GITLAB_TOKEN"];

/// What kind of forge it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    GitHub,
    GitLab,
}

/// A repository on a forge.
#[derive(Debug)]
pub(super) struct Forge {
    pub(super) kind: Kind,
    /// Its host, as people name it.
    pub(super) host: String,
    /// The repository: `owner/name`, at GitLab perhaps with more groups.
    pub(super) path: String,
    /// Its API, where it is known.
    pub(super) api: Option<BaseUrl>,
    /// The variable that holds the token, and the token.
    pub(super) token: Option<(&'static str, Secret)>,
    /// Where git speaks HTTP with it and nobody listens: scheme and host.
    http: Option<String>,
}

/// Where a repository is.
struct Location {
    host: String,
    path: String,
    http: Option<String>,
}

impl Forge {
    /// Finds the forge of an address.
    ///
    /// # Errors
    /// What is wrong, or unknown, and what to do.
    pub(super) fn of(
        address: &Address,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let location = Location::of(address.shown());
        let Location { host, path, http } = location.ok_or_else(|| unknown(address.shown()))?;
        let api = |name| match variable(name) {
            Some(text) => BaseUrl::parse(name, &text).map(Some),
            None => Ok(None),
        };
        let api = |name| api(name).map_err(|error| error.to_string());
        let (github, gitlab) = (api(GITHUB_API)?, api(GITLAB_API)?);
        let standard = |text| BaseUrl::parse("", text).ok();
        let named = |api: &Option<BaseUrl>| api.as_ref().is_some_and(|api| is_of(api, &host));
        // Where the environment names another forge's API, the token there is that forge's.
        let known = |api: Option<BaseUrl>, usual| match api {
            Some(api) => Some(api).filter(|api| is_of(api, &host) || is_here(authority(api))),
            None => standard(usual),
        };
        let (kind, api) = match host.as_str() {
            "github.com" => (Kind::GitHub, known(github, "https://api.github.com")),
            "gitlab.com" => (Kind::GitLab, known(gitlab, "https://gitlab.com/api/v4")),
            _ if named(&github) => (Kind::GitHub, github),
            _ if named(&gitlab) => (Kind::GitLab, gitlab),
            // Its own program may know it; no token of ours goes there.
            _ if host.contains("gitlab") => (Kind::GitLab, None),
            _ if host.contains("github") => (Kind::GitHub, None),
            _ => return Err(unknown(&host)),
        };
        let token = match &api {
            Some(_) => kind.token(&variable)?,
            None => None,
        };
        Ok(Self {
            kind,
            path: checked(&path, kind)?,
            host,
            api,
            token,
            http,
        })
    }

    /// Its name in results.
    pub(super) fn name(&self) -> &'static str {
        match self.kind {
            Kind::GitHub => "github",
            Kind::GitLab => "gitlab",
        }
    }

    /// Where a person opens the request.
    pub(super) fn compare_url(&self, branch: &str, base: &str) -> String {
        let (branch, base) = (encoded(branch, "/"), encoded(base, "/"));
        let repository = format!("https://{}/{}", self.host, self.path);
        match self.kind {
            Kind::GitHub => format!("{repository}/compare/{base}...{branch}?expand=1"),
            Kind::GitLab => format!(
                "{repository}/-/merge_requests/new?merge_request%5Bsource_branch%5D={branch}\
                 &merge_request%5Btarget_branch%5D={base}"
            ),
        }
    }

    /// Lets git take the token from its environment where it speaks HTTP with this forge. What git is told names the
    /// variable alone.
    pub(super) fn push_settings(&self) -> Vec<(String, String)> {
        let (Some(http), Some((variable, _))) = (&self.http, &self.token) else {
            return Vec::new();
        };
        let user = match self.kind {
            Kind::GitHub => "x-access-token",
            Kind::GitLab => "oauth2",
        };
        let helper = format!(
            "!f() {{ test \"$1\" != get || printf 'username={user}\\npassword=%s\\n' \"${variable}\"; }}; f"
        );
        vec![(format!("credential.{http}.helper"), helper)]
    }

    /// A text in which the token is not.
    pub(super) fn without_secret(&self, text: &str) -> String {
        match &self.token {
            Some((_, token)) => token.strike_from(text),
            None => text.to_owned(),
        }
    }

    /// The variables in which a token is looked for, as words.
    pub(super) fn token_variables(&self) -> String {
        let variables = self.kind.variables().join(" or ");
        if self.api.is_none() {
            let api = match self.kind {
                Kind::GitHub => GITHUB_API,
                Kind::GitLab => GITLAB_API,
            };
            return format!("{variables}, with the address of its API in {api}");
        }
        variables
    }
}

impl Kind {
    fn variables(self) -> &'static [&'static str] {
        match self {
            Self::GitHub => &GITHUB_TOKENS,
            Self::GitLab => &GITLAB_TOKENS,
        }
    }

    fn token(
        self,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<(&'static str, Secret)>, String> {
        let mut names = self.variables().iter();
        let Some((name, token)) = names.find_map(|name| Some((*name, variable(name)?))) else {
            return Ok(None);
        };
        if token.chars().all(|c| c.is_ascii_graphic()) {
            Ok(Some((name, Secret::new(token))))
        } else {
            Err(format!(
                "{name} cannot be sent: it holds a space, a line end or a character beyond ASCII"
            ))
        }
    }
}

impl Location {
    /// Host and path of an address that another machine is behind.
    fn of(address: &str) -> Option<Self> {
        for scheme in ["https", "http", "ssh", "git"] {
            let rest = address.strip_prefix(scheme);
            let Some(rest) = rest.and_then(|rest| rest.strip_prefix("://")) else {
                continue;
            };
            let (authority, path) = rest.split_once('/')?;
            let authority = authority.rsplit('@').next().unwrap_or(authority);
            let is_http = scheme.starts_with("http");
            let host = if is_http {
                authority
            } else {
                authority.split(':').next().unwrap_or(authority)
            };
            let is_private = scheme == "https" || is_http && is_here(authority);
            let http = is_private.then(|| format!("{scheme}://{authority}"));
            return Some(Self::new(host, path, http));
        }
        let (_, rest) = address.split_once('@')?;
        let (host, path) = rest.split_once(':')?;
        Some(Self::new(host, path, None))
    }

    fn new(host: &str, path: &str, http: Option<String>) -> Self {
        let host = host.to_ascii_lowercase();
        // Where SSH goes through the port of HTTPS.
        let host = match host.as_str() {
            "ssh.github.com" => "github.com".to_owned(),
            "altssh.gitlab.com" => "gitlab.com".to_owned(),
            _ => host,
        };
        let path = path.trim_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path).to_owned();
        Self { host, path, http }
    }
}

/// Whether an API is that of a host: on it, or on `api.` of it.
fn is_of(api: &BaseUrl, host: &str) -> bool {
    let authority = authority(api).to_ascii_lowercase();
    let name = authority.strip_prefix("api.").unwrap_or(&authority);
    let bare = |text: &str| text.split(':').next().unwrap_or_default().to_owned();
    authority == host || name == host || (!host.contains(':') && bare(name) == host)
}

/// An API's host, with its port.
fn authority(api: &BaseUrl) -> &str {
    api.shown().split('/').nth(2).unwrap_or_default()
}

/// Whether what has this host and port is on this machine.
fn is_here(authority: &str) -> bool {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => host,
        _ => authority,
    };
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// A repository's path, of which each part is a name: it becomes a part of addresses.
fn checked(path: &str, kind: Kind) -> Result<String, String> {
    let is_name = |part: &str| {
        let known = |c: char| c.is_ascii_alphanumeric() || "._-+".contains(c);
        !part.is_empty() && part != "." && part != ".." && part.chars().all(known)
    };
    let count = path.split('/').count();
    let fits = match kind {
        Kind::GitHub => count == 2,
        Kind::GitLab => count >= 2,
    };
    if fits && path.split('/').all(is_name) {
        Ok(path.to_owned())
    } else {
        Err(format!(
            "{path:?} is no repository of a forge: expected owner/name"
        ))
    }
}

fn unknown(place: &str) -> String {
    format!(
        "no forge is known at {place}: pull requests are opened at github.com and gitlab.com, and at the hosts that \
         {GITHUB_API} and {GITLAB_API} name"
    )
}

/// A text as a part of an address; what is in `kept` stays as it is.
pub(super) fn encoded(text: &str, kept: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        let c = char::from(byte);
        if c.is_ascii_alphanumeric() || "-._~".contains(c) || kept.contains(c) {
            encoded.push(c);
        } else {
            encoded.extend(['%', hex(byte >> 4), hex(byte & 15)]);
        }
    }
    encoded
}

fn hex(digit: u8) -> char {
    let digit = char::from_digit(digit.into(), 16).unwrap_or('0');
    digit.to_ascii_uppercase()
}
