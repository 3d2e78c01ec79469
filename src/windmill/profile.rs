//! The profiles that the official command line has saved: `remotes.ndjson`, and which of them is active.
//!
//! Always so: they are read where that command line looks for them, and never written.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// A saved workspace.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Profile {
    /// Its name on this machine.
    pub name: String,
    /// The workspace's id.
    #[serde(rename = "workspaceId")]
    pub workspace: String,
    /// Windmill's address.
    pub remote: String,
    /// The token.
    pub token: String,
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile")
            .field("name", &self.name)
            .field("workspace", &self.workspace)
            .finish_non_exhaustive()
    }
}

/// Profiles cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// A file of theirs.
    #[error("{}: {reason}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: std::io::Error,
    },
    /// A line of the list. What stands in it is not told: there is a token.
    #[error("{}, line {line}: it is no profile of the official command line", .path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
    },
}

/// The saved profiles, in the order of their file.
#[derive(Debug, Clone, Default)]
pub struct Profiles {
    all: Vec<Profile>,
    active: Option<String>,
}

impl Profiles {
    /// Reads the profiles below the folder that the environment names: `WMILL_CONFIG_DIR`, `XDG_CONFIG_HOME`, or `.config` in
    /// the home, as the official command line does. Where there are none, the list is empty.
    ///
    /// # Errors
    /// [`ProfileError`].
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ProfileError> {
        let named = |name: &str| variable(name).filter(|text| !text.is_empty());
        let base = named("WMILL_CONFIG_DIR")
            .or_else(|| named("XDG_CONFIG_HOME"))
            .map(PathBuf::from)
            .or_else(|| Some(Path::new(&named("HOME")?).join(".config")));
        match base {
            Some(base) => Self::beneath(&base.join("windmill")),
            None => Ok(Self::default()),
        }
    }

    fn beneath(folder: &Path) -> Result<Self, ProfileError> {
        let path = folder.join("remotes.ndjson");
        let mut all = Vec::new();
        for (nth, line) in text(&path)?.unwrap_or_default().lines().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            let profile = serde_json::from_str(line);
            all.push(profile.map_err(|_| ProfileError::Line {
                path: path.clone(),
                line: nth + 1,
            })?);
        }
        let active = text(&folder.join("activeWorkspace"))?;
        Ok(Self {
            all,
            active: active.map(|name| name.trim().to_owned()),
        })
    }

    /// The profile of a name, else the one that is active.
    pub fn find(&self, name: Option<&str>) -> Option<&Profile> {
        let name = name.or(self.active.as_deref())?;
        self.all.iter().find(|profile| profile.name == name)
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|profile| profile.name.as_str())
    }
}

fn text(path: &Path) -> Result<Option<String>, ProfileError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(reason) => Err(ProfileError::File {
            path: path.to_owned(),
            reason,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(folder: &Path) -> Result<Profiles, ProfileError> {
        let folder = folder.display().to_string();
        Profiles::read(move |name| (name == "WMILL_CONFIG_DIR").then(|| folder.clone()))
    }

    #[test]
    fn the_named_profile_is_found_else_the_active_one() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path()).unwrap().find(None), None);
        let at = folder.path().join("windmill");
        fs::create_dir(&at).unwrap();
        let line = |name: &str| {
            format!(
                r#"{{"name":"{name}","workspaceId":"w-{name}","remote":"http://{name}/","token":"secret","extra":1}}"#
            )
        };
        fs::write(
            at.join("remotes.ndjson"),
            format!("{}\n\n{}\n", line("a"), line("b")),
        )
        .unwrap();
        let profiles = read(folder.path()).unwrap();
        assert_eq!(profiles.find(None), None);
        fs::write(at.join("activeWorkspace"), "b\n").unwrap();
        let profiles = read(folder.path()).unwrap();
        assert_eq!(profiles.find(None).unwrap().workspace, "w-b");
        assert_eq!(profiles.find(Some("a")).unwrap().remote, "http://a/");
        assert_eq!(profiles.find(Some("c")), None);
        assert_eq!(profiles.names().collect::<Vec<_>>(), ["a", "b"]);
        assert!(!format!("{profiles:?}").contains("secret"));
    }

    #[test]
    fn a_line_that_is_no_profile_is_named_without_its_secret() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("windmill")).unwrap();
        let file = folder.path().join("windmill/remotes.ndjson");
        fs::write(&file, "{\"token\": \"secret\"}\n").unwrap();
        let told = read(folder.path()).unwrap_err().to_string();
        assert!(told.ends_with("line 1: it is no profile of the official command line"));
    }
}
