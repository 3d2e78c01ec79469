//! Files, read within bounds and written whole.
//!
//! Always so: whoever reads a file sees the old content or the new, never a part; a failure leaves nothing behind.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use uuid::Uuid;

/// Writes a file whole, and makes its folder where it is missing. One that was there keeps its permissions.
///
/// # Errors
/// What the system says, such as that the disk is full; the file is then as it was.
pub fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    Draft::write(path, content)?.publish()
}

/// Writes several files of one content. None takes its place before there was room for all.
///
/// # Errors
/// The file that cannot be written, and what the system says.
pub fn write_all_whole<'a>(
    paths: impl IntoIterator<Item = &'a PathBuf>,
    content: &[u8],
) -> Result<(), (PathBuf, io::Error)> {
    let of = |path: &Path, error| (path.to_owned(), error);
    let drafts: Vec<Draft<'a>> = paths
        .into_iter()
        .map(|path| Draft::write(path, content).map_err(|error| of(path, error)))
        .collect::<Result<_, _>>()?;
    for draft in drafts {
        let path = draft.path;
        draft.publish().map_err(|error| of(path, error))?;
    }
    Ok(())
}

/// The bytes of a regular file, which may be so long and no longer.
///
/// # Errors
/// What the system says, or what the file is instead.
pub fn read_file(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let about = fs::metadata(path)?;
    if !about.is_file() {
        let what = if about.is_dir() {
            "is a folder"
        } else {
            "is no regular file"
        };
        return Err(io::Error::other(what));
    }
    let mut bytes = Vec::new();
    let beyond = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path)?.take(beyond).read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        return Err(io::Error::other(format!("is longer than {limit} bytes")));
    }
    Ok(bytes)
}

/// A file's new content under another name; it is gone unless it is published.
struct Draft<'a> {
    path: &'a Path,
    name: PathBuf,
}

impl<'a> Draft<'a> {
    fn write(path: &'a Path, content: &[u8]) -> io::Result<Self> {
        let folder = path.parent().unwrap_or(Path::new(""));
        if !folder.as_os_str().is_empty() {
            fs::create_dir_all(folder)?;
        }
        let name = folder.join(format!(".{}.draft", Uuid::new_v4()));
        let draft = Self { path, name };
        fs::write(&draft.name, content)?;
        if let Ok(before) = fs::metadata(path)
            && before.is_file()
        {
            fs::set_permissions(&draft.name, before.permissions())?;
        }
        Ok(draft)
    }

    fn publish(self) -> io::Result<()> {
        fs::rename(&self.name, self.path)
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        // What has been published is no longer there.
        let _ = fs::remove_file(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_a_failure_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/file");
        write_whole(&path, b"one").unwrap();
        write_whole(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        let taken = folder.path().join("deep");
        assert!(write_whole(&taken, b"three").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_is_replaced_can_be_executed_as_before() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.sh");
        fs::write(&path, "one").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        write_whole(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o755);
    }

    #[test]
    fn several_files_are_written_all_or_none() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("old"), "old").unwrap();
        let (old, blocked) = (at("old"), at("old/below"));
        let failed = write_all_whole([&old, &blocked], b"new").unwrap_err();
        assert_eq!(failed.0, blocked);
        assert_eq!(fs::read(&old).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        write_all_whole([&old, &at("new/file")], b"new").unwrap();
        assert_eq!(fs::read(&old).unwrap(), b"new");
        assert_eq!(fs::read(at("new/file")).unwrap(), b"new");
    }
}
