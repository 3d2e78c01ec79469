//! Prompts: files of the workspace, and those that come with millwright.
//!
//! Always so: what is no regular file, no text, or too long is refused before an engine sees it, and no more of a file is
//! read than is allowed.

use std::path::{Path, PathBuf};

use millwright_core::protocol::{AUTO_FIX_PROMPT, QUALITY_PROMPT, short_hash};

pub(super) use crate::files::read_file;

/// So long a prompt for an engine that reads text may be.
pub(super) const LONGEST_TEXT: usize = 1024 * 1024;
/// So long one that is executed may be.
const LONGEST_EXECUTABLE: usize = 256 * 1024 * 1024;

/// A prompt that comes with millwright, and that a file of the workspace with its name replaces.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bundled {
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
}

/// Judges a step's work.
pub(super) const QUALITY: Bundled = Bundled {
    name: QUALITY_PROMPT,
    text: include_str!("../../../../prompts/quality-validator.prompt.md"),
};
/// Mends what linters and formatters find.
pub(super) const AUTO_FIX: Bundled = Bundled {
    name: AUTO_FIX_PROMPT,
    text: include_str!("../../../../prompts/auto-fix.prompt.md"),
};

/// Asks for a plan.
pub(crate) const PLAN: Bundled = Bundled {
    name: "prompts/protocol-new.prompt.md",
    text: include_str!("../../../../prompts/protocol-new.prompt.md"),
};

/// Asks for a step of a plan in detail.
pub(crate) const DECOMPOSE: Bundled = Bundled {
    name: "prompts/decompose-step.prompt.md",
    text: include_str!("../../../../prompts/decompose-step.prompt.md"),
};

/// Asks what a project is made of.
pub(crate) const DISCOVERY: Bundled = Bundled {
    name: "prompts/discovery.prompt.md",
    text: include_str!("../../../../prompts/discovery.prompt.md"),
};

/// Asks for a specification.
pub(crate) const SPECIFICATION: Bundled = Bundled {
    name: "prompts/spec-new.prompt.md",
    text: include_str!("../../../../prompts/spec-new.prompt.md"),
};

/// Asks for a specification's plan.
pub(crate) const PLAN_DOCUMENT: Bundled = Bundled {
    name: "prompts/plan-new.prompt.md",
    text: include_str!("../../../../prompts/plan-new.prompt.md"),
};

/// Asks for a plan's tasks.
pub(crate) const TASKS: Bundled = Bundled {
    name: "prompts/tasks-new.prompt.md",
    text: include_str!("../../../../prompts/tasks-new.prompt.md"),
};

/// A prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prompt {
    /// Its file.
    pub(crate) path: PathBuf,
    /// Its text; `None` where it is executed and no text.
    pub(crate) text: Option<String>,
    /// The hash of its bytes.
    pub(crate) version: String,
}

/// Why a prompt is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {path} {problem}")]
pub(crate) struct PromptError {
    what: String,
    path: String,
    problem: String,
}

impl Prompt {
    /// Reads a prompt; as text where the engine reads text.
    pub(crate) fn read(what: &str, path: &Path, as_text: bool) -> Result<Self, PromptError> {
        let refused = |problem: String| PromptError {
            what: what.to_owned(),
            path: path.display().to_string(),
            problem,
        };
        let limit = if as_text {
            LONGEST_TEXT
        } else {
            LONGEST_EXECUTABLE
        };
        let bytes = read_file(path, limit).map_err(|error| refused(error.to_string()))?;
        let version = short_hash(&bytes);
        let text = String::from_utf8(bytes)
            .ok()
            .filter(|text| !text.contains('\0'));
        if as_text && text.is_none() {
            return Err(refused(
                "is no text in UTF-8, as the engine needs it".to_owned(),
            ));
        }
        if as_text && text.as_deref().is_some_and(|text| text.trim().is_empty()) {
            return Err(refused("is empty".to_owned()));
        }
        Ok(Self {
            path: path.to_owned(),
            text,
            version,
        })
    }
}

impl Bundled {
    /// The prompt, under its name.
    pub(crate) fn prompt(self) -> Prompt {
        Prompt {
            path: self.name.into(),
            text: Some(self.text.to_owned()),
            version: short_hash(self.text.as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::*;

    #[test]
    fn what_no_engine_could_read_is_refused_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("binary"), b"\x7fELF\0\0").unwrap();
        fs::write(at("latin"), b"gr\xfc\xdfe").unwrap();
        fs::write(at("blank"), "\n \n").unwrap();
        File::create(at("huge")).unwrap().set_len(1 << 40).unwrap();
        for (name, problem) in [
            ("", "is a folder"),
            ("binary", "is no text in UTF-8, as the engine needs it"),
            ("latin", "is no text in UTF-8, as the engine needs it"),
            ("blank", "is empty"),
            ("huge", "is longer than 1048576 bytes"),
        ] {
            let error = Prompt::read("prompt_ref", &at(name), true).unwrap_err();
            assert_eq!(error.problem, problem, "{name}");
        }
    }

    #[test]
    fn what_is_executed_need_not_be_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program");
        fs::write(&path, b"\x7fELF\0\0").unwrap();
        let prompt = Prompt::read("prompt_ref", &path, false).unwrap();
        assert_eq!(prompt.text, None);
        assert_eq!(prompt.version.len(), 12);
    }
}
