//! Names of branches and folders.
//!
//! Always so: nothing from outside becomes an option of git or leads out of a folder.

use std::path::Path;

use millwright_core::protocol::short_hash;

/// Checks a branch's name by git's own rules, as far as they keep it from being anything else.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn check_branch(name: &str) -> Result<(), &'static str> {
    let odd = |c: char| c.is_control() || " ~^:?*[\\".contains(c);
    if name.is_empty() {
        Err("it is empty")
    } else if name.starts_with('-') {
        Err("it begins with a hyphen")
    } else if name.contains(odd)
        || name.contains("..")
        || name.contains("@{")
        || name.contains("//")
    {
        Err("it holds what no branch's name may hold")
    } else if name == "@"
        || name == "HEAD"
        || name.starts_with('/')
        || name.ends_with(['/', '.'])
        || name.split('/').any(is_odd_part)
    {
        Err("it begins or ends as no branch's name may")
    } else {
        Ok(())
    }
}

/// A text as a part of a branch's name: letters and digits of any script, and single hyphens.
pub(super) fn slug(text: &str) -> String {
    let plain = |c: char| {
        if c.is_alphanumeric() || c == '_' {
            c
        } else {
            '-'
        }
    };
    let text: String = text.chars().map(plain).collect();
    let parts = text.split('-').filter(|part| !part.is_empty());
    let joined = parts.collect::<Vec<_>>().join("-");
    let short = joined.chars().take(60).collect::<String>();
    if short.is_empty() {
        "work".to_owned()
    } else {
        short
    }
}

/// A branch's name as that of a folder; two branches never have the same.
pub(super) fn folder_name(branch: &str) -> String {
    let last = branch.rsplit('/').next().unwrap_or(branch);
    format!("{}-{}", slug(last), &short_hash(branch.as_bytes())[..6])
}

fn is_odd_part(part: &str) -> bool {
    let lock = Path::new(part).extension().is_some_and(|end| end == "lock");
    part.starts_with('.') || lock
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_could_misread_is_no_branch() {
        for branch in [
            "",
            "-x",
            "a..b",
            "a b",
            "a~1",
            "a^",
            "a:b",
            "refs/x.lock",
            "a/.b",
            "/a",
            "a/",
            "a@{1}",
            "a\\b",
            "a.",
        ] {
            assert!(check_branch(branch).is_err(), "{branch:?} passed");
        }
        for branch in ["main", "feature/x-1", "v1.2", "ü"] {
            assert!(check_branch(branch).is_ok(), "{branch:?} was refused");
        }
    }

    #[test]
    fn a_slug_is_a_branch_whatever_it_was_made_of() {
        for (text, expected) in [
            ("0001-demo", "0001-demo"),
            ("Über uns: (v2)…", "Über-uns-v2"),
            ("--..lock", "lock"),
            ("@{", "work"),
        ] {
            assert_eq!(slug(text), expected);
            assert!(check_branch(&format!("millwright/1-{expected}")).is_ok());
        }
        assert_ne!(folder_name("a/b"), folder_name("a-b"));
    }
}
