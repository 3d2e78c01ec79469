//! What an agent reads beside its arguments: the prompt, and a schema.
//!
//! Always so: nobody else can read it, and nothing of it is left when the run is over.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{MemfdFlags, memfd_create};
use serde_json::Value;
use uuid::Uuid;

/// A file without a name, to be read from its beginning. Unlike a pipe, it keeps nobody waiting who does not read it.
pub(super) fn input(content: &[u8]) -> io::Result<File> {
    let mut file = File::from(memfd_create("prompt", MemfdFlags::CLOEXEC)?);
    file.write_all(content)?;
    file.rewind()?;
    Ok(file)
}

/// A schema as a file, while this lives.
pub(super) struct SchemaFile(PathBuf);

impl SchemaFile {
    /// Writes it.
    pub(super) fn write(schema: &Value) -> io::Result<Self> {
        let name = format!("millwright-schema-{}.json", Uuid::new_v4());
        let file = Self(std::env::temp_dir().join(name));
        let mut options = OpenOptions::new();
        let mut open = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&file.0)?;
        open.write_all(schema.to_string().as_bytes())?;
        Ok(file)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for SchemaFile {
    fn drop(&mut self) {
        // A temporary file that someone else has removed is no error.
        let _ = fs::remove_file(&self.0);
    }
}
