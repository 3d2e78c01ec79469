//! Which forge an address means, and who gets its token.
//!
//! Always so: nothing is asked of a forge.

use std::io::Write;
use std::process::{Command, Stdio};

use super::*;

fn forge(address: &str, variables: &[(&str, &str)]) -> Result<Forge, String> {
    Forge::of(&Address::parse(address).unwrap(), |name| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    })
}

#[test]
fn a_forge_is_found_by_the_remotes_address() {
    for (address, kind, host, path) in [
        (
            "https://github.com/acme/demo.v2.git",
            Kind::GitHub,
            "github.com",
            "acme/demo.v2",
        ),
        (
            "https://me:hush@GitHub.com/acme/a.b.c/",
            Kind::GitHub,
            "github.com",
            "acme/a.b.c",
        ),
        (
            "git@github.com:acme/demo.git",
            Kind::GitHub,
            "github.com",
            "acme/demo",
        ),
        (
            "ssh://git@ssh.github.com:443/acme/demo",
            Kind::GitHub,
            "github.com",
            "acme/demo",
        ),
        (
            "https://gitlab.com/a/b/c.git",
            Kind::GitLab,
            "gitlab.com",
            "a/b/c",
        ),
        (
            "git@gitlab.example.org:a/b.git",
            Kind::GitLab,
            "gitlab.example.org",
            "a/b",
        ),
    ] {
        let forge = forge(address, &[]).unwrap();
        assert_eq!((forge.kind, &*forge.host, &*forge.path), (kind, host, path));
    }
    for address in [
        "/srv/demo.git",
        "https://bitbucket.org/a/b",
        "https://github.com/only",
        "https://github.com/a/b/c",
        "https://github.com/../b",
        "https://github.com/a/%2e%2e",
    ] {
        assert!(forge(address, &[]).is_err(), "{address}");
    }
}

#[test]
fn a_token_is_used_only_where_someone_said_that_its_forge_is() {
    let token = [("GITLAB_TOKEN", "hush"), ("GITHUB_TOKEN", "hush")];
    let known = |address, more: &[(&str, &str)]| {
        let forge = forge(address, &[&token[..], more].concat());
        forge.map(|forge| forge.token.is_some())
    };
    assert_eq!(known("https://gitlab.evil.org/a/b", &[]), Ok(false));
    assert_eq!(known("https://gitlab.com/a/b", &[]), Ok(true));
    let api = [("GITLAB_API_URL", "https://git.example.org/api/v4/")];
    assert_eq!(known("https://git.example.org/a/b", &api), Ok(true));
    assert_eq!(known("ssh://git@git.example.org:22/a/b", &api), Ok(true));
    assert!(known("https://git.example.org.evil.net/a/b", &api).is_err());
    let github = [("GITHUB_API_URL", "https://api.corp.ghe.com")];
    assert_eq!(known("https://corp.ghe.com/a/b", &github), Ok(true));
    let odd = forge("https://github.com/a/b", &[("GH_TOKEN", "a\nb")]);
    assert!(odd.unwrap_err().starts_with("GH_TOKEN cannot be sent"));
}

#[test]
fn a_token_of_another_forge_stays_away() {
    let of = |remote, api| {
        let variables = [
            ("GITHUB_TOKEN", "hush"),
            ("GITLAB_TOKEN", "hush"),
            ("GITHUB_API_URL", api),
            ("GITLAB_API_URL", api),
        ];
        let forge = forge(remote, &variables).unwrap();
        (forge.api.is_some(), forge.token.is_some())
    };
    for (remote, api, used) in [
        ("https://github.com/a/b", "https://api.github.com", true),
        ("https://github.com/a/b", "http://127.0.0.1:1", true),
        ("https://github.com/a/b", "http://[::1]:1/api", true),
        ("https://github.com/a/b", "https://ghe.corp/api/v3", false),
        ("git@github.com:a/b", "https://127.0.0.1.evil.net", false),
        ("https://gitlab.com/a/b", "https://gitlab.com/api/v4", true),
        ("https://gitlab.com/a/b", "https://git.corp/api/v4", false),
    ] {
        assert_eq!(of(remote, api), (used, used), "{remote} by {api}");
    }
}

#[test]
fn git_gets_no_token_for_what_others_can_read() {
    for (remote, told) in [
        ("http://github.com/a/b", false),
        ("http://git.corp/a/b", false),
        ("https://git.corp/a/b", true),
    ] {
        let variables = [("GH_TOKEN", "hush"), ("GITHUB_API_URL", "https://git.corp")];
        let variables = &variables[..if remote.contains("github") { 1 } else { 2 }];
        let forge = forge(remote, variables).unwrap();
        assert!(forge.token.is_some());
        assert_eq!(!forge.push_settings().is_empty(), told, "{remote}");
    }
    let here = ("GITHUB_API_URL", "http://127.0.0.1:7");
    let here = forge("http://127.0.0.1:7/a/b", &[("GH_TOKEN", "hush"), here]).unwrap();
    assert_eq!(here.push_settings().len(), 1);
}

#[test]
fn what_git_is_told_names_the_token_and_does_not_hold_it() {
    let forge = forge("https://github.com/a/b", &[("GH_TOKEN", "hush")]).unwrap();
    let [(key, helper)] = &forge.push_settings()[..] else {
        panic!("one setting");
    };
    assert_eq!(key, "credential.https://github.com.helper");
    assert!(
        helper.contains("$GH_TOKEN") && !helper.contains("hush"),
        "{helper}"
    );
    assert!(!format!("{forge:?}").contains("hush"));
}

#[test]
fn git_takes_the_token_from_its_environment() {
    let forge = forge("https://github.com/a/b", &[("GH_TOKEN", "hush")]).unwrap();
    let (key, helper) = forge.push_settings().remove(0);
    let mut git = Command::new("git")
        .args(["credential", "fill"])
        .envs([("GIT_CONFIG_COUNT", "1"), ("GH_TOKEN", "hush")])
        .envs([("GIT_CONFIG_KEY_0", key), ("GIT_CONFIG_VALUE_0", helper)])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut asked = git.stdin.take().unwrap();
    asked
        .write_all(b"protocol=https\nhost=github.com\n\n")
        .unwrap();
    drop(asked);
    let said = String::from_utf8(git.wait_with_output().unwrap().stdout).unwrap();
    assert!(
        said.contains("username=x-access-token\npassword=hush\n"),
        "{said}"
    );
}

#[test]
fn a_person_is_shown_where_to_open_it() {
    let github = forge("git@github.com:a/b.git", &[]).unwrap();
    assert_eq!(
        github.compare_url("feature/ü#1", "main"),
        "https://github.com/a/b/compare/main...feature/%C3%BC%231?expand=1"
    );
    let gitlab = forge("git@gitlab.com:a/b.git", &[]).unwrap();
    assert!(gitlab.compare_url("x", "main").starts_with(
        "https://gitlab.com/a/b/-/merge_requests/new?merge_request%5Bsource_branch%5D=x&"
    ));
}
