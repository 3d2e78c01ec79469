//! How a script is started: its files, its command, its variables.
//!
//! Always so: arguments reach bash as words of its command and any other language as a file in the job's own folder.

mod texts;

use serde_json::{Map, Value};

use crate::mill::language::{Language, Script};
use crate::mill::project::Runtime;

/// Names the file that holds the arguments, for programs that the project names.
const ARGUMENTS: &str = "MILLWRIGHT_ARGUMENTS";
const ARGS: &str = "args.json";

/// How a script is started.
pub(super) struct Launch {
    /// Files of the job's folder, with their texts.
    pub(super) files: Vec<(&'static str, String)>,
    /// The program and its arguments.
    pub(super) command: Vec<String>,
    /// Variables beside those that every script sees.
    pub(super) variables: Vec<(&'static str, String)>,
    /// The variable that names a file of the job's folder, and the file.
    pub(super) named_file: Option<(&'static str, &'static str)>,
}

impl Launch {
    /// Of a script with its arguments by name.
    ///
    /// # Errors
    /// Why nothing can run it.
    pub(super) fn of(script: &Script, args: &Map<String, Value>) -> Result<Self, String> {
        Ok(match &script.runtime {
            Runtime::Missing(reason) => return Err(reason.clone()),
            Runtime::Bash(_) => Self::of_bash(script, args),
            Runtime::Bun(_) => Self::of_javascript(script, args, "main.ts"),
            Runtime::Node(_) => Self::of_javascript(script, args, "main.mjs"),
            Runtime::Python(_) => Self::of_python(script, args),
            Runtime::Command(_) => Self::of_command(script, args),
        })
    }

    fn of_bash(script: &Script, args: &Map<String, Value>) -> Self {
        // What Windmill puts in front: the first command that fails ends the script.
        let text = format!("set -e\n{}", script.text);
        let mut command = script.runtime.words("main.sh");
        command.push("main.sh".to_owned());
        command.extend(texts::of(script, args));
        Self {
            files: vec![("main.sh", text)],
            command,
            variables: Vec::new(),
            named_file: None,
        }
    }

    fn of_javascript(script: &Script, args: &Map<String, Value>, file: &'static str) -> Self {
        let parameters = serde_json::to_string(&script.parameters).unwrap_or_default();
        let mut command = script.runtime.words(file);
        command.extend(["wrapper.mjs".to_owned(), file.to_owned()]);
        Self {
            files: vec![
                (file, script.text.clone()),
                ("wrapper.mjs", include_str!("wrapper.mjs").to_owned()),
                ("parameters.json", parameters),
                (ARGS, text_of(args)),
            ],
            command,
            variables: Vec::new(),
            named_file: None,
        }
    }

    fn of_python(script: &Script, args: &Map<String, Value>) -> Self {
        let mut command = script.runtime.words("main.py");
        command.extend(["-u", "wrapper.py", "main"].map(str::to_owned));
        Self {
            files: vec![
                ("main.py", script.text.clone()),
                ("wrapper.py", include_str!("wrapper.py").to_owned()),
                (ARGS, text_of(args)),
            ],
            command,
            // Its own folder goes with the job.
            variables: vec![("PYTHONDONTWRITEBYTECODE", "1".to_owned())],
            named_file: None,
        }
    }

    fn of_command(script: &Script, args: &Map<String, Value>) -> Self {
        Self {
            files: vec![("main", script.text.clone()), (ARGS, text_of(args))],
            command: script.runtime.words("main"),
            variables: Vec::new(),
            named_file: Some((ARGUMENTS, ARGS)),
        }
    }
}

fn text_of(args: &Map<String, Value>) -> String {
    serde_json::to_string(args).unwrap_or_default()
}

impl Script {
    /// What Windmill calls such a run.
    pub(super) fn run_name(&self) -> &str {
        match (&self.runtime, &self.language) {
            (Runtime::Bash(_), _) => "bash",
            (Runtime::Bun(_), _) => "bun",
            (Runtime::Node(_), _) => "node",
            (Runtime::Python(_), _) => "python",
            (Runtime::Command(_) | Runtime::Missing(_), language) => language.name(),
        }
    }

    /// Whether its result is what `main` returned, and never the last line of its output.
    pub(super) fn returns_from_main(&self) -> bool {
        matches!(self.language, Language::TypeScript(_) | Language::Python)
    }
}
