//! What is wrong with files of tests, before anything runs.
//!
//! Always so: a problem names the file and, where there is one, the line; all problems are told at once.

use std::fmt;
use std::path::PathBuf;

/// Why tests cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum FlowTestError {
    /// Files are not what they should be.
    #[error("{}", lines(.0))]
    Problems(Vec<Problem>),
    /// There is nothing to test.
    #[error(
        "no tests were found in {0}: they are files such as NAME.flow.test.yaml beside NAME.flow.json"
    )]
    NoTests(String),
    /// No test is left.
    #[error("no test has {0:?} in its name")]
    NoneChosen(String),
    /// The system does not do its part.
    #[error("the tests cannot be run: {0}")]
    System(#[from] std::io::Error),
}

/// Something that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// The line, where it is known.
    pub line: Option<u64>,
    /// What is wrong, and what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.message)
    }
}

fn lines(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
    lines.join("\n")
}

/// `, did you mean …?` where a word is near to one of those that are known.
pub(super) fn did_you_mean<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> String {
    let scored = known.map(|name| (strsim::jaro_winkler(word, name), name));
    let best = scored.max_by(|(one, _), (other, _)| one.total_cmp(other));
    match best.filter(|(score, _)| *score > 0.75) {
        Some((_, name)) => format!(", did you mean {name:?}?"),
        None => String::new(),
    }
}
