//! Files below the log roots.
//!
//! Always so: what is opened lies below an allowed folder at the moment of opening, whatever links say; and is a plain file.

use std::fs::File;
use std::io;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

/// The folders below which files may be read.
#[derive(Debug, Clone, Default)]
pub(in crate::server) struct LogRoots(Vec<Root>);

#[derive(Debug, Clone)]
struct Root {
    /// As it was named, made absolute.
    named: PathBuf,
    /// Where it really is.
    real: PathBuf,
}

/// What a path leads to.
#[derive(Debug)]
pub(in crate::server) enum Found {
    /// A plain file.
    File(File),
    /// Nothing yet, at a place where a file may be.
    Nothing,
    /// No place where files may be read.
    Outside,
}

impl LogRoots {
    /// The folders, which must be there.
    pub(in crate::server) fn new(folders: Vec<PathBuf>) -> Result<Self, (PathBuf, io::Error)> {
        let roots = folders.into_iter().map(|folder| {
            let root = Root::new(&folder);
            root.map_err(|error| (folder, error))
        });
        Ok(Self(roots.collect::<Result<_, _>>()?))
    }

    /// Opens a file. A relative path is looked for below each root in turn.
    pub(in crate::server) fn open(&self, path: &Path) -> io::Result<Found> {
        let plain = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::RootDir);
        if !path.components().all(plain) {
            return Ok(Found::Outside);
        }
        let mut found = if path.is_relative() {
            Found::Nothing
        } else {
            Found::Outside
        };
        for root in &self.0 {
            let Some(inside) = root.inside(path) else {
                continue;
            };
            found = root.open(inside)?;
            if matches!(found, Found::File(_)) {
                break;
            }
        }
        Ok(found)
    }
}

impl Root {
    fn new(folder: &Path) -> io::Result<Self> {
        let real = folder.canonicalize()?;
        if !real.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Self {
            named: std::path::absolute(folder)?,
            real,
        })
    }

    fn inside<'a>(&self, path: &'a Path) -> Option<&'a Path> {
        if path.is_relative() {
            return Some(path);
        }
        let below = |root: &Path| path.strip_prefix(root).ok();
        below(&self.named).or_else(|| below(&self.real))
    }

    fn open(&self, inside: &Path) -> io::Result<Found> {
        match open_beneath(&self.real, inside) {
            // A pipe or device would not end.
            Ok(file) if file.metadata()?.is_file() => Ok(Found::File(file)),
            Ok(_) => Ok(Found::Outside),
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound => Ok(Found::Nothing),
                io::ErrorKind::PermissionDenied
                | io::ErrorKind::CrossesDevices
                | io::ErrorKind::NotADirectory
                | io::ErrorKind::IsADirectory => Ok(Found::Outside),
                _ if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => Ok(Found::Outside),
                _ => Err(error),
            },
        }
    }
}

/// Opening a pipe must not wait for someone to write.
const FLAGS: OFlags = OFlags::RDONLY
    .union(OFlags::CLOEXEC)
    .union(OFlags::NONBLOCK);

/// The system itself refuses a path that leaves the root, in the same step as it opens.
#[cfg(target_os = "linux")]
fn open_beneath(root: &Path, inside: &Path) -> io::Result<File> {
    use rustix::fs::{ResolveFlags, openat2};
    let root_folder = File::open(root)?;
    let stay = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    match openat2(&root_folder, inside, FLAGS, Mode::empty(), stay) {
        Ok(file) => Ok(file.into()),
        Err(Errno::NOSYS) => open_checked(root, inside),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(target_os = "linux"))]
use open_checked as open_beneath;

/// Looks before and after: a path that is changed meanwhile leads elsewhere the second time.
fn open_checked(root: &Path, inside: &Path) -> io::Result<File> {
    use std::os::unix::fs::MetadataExt;
    let whole = root.join(inside);
    let real = whole.canonicalize()?;
    if !real.starts_with(root) {
        return Err(io::ErrorKind::CrossesDevices.into());
    }
    let flags = FLAGS | OFlags::NOFOLLOW;
    let file = File::from(rustix::fs::open(&real, flags, Mode::empty())?);
    let (opened, there) = (file.metadata()?, real.symlink_metadata()?);
    let same = (opened.dev(), opened.ino()) == (there.dev(), there.ino());
    if same && whole.canonicalize()? == real {
        Ok(file)
    } else {
        Err(io::ErrorKind::CrossesDevices.into())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn kind(found: &Found) -> &'static str {
        match found {
            Found::File(_) => "file",
            Found::Nothing => "nothing",
            Found::Outside => "outside",
        }
    }

    #[test]
    fn only_files_below_the_root() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        fs::create_dir_all(root.join("sub")).unwrap();
        fs::write(root.join("sub/log"), "x").unwrap();
        fs::write(folder.path().join("secret"), "x").unwrap();
        symlink("sub/log", root.join("inside")).unwrap();
        symlink("../secret", root.join("outside")).unwrap();
        symlink(folder.path().join("secret"), root.join("absolute")).unwrap();
        symlink("..", root.join("up")).unwrap();
        let roots = LogRoots::new(vec![root.clone()]).unwrap();
        let absolute = |path: &str| root.join(path).display().to_string();
        for (path, expected) in [
            ("sub/log", "file"),
            ("inside", "file"),
            (&absolute("sub/log"), "file"),
            ("sub/none", "nothing"),
            ("sub", "outside"),
            ("sub/log/deeper", "outside"),
            ("../secret", "outside"),
            ("sub/../../secret", "outside"),
            ("outside", "outside"),
            ("absolute", "outside"),
            ("up/secret", "outside"),
            (
                &folder.path().join("secret").display().to_string(),
                "outside",
            ),
            ("/etc/passwd", "outside"),
            (&absolute("../secret"), "outside"),
            ("/proc/self/environ", "outside"),
        ] {
            let found = roots.open(Path::new(path)).unwrap();
            assert_eq!(kind(&found), expected, "{path}");
            let inside = Path::new(path);
            if inside.is_relative() && expected == "file" {
                assert!(
                    open_checked(&root.canonicalize().unwrap(), inside).is_ok(),
                    "{path}"
                );
            }
            if ["outside", "absolute", "up/secret"].contains(&path) {
                assert!(
                    open_checked(&root.canonicalize().unwrap(), inside).is_err(),
                    "{path}"
                );
            }
        }
    }

    #[test]
    fn without_roots_nothing_is_read() {
        let roots = LogRoots::default();
        assert_eq!(
            kind(&roots.open(Path::new("runs/a/logs.txt")).unwrap()),
            "nothing"
        );
        assert_eq!(
            kind(&roots.open(Path::new("/etc/hostname")).unwrap()),
            "outside"
        );
    }
}
