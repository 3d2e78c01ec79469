//! Addresses of repositories, from outside.
//!
//! Always so: nothing from outside becomes an option of git, and what is secret in an address is in no text that is shown.

use millwright_core::protocol::split_secret;

const SCHEMES: [&str; 5] = ["https://", "http://", "ssh://", "git://", "file://"];

/// A repository's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// Without user and password where these are secret.
    shown: String,
    /// `user:password` of an `http` address, and the address with them.
    secret: Option<(String, String)>,
}

impl Address {
    /// Checks an address: a URL, `user@host:path`, or an absolute path.
    ///
    /// # Errors
    /// What is wrong with it, without showing it.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err("it holds a space or a control character");
        }
        if !(text.starts_with('/')
            || SCHEMES.iter().any(|scheme| text.starts_with(scheme))
            || is_scp(text))
        {
            return Err(
                "it is no https, http, ssh, git or file URL, no user@host:path and no absolute path",
            );
        }
        let (shown, secret) = split_secret(text);
        let address = Self { shown, secret };
        match address.repository_name() {
            "" | "." | ".." => Err("it names no repository"),
            _ => Ok(address),
        }
    }

    /// The address, for messages and for git.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// What tells git the user and password where it connects, in its environment: everywhere else it reads the address without.
    pub(crate) fn settings(&self) -> Vec<(String, String)> {
        let secret = self.secret.as_ref().map(|(_, whole)| {
            let key = format!("url.{whole}.insteadOf");
            (key, self.shown.clone())
        });
        secret.into_iter().collect()
    }

    /// The last part of the address, without `.git`.
    pub(crate) fn repository_name(&self) -> &str {
        let text = without_git(&self.shown);
        text.rsplit(['/', ':']).next().unwrap_or_default()
    }

    /// Whether an address that a checkout has written down means the same repository.
    pub(crate) fn is_same(&self, other: &str) -> bool {
        without_git(&self.shown) == without_git(&split_secret(other.trim()).0)
    }

    /// `text` without the secret.
    pub(crate) fn strike_from(&self, text: &str) -> String {
        let Some((user, _)) = &self.secret else {
            return text.to_owned();
        };
        let password = user
            .split_once(':')
            .map_or(user.as_str(), |(_, password)| password);
        let text = text.replace(user, "***");
        if password.is_empty() {
            text
        } else {
            text.replace(password, "***")
        }
    }
}

/// `user@host:path`, with nothing that ssh could take for an option.
fn is_scp(text: &str) -> bool {
    let word = |text: &str| {
        let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        begins
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    };
    let parts = text
        .split_once('@')
        .and_then(|(user, rest)| Some((user, rest.split_once(':')?)));
    parts.is_some_and(|(user, (host, path))| {
        word(user) && word(host) && !path.is_empty() && !path.starts_with('-')
    })
}

fn without_git(address: &str) -> &str {
    let address = address.trim_end_matches('/');
    address
        .strip_suffix(".git")
        .unwrap_or(address)
        .trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_name_and_keep_their_secret() {
        for (text, shown, name) in [
            ("https://host/a/demo.git", "https://host/a/demo.git", "demo"),
            (
                "https://me:hush@host/a/demo.git/",
                "https://host/a/demo.git/",
                "demo",
            ),
            ("https://hush@host/demo", "https://host/demo", "demo"),
            ("git@host:team/demo.git", "git@host:team/demo.git", "demo"),
            ("ssh://git@host:22/demo", "ssh://git@host:22/demo", "demo"),
            ("/srv/demo.git", "/srv/demo.git", "demo"),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!((address.shown(), address.repository_name()), (shown, name));
            assert!(
                !address
                    .strike_from(&format!("fatal: {text}"))
                    .contains("hush")
            );
        }
    }

    #[test]
    fn what_git_could_misread_is_refused() {
        for text in [
            "",
            "demo",
            "-u",
            "--upload-pack=x",
            "ext::sh -c id",
            "ext::sh",
            "git@-oProxyCommand=x:y",
            "-x@host:y",
            "https://host/a b",
            "https://host/\n",
            "https://host/..",
            "/",
            "git@host:",
            "git@host:-x",
            "fd::3",
        ] {
            assert!(Address::parse(text).is_err(), "{text:?} passed");
        }
    }

    #[test]
    fn the_same_repository_is_recognised() {
        let address = Address::parse("https://me:hush@host/a/demo.git").unwrap();
        assert!(address.is_same("https://host/a/demo"));
        assert!(address.is_same("https://other@host/a/demo.git/\n"));
        assert!(!address.is_same("https://host/b/demo"));
    }
}
