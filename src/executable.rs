//! Step executables on this machine: the one beside this program, and those that are kept for scripts of other versions.
//!
//! Always so: an executable is known by the SHA-256 of its content, worked out again when the file changes.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::SystemTime;

use millwright_core::protocol::hex;
use sha2::{Digest, Sha256};

/// What the file is called.
pub const NAME: &str = "millwright-step";
/// No step executable is larger.
const LARGEST: u64 = 256 * 1024 * 1024;

/// A step executable, as a script names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executable {
    /// Its answer to `--version`.
    pub version: String,
    /// The SHA-256 of its content, 64 hexadecimal digits in lower case.
    pub sha256: String,
}

/// A step executable cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadExecutable {
    /// There is none.
    #[error(
        "{}: {reason}; `make build` puts {NAME} beside millwright", .path.display()
    )]
    File {
        /// Where it was looked for.
        path: PathBuf,
        /// What the system says.
        reason: io::Error,
    },
    /// It does not say what it is.
    #[error("{} is no {NAME}: asked for its version it says {said:?}", .path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// What it printed.
        said: String,
    },
}

/// Step executables in files, whose content may change.
#[derive(Debug, Default)]
pub struct Executables {
    files: Vec<PathBuf>,
    known: Mutex<BTreeMap<PathBuf, (Stamp, String)>>,
}

/// What a file has that changes with its content.
type Stamp = (u64, Option<SystemTime>);

/// The one beside this program.
pub fn beside() -> PathBuf {
    let this = std::env::current_exe().unwrap_or_default();
    this.with_file_name(NAME)
}

impl Executable {
    /// Reads an executable, and asks it for its version.
    ///
    /// # Errors
    /// [`BadExecutable`].
    pub fn read(path: &Path) -> Result<Self, BadExecutable> {
        let bad = |reason| BadExecutable::File {
            path: path.to_owned(),
            reason,
        };
        let sha256 = File::open(path).and_then(sha256).map_err(bad)?;
        let output = Command::new(path).arg("--version").output().map_err(bad)?;
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let is_step = said
            .strip_prefix(NAME)
            .is_some_and(|rest| rest.starts_with(' '));
        if !is_step || said.contains(['\n', '\'', '"']) {
            let path = path.to_owned();
            return Err(BadExecutable::Other { path, said });
        }
        Ok(Self {
            version: said,
            sha256,
        })
    }
}

impl Executables {
    /// Those in the files, and the files named so, whatever follows, in the folders among them.
    pub fn new(places: impl IntoIterator<Item = PathBuf>) -> Self {
        Self {
            files: places.into_iter().collect(),
            known: Mutex::default(),
        }
    }

    /// The one with this hash, open for reading; nothing where there is none.
    pub fn find(&self, sha256: &str) -> Option<File> {
        self.candidates()
            .find_map(|path| self.open_if(&path, sha256))
    }

    fn candidates(&self) -> impl Iterator<Item = PathBuf> {
        self.files
            .iter()
            .flat_map(|place| match fs::read_dir(place) {
                Ok(entries) => {
                    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
                    paths.filter(|path| is_named_so(path)).collect()
                }
                Err(_) => vec![place.clone()],
            })
    }

    fn open_if(&self, path: &Path, wanted: &str) -> Option<File> {
        let mut file = File::open(path).ok()?;
        let about = file.metadata().ok().filter(fs::Metadata::is_file)?;
        if about.len() > LARGEST {
            return None;
        }
        let stamp = (about.len(), about.modified().ok());
        let known = self.known(path, stamp);
        let hash = match known {
            Some(hash) => hash,
            None => self.remember(path, stamp, sha256(file.try_clone().ok()?).ok()?),
        };
        // What is sent is what was read, also where another file has taken its name since.
        file.rewind().ok()?;
        (hash == wanted).then_some(file)
    }

    fn known(&self, path: &Path, stamp: Stamp) -> Option<String> {
        let known = self.known.lock().expect("nobody panics while holding it");
        let (then, hash) = known.get(path)?;
        (*then == stamp).then(|| hash.clone())
    }

    fn remember(&self, path: &Path, stamp: Stamp, hash: String) -> String {
        let mut known = self.known.lock().expect("nobody panics while holding it");
        known.insert(path.to_owned(), (stamp, hash.clone()));
        hash
    }
}

fn is_named_so(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with(NAME)
}

fn sha256(file: File) -> io::Result<String> {
    let mut content = io::BufReader::with_capacity(64 * 1024, file.take(LARGEST));
    let mut hash = Sha256::new();
    io::copy(&mut content, &mut HashWriter(&mut hash))?;
    Ok(hex(&hash.finalize()))
}

struct HashWriter<'a>(&'a mut Sha256);

impl io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
