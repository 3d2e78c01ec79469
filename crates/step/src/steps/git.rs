//! Git as the steps use it: addresses and branches from outside, and the program itself.
//!
//! Always so: nothing from outside becomes an option of git, and a secret in an address reaches neither its arguments nor its
//! configuration on disk nor a message.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use millwright_core::protocol::split_secret;

use super::StepError;
use crate::host::{Finished, Host, Processes, Program};
use crate::workspace::{REDIRECTING, environment};

/// The ways to reach a repository that git may use; `ext::` would run any program.
const PROTOCOLS: &str = "https:http:ssh:git:file";
const SCHEMES: [&str; 5] = ["https://", "http://", "ssh://", "git://", "file://"];

/// A repository's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
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
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
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
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// The last part of the address, without `.git`.
    pub(super) fn repository_name(&self) -> &str {
        let text = without_git(&self.shown);
        text.rsplit(['/', ':']).next().unwrap_or_default()
    }

    /// Whether an address that a checkout has written down means the same repository.
    pub(super) fn is_same(&self, other: &str) -> bool {
        without_git(&self.shown) == without_git(&split_secret(other.trim()).0)
    }

    /// `text` without the secret.
    pub(super) fn strike_from(&self, text: &str) -> String {
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

/// Git, for one repository.
#[derive(Debug)]
pub(super) struct Git<'a, H> {
    host: &'a H,
    address: &'a Address,
}

impl<'a, H: Host + Processes> Git<'a, H> {
    pub(super) fn new(host: &'a H, address: &'a Address) -> Self {
        Self { host, address }
    }

    /// Runs git and gives what it printed, without the line end.
    ///
    /// # Errors
    /// When it cannot be run, is too slow, or fails; then with its own words.
    pub(super) async fn run(
        &self,
        folder: Option<&Path>,
        arguments: &[&str],
        limit: Duration,
    ) -> Result<String, StepError> {
        let finished = self.outcome(folder, arguments, limit).await?;
        if finished.succeeded() {
            return Ok(finished.stdout.trim_end().to_owned());
        }
        let said = self.address.strike_from(finished.stderr.trim());
        let how = finished.code.map_or_else(
            || "was killed".to_owned(),
            |code| format!("failed with {code}"),
        );
        let word = arguments.first().copied().unwrap_or_default();
        Err(StepError::failed(format!(
            "git {word} {how}: {}",
            said.replace('\n', "; ")
        )))
    }

    /// Runs git to its end, however it ends.
    ///
    /// # Errors
    /// When it cannot be run, or is too slow.
    pub(super) async fn outcome(
        &self,
        folder: Option<&Path>,
        arguments: &[&str],
        limit: Duration,
    ) -> Result<Finished, StepError> {
        let program = Program {
            name: "git",
            arguments: arguments
                .iter()
                .map(|&argument| argument.to_owned())
                .collect(),
            directory: folder.map(Path::to_owned),
            environment: self.environment(),
            withheld: REDIRECTING,
            limit,
        };
        Ok(self.host.run(&program).await?)
    }

    fn environment(&self) -> BTreeMap<String, String> {
        // Git reads the address without the secret everywhere, and puts the secret in when it connects.
        let secret = self.address.secret.as_ref().map(|(_, whole)| {
            let key = format!("url.{whole}.insteadOf");
            (key, self.address.shown.clone())
        });
        let settings: Vec<_> = secret.into_iter().collect();
        let mut variables = environment(|name| self.host.env(name), &settings);
        variables.insert("GIT_ALLOW_PROTOCOL".to_owned(), PROTOCOLS.to_owned());
        variables
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
