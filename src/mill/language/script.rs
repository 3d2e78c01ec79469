//! A script that is ready to run: its language, its text, and the program that runs it.
//!
//! Always so: a script has a program on this machine that runs it and imports nothing that is known to be missing, or says
//! why it cannot run.

use std::sync::LazyLock;

use millwright_core::protocol::hex;
use regex::Regex;
use sha2::{Digest, Sha256};

use super::{Language, Parameter, signature, typescript};
use crate::mill::project::{Interpreters, Runtime};

/// A script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::mill) struct Script {
    /// Its language.
    pub(in crate::mill) language: Language,
    /// The text that is run: as it was written, or, of TypeScript for node, without types.
    pub(in crate::mill) text: String,
    /// The first 16 digits of its text's SHA-256, in place of Windmill's own hash.
    pub(in crate::mill) hash: String,
    /// Its arguments in their order, where its text tells them; those of python are told when it runs.
    pub(in crate::mill) parameters: Option<Vec<Parameter>>,
    /// What runs it.
    pub(in crate::mill) runtime: Runtime,
}

/// An import of another script, as Windmill's python has it.
static PYTHON_SCRIPT: LazyLock<Regex> = LazyLock::new(|| {
    let line = r"(?m)^\s*(?:from\s+|import\s+)((?:\.+|[uf]\.)[\w.]*)";
    Regex::new(line).expect("it is a regular expression")
});

impl Script {
    /// Reads a script and finds what runs it.
    ///
    /// # Errors
    /// What it lacks, or why it cannot be read.
    pub(in crate::mill) fn prepare(
        language: Language,
        content: String,
        interpreters: &Interpreters,
    ) -> Result<Self, String> {
        let runtime = interpreters.runtime(&language)?;
        let hash = hash_of(&content);
        let (text, parameters) = match &language {
            Language::Bash => {
                let parameters = signature::of_bash(&content);
                (content, Some(parameters))
            }
            Language::TypeScript(_) => {
                let module = typescript::read(&content, matches!(runtime, Runtime::Node(_)))?;
                let mut text = module.text;
                for import in &module.imports {
                    let name = interpreters.name_of_import(import, &runtime)?;
                    if name != *import {
                        text = renamed(&text, import, name.as_ref());
                    }
                }
                (text, Some(module.parameters))
            }
            Language::Python => {
                if let Some(found) = PYTHON_SCRIPT.captures(&content) {
                    return Err(no_other_script(&found[1]));
                }
                (content, None)
            }
            Language::Other(_) => (content, None),
        };
        Ok(Self {
            language,
            text,
            hash,
            parameters,
            runtime,
        })
    }

    /// A script that nothing here can run, and why. Something may take its place.
    pub(in crate::mill) fn unable(language: Language, content: String, reason: String) -> Self {
        Self {
            language,
            hash: hash_of(&content),
            text: content,
            parameters: None,
            runtime: Runtime::Missing(reason),
        }
    }

    /// Whether it has no use for an argument of this name.
    pub(in crate::mill) fn ignores(&self, name: &str) -> bool {
        let parameters = self.parameters.as_ref();
        parameters.is_some_and(|known| known.iter().all(|parameter| parameter.name != name))
    }
}

/// The text with another name for what it imports, whichever quotation marks it has.
fn renamed(text: &str, import: &str, name: &str) -> String {
    let in_double = text.replace(&format!("\"{import}\""), &format!("\"{name}\""));
    in_double.replace(&format!("'{import}'"), &format!("'{name}'"))
}

fn hash_of(content: &str) -> String {
    hex(&Sha256::digest(content.as_bytes())[..8])
}

/// Why an import of another script is refused.
pub(in crate::mill) fn no_other_script(name: &str) -> String {
    format!("it imports {name:?}, and in the mill a script imports no other script")
}
