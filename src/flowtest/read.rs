//! Reads a file of tests, and finds its flow.
//!
//! Always so: what is wrong is told with its line, and nothing of a file with a problem runs.

use std::path::{Path, PathBuf};

use millwright_core::openflow::Flow;

use super::TestFile;
use super::error::{Problem, did_you_mean};
use super::find::ENDING;
use crate::mill::{Prepared, Sources};

/// A file of tests with its flow.
pub(super) struct Loaded {
    pub(super) file: PathBuf,
    pub(super) text: String,
    pub(super) tests: TestFile,
    /// The flow's path; its file's name where it has none.
    pub(super) name: String,
    pub(super) prepared: Prepared,
}

/// Reads a file of tests below `root`, and the flow that it tests.
pub(super) fn load(file: &Path, root: &Path, sources: &Sources) -> Result<Loaded, Problem> {
    let problem = |line: Option<u64>, message: String| Problem {
        file: file.to_owned(),
        line,
        message,
    };
    let text = std::fs::read_to_string(file)
        .map_err(|error| problem(None, format!("cannot be read: {error}")))?;
    let tests = parse(&text).map_err(|(line, message)| problem(line, message))?;
    let line = tests.flow.as_ref().map(|flow| flow.line);
    let named = tests.flow.as_ref().map(|flow| flow.value.as_str());
    let target = Target::of(file, named, root);
    let flow = target
        .read(sources)
        .map_err(|message| problem(line, message))?;
    let prepared = Prepared::new(flow, target.path(), sources)
        .map_err(|error| problem(line, error.to_string()))?;
    Ok(Loaded {
        file: file.to_owned(),
        name: target.name(),
        text,
        tests,
        prepared,
    })
}

/// The tests of a file's text; else the line and what is wrong there.
pub(super) fn parse(text: &str) -> Result<TestFile, (Option<u64>, String)> {
    serde_saphyr::from_str(text).map_err(|error| {
        let line = error.location().map(|location| location.line());
        (line, message_of(&error.without_snippet().to_string()))
    })
}

/// The parser's message in one line, without the place; of an unknown key, what may have been meant.
fn message_of(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    let line = line.split(" at line ").next().unwrap_or_default();
    let Some((_, from)) = line.split_once("unknown field ") else {
        return line.to_owned();
    };
    let (unknown, known) = from.split_once(", expected ").unwrap_or((from, ""));
    let words = known.split(|c: char| !c.is_alphanumeric() && c != '_');
    let hint = did_you_mean(unknown.trim_matches('`'), words);
    format!("{line}{hint}")
}

/// Where the flow is.
enum Target {
    /// At a path below the root's `flows/`, or ours.
    Path(String),
    /// In a file.
    File(PathBuf),
}

impl Target {
    fn of(file: &Path, named: Option<&str>, root: &Path) -> Self {
        let folder = file.parent().unwrap_or(Path::new(""));
        match named {
            Some(name) if name.starts_with("f/") => Self::Path(name.to_owned()),
            Some(name) => Self::File(folder.join(name)),
            None => {
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                let name = name.strip_suffix(ENDING).unwrap_or(&name).to_owned();
                let beside = folder.join(format!("{name}.flow.json"));
                match path_below(&beside, root) {
                    Some(path) => Self::Path(path),
                    None => Self::File(beside),
                }
            }
        }
    }

    fn path(&self) -> Option<&str> {
        match self {
            Self::Path(path) => Some(path),
            Self::File(_) => None,
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Path(path) => path.clone(),
            Self::File(file) => file.display().to_string(),
        }
    }

    fn read(&self, sources: &Sources) -> Result<Flow, String> {
        let flow = match self {
            Self::Path(path) => sources.flow(path),
            Self::File(file) => Sources::flow_in(file),
        };
        flow.map_err(|error| error.to_string())
    }
}

/// `f/x/name` of `ROOT/flows/x/name.flow.json`.
fn path_below(file: &Path, root: &Path) -> Option<String> {
    let flows = root.join("flows").canonicalize().ok()?;
    let folder = file.parent()?.canonicalize().ok()?;
    let folder = folder.strip_prefix(flows).ok()?.to_str()?;
    let name = file.file_name()?.to_str()?.strip_suffix(".flow.json")?;
    let is_one = !folder.is_empty() && !folder.contains('/');
    is_one.then(|| format!("f/{folder}/{name}"))
}
