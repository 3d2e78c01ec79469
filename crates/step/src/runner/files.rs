//! Files of the workspace: found, and kept inside it.
//!
//! Always so: no path that a spec names leads out of the workspace, not even through a symbolic link, unless the project
//! allows it.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// The folders that a step's paths are looked for in.
#[derive(Debug, Clone)]
pub(super) struct Places {
    /// The project's files, without symbolic links.
    pub(super) workspace: PathBuf,
    /// The protocol's folder, below it.
    pub(super) protocol_root: PathBuf,
    /// Whether that was not there and was made.
    pub(super) made: bool,
    /// Whether the project allows paths outside of the workspace.
    outside_allowed: bool,
}

/// Why a path is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum PathError {
    #[error(
        "{what}: {path} leads out of the workspace {workspace}; a project whose policy_overrides have \
         allow_outside_paths may use it"
    )]
    Outside {
        what: String,
        path: String,
        workspace: String,
    },
    #[error(
        "the project has no folder on this machine: give it a local_path, or the protocol a worktree_path"
    )]
    NoWorkspace,
    #[error("{what}: {path}: {reason}")]
    Unusable {
        what: String,
        path: String,
        reason: String,
    },
}

impl Places {
    /// Finds the folders and makes the protocol's.
    pub(super) fn find(
        workspace: Option<&str>,
        protocol_root: Option<&str>,
        protocol_name: &str,
        outside_allowed: bool,
    ) -> Result<Self, PathError> {
        let given = workspace.ok_or(PathError::NoWorkspace)?;
        if !Path::new(given).is_absolute() {
            let relative = io::Error::other("it is not absolute");
            return Err(unusable("workspace", given, &relative));
        }
        let workspace = fs::canonicalize(given).map_err(|e| unusable("workspace", given, &e))?;
        let standard = format!(".protocols/{protocol_name}");
        let root = workspace.join(protocol_root.unwrap_or(&standard));
        let mut places = Self {
            protocol_root: PathBuf::new(),
            made: false,
            workspace,
            outside_allowed,
        };
        places.protocol_root = places.inside("protocol_root", &root)?;
        let root = &places.protocol_root;
        places.made = !root.exists();
        fs::create_dir_all(root)
            .map_err(|e| unusable("protocol_root", &root.display().to_string(), &e))?;
        Ok(places)
    }

    /// The file that a name means: absolute as it is, else the first that exists below the protocol's folder and
    /// the workspace, else the first.
    pub(super) fn existing(&self, what: &str, name: &str) -> Result<PathBuf, PathError> {
        let candidates = [self.protocol_root.join(name), self.workspace.join(name)];
        let found = candidates.iter().find(|path| path.exists());
        self.inside(what, found.unwrap_or(&candidates[0]))
    }

    /// Where [`Places::existing`] looks, in words.
    pub(super) fn searched(&self) -> String {
        let (root, workspace) = (self.protocol_root.display(), self.workspace.display());
        let hint = if self.workspace.join(".git").exists() {
            ": in git a step finds what is on the protocol's branch, so commit it there"
        } else {
            ""
        };
        format!("in {root} and in {workspace}{hint}")
    }

    /// Where an output goes: absolute as it is, else the first whose folder exists below the outputs' root
    /// `.protocols/<name>`, the workspace and the protocol's folder, else the first.
    pub(super) fn output(
        &self,
        what: &str,
        name: &str,
        protocol_name: &str,
    ) -> Result<PathBuf, PathError> {
        let outputs_root = self.workspace.join(".protocols").join(protocol_name);
        let candidates = [
            outputs_root.join(name),
            self.workspace.join(name),
            self.protocol_root.join(name),
        ];
        let has_folder = |path: &&PathBuf| path.parent().is_some_and(Path::is_dir);
        let found = candidates.iter().find(has_folder);
        self.inside(what, found.unwrap_or(&candidates[0]))
    }

    /// The path with what exists of it resolved, where it lies in the workspace.
    fn inside(&self, what: &str, path: &Path) -> Result<PathBuf, PathError> {
        let resolved =
            resolved(path).map_err(|e| unusable(what, &path.display().to_string(), &e))?;
        if self.outside_allowed || resolved.starts_with(&self.workspace) {
            Ok(resolved)
        } else {
            Err(PathError::Outside {
                what: what.to_owned(),
                path: path.display().to_string(),
                workspace: self.workspace.display().to_string(),
            })
        }
    }
}

/// Resolves what exists of a path; the rest must be plain names.
fn resolved(path: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(path) {
        Ok(path) => Ok(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if fs::symlink_metadata(path).is_ok() {
                return Err(io::Error::other("it is a symbolic link to nothing"));
            }
            match (path.parent(), path.components().next_back()) {
                (Some(parent), Some(Component::Normal(name))) => Ok(resolved(parent)?.join(name)),
                _ => Err(error),
            }
        }
        Err(error) => Err(error),
    }
}

fn unusable(what: &str, path: &str, error: &io::Error) -> PathError {
    PathError::Unusable {
        what: what.to_owned(),
        path: path.to_owned(),
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct Folder {
        kept: tempfile::TempDir,
        places: Places,
    }

    fn folder() -> Folder {
        let kept = tempfile::tempdir().unwrap();
        let workspace = kept.path().join("work");
        fs::create_dir(&workspace).unwrap();
        let places = Places::find(workspace.to_str(), None, "0001-demo", false).unwrap();
        Folder { kept, places }
    }

    #[test]
    fn a_prompt_is_looked_for_in_the_protocols_folder_first() {
        let Folder { places, .. } = &folder();
        let name = |path: PathBuf| {
            let path = path.strip_prefix(&places.workspace).unwrap();
            path.display().to_string()
        };
        let find = || name(places.existing("prompt_ref", "a.sh").unwrap());
        assert_eq!(find(), ".protocols/0001-demo/a.sh");
        fs::write(places.workspace.join("a.sh"), "").unwrap();
        assert_eq!(find(), "a.sh");
        fs::write(places.protocol_root.join("a.sh"), "").unwrap();
        assert_eq!(find(), ".protocols/0001-demo/a.sh");
    }

    #[test]
    fn an_output_goes_where_its_folder_is() {
        let Folder { places, .. } = &folder();
        let find = |name| places.output("outputs", name, "0001-demo").unwrap();
        assert_eq!(find("a.md"), places.protocol_root.join("a.md"));
        assert_eq!(find("docs/a.md"), places.protocol_root.join("docs/a.md"));
        fs::create_dir(places.workspace.join("docs")).unwrap();
        assert_eq!(find("docs/a.md"), places.workspace.join("docs/a.md"));
    }

    #[test]
    fn nothing_leads_out_of_the_workspace() {
        let Folder { places, kept } = &folder();
        std::os::unix::fs::symlink(kept.path(), places.protocol_root.join("up")).unwrap();
        std::os::unix::fs::symlink("/nowhere/at/all", places.protocol_root.join("dangling"))
            .unwrap();
        for name in [
            "../../../outside.sh",
            "/etc/passwd",
            "up/outside.md",
            "dangling",
            "new/../../../../outside",
        ] {
            assert!(places.existing("prompt_ref", name).is_err(), "{name}");
            assert!(
                places.output("outputs", name, "0001-demo").is_err(),
                "{name}"
            );
        }
        assert!(Places::find(Some("relative"), None, "x", false).is_err());
        let root = Places::find(places.workspace.to_str(), Some("../elsewhere"), "x", false);
        assert!(matches!(root, Err(PathError::Outside { .. })));
    }

    #[test]
    fn a_project_may_allow_what_lies_outside() {
        let Folder { places, kept } = &folder();
        fs::write(kept.path().join("shared.md"), "x").unwrap();
        let places = Places {
            outside_allowed: true,
            ..places.clone()
        };
        let found = places.existing("prompt_ref", "../shared.md").unwrap();
        assert!(found.ends_with("shared.md") && found.exists());
    }

    proptest! {
        /// Whatever a spec names, and wherever symbolic links lead.
        #[test]
        fn no_candidate_leaves_the_workspace(
            absolute in any::<bool>(),
            parts in prop::collection::vec(
                prop::sample::select(vec!["..", ".", "a", "new", "up", "loop", "in", "etc", "file.md", ""]),
                1..8,
            ),
        ) {
            let Folder { places, kept } = &folder();
            let root = &places.protocol_root;
            fs::create_dir(root.join("a")).unwrap();
            fs::write(kept.path().join("file.md"), "secret").unwrap();
            for (link, to) in [("up", "../../.."), ("loop", "loop"), ("in", "a")] {
                std::os::unix::fs::symlink(to, root.join(link)).unwrap();
                std::os::unix::fs::symlink(to, root.join("a").join(link)).unwrap();
            }
            let name = format!("{}{}", if absolute { "/" } else { "" }, parts.join("/"));
            let found = [places.existing("prompt_ref", &name), places.output("outputs", &name, "0001-demo")];
            for path in found.into_iter().flatten() {
                let there = path.ancestors().find_map(|path| fs::canonicalize(path).ok()).unwrap();
                prop_assert!(there.starts_with(&places.workspace), "{name} is {}", path.display());
                prop_assert!(!path.components().any(|part| part == Component::ParentDir), "{name}");
            }
        }
    }
}
