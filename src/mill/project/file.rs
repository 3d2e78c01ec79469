//! A project's TOML files.
//!
//! Always so: a complaint names the file, the line or the key, and never quotes the text, which may be a secret.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use toml::Table;

use crate::mill::MillError;

/// A file of a project that was read.
pub(super) struct ProjectFile {
    path: PathBuf,
    /// What it says.
    pub(super) table: Table,
}

impl ProjectFile {
    /// Reads a file; one that is missing says nothing.
    ///
    /// # Errors
    /// [`MillError::Unreadable`] or [`MillError::BadFile`].
    pub(super) fn read(path: PathBuf) -> Result<Self, MillError> {
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => {
                return Err(MillError::Unreadable {
                    file: path,
                    reason: error.to_string(),
                });
            }
        };
        match text.parse() {
            Ok(table) => Ok(Self { path, table }),
            Err(error) => Err(bad(&path, &complaint(&error, &text))),
        }
    }

    /// The table of this name; an empty one where there is none.
    ///
    /// # Errors
    /// [`MillError::BadFile`] where it is something else.
    pub(super) fn take(&mut self, name: &str) -> Result<Table, MillError> {
        match self.table.remove(name) {
            None => Ok(Table::new()),
            Some(toml::Value::Table(table)) => Ok(table),
            Some(_) => Err(self.bad(&format!("{name} is no table: begin it with [{name}]"))),
        }
    }

    /// Complains of what nobody has taken.
    ///
    /// # Errors
    /// [`MillError::BadFile`] where there is something.
    pub(super) fn end(&self, known: &str) -> Result<(), MillError> {
        match self.table.keys().next() {
            None => Ok(()),
            Some(name) => Err(self.bad(&format!("{name:?} is not known there; known: {known}"))),
        }
    }

    /// An error of this file.
    pub(super) fn bad(&self, reason: &str) -> MillError {
        bad(&self.path, reason)
    }
}

fn bad(path: &Path, reason: &str) -> MillError {
    MillError::BadFile {
        file: path.to_owned(),
        reason: reason.to_owned(),
    }
}

fn complaint(error: &toml::de::Error, text: &str) -> String {
    let message = error.message();
    let before = error.span().and_then(|span| text.get(..span.start));
    match before {
        Some(before) => format!("line {}: {message}", before.matches('\n').count() + 1),
        None => message.to_owned(),
    }
}

/// A value as JSON. A date or time is its text.
pub(super) fn json_of(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(value) => value.into(),
        toml::Value::Datetime(time) => time.to_string().into(),
        toml::Value::Array(items) => items.into_iter().map(json_of).collect(),
        toml::Value::Table(table) => {
            let fields = table.into_iter();
            let fields = fields.map(|(key, value)| (key, json_of(value)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
    }
}
