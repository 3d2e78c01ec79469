//! The address of an API, from the environment.
//!
//! Always so: it is `http` or `https` with a host and holds no user, password, query or fragment, so it may be shown.

use super::ClientError;

/// An API's address, without a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BaseUrl(String);

impl BaseUrl {
    /// Checks the value of an environment variable.
    pub(crate) fn parse(variable: &'static str, text: &str) -> Result<Self, ClientError> {
        match problem(text) {
            None => Ok(Self(text.trim_end_matches('/').to_owned())),
            Some(problem) => Err(ClientError::BadAddress { variable, problem }),
        }
    }

    /// The address of `path`, which begins with a slash.
    pub(crate) fn join(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// The address, for messages.
    pub(crate) fn shown(&self) -> &str {
        &self.0
    }
}

fn problem(text: &str) -> Option<&'static str> {
    let rest = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"));
    let Some(rest) = rest else {
        return Some("it does not begin with http:// or https://");
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let (host, port) = split_port(authority);
    if authority.contains('@') {
        Some("it holds a user or password; put the token into the variable for it")
    } else if host.is_empty() {
        Some("it names no host")
    } else if port.is_some_and(|port| port.parse::<u16>().is_err()) {
        Some("its port is no number up to 65535")
    } else if rest.contains(['?', '#']) {
        Some("it holds a query or a fragment")
    } else if !rest
        .chars()
        .all(|c| c.is_ascii_graphic() && !"\"<>\\^`{|}".contains(c))
    {
        Some("it holds a character that no address has")
    } else {
        None
    }
}

/// Splits `host:port`; the colons of an IPv6 address stand in brackets.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, String> {
        let parsed = BaseUrl::parse("X", text);
        parsed
            .map(|base| base.join("/a"))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn addresses_pass_with_and_without_a_path() {
        for (given, joined) in [
            ("http://localhost:8011", "http://localhost:8011/a"),
            ("https://api.example/base/", "https://api.example/base/a"),
            ("http://[::1]:80", "http://[::1]:80/a"),
            ("http://[::1]", "http://[::1]/a"),
        ] {
            assert_eq!(parse(given).unwrap(), joined);
        }
    }

    #[test]
    fn what_is_no_address_is_named_without_being_shown() {
        for bad in [
            "ftp://x",
            "x:8011",
            "http://",
            "http://u:hush@x",
            "http://x:99999",
            "http://x/?hush",
            "http://x y",
        ] {
            let message = parse(bad).unwrap_err();
            assert!(
                message.starts_with("X is no address of an API"),
                "{message}"
            );
            assert!(!message.contains("hush"), "{message}");
        }
    }
}
