//! Coding agents: programs that work on a prompt by themselves and tell of it in events, a JSON object a line.
//!
//! Always so: what an agent's events say decides whether it did its work; its text alone, its exit code alone and what
//! it writes to stderr do not.

mod claude_code;
mod codex;
mod gemini;
mod opencode;
mod program;
mod secrets;
mod story;
mod temporary;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use program::Program;
use secrets::Struck;
use story::Story;
use temporary::SchemaFile;

use super::process::{Ended, Run, failure};
use super::{Control, Engine, EngineError, EngineOutput, LineSink, Needed, Task};

/// An agent may write so much of events; more is a failure.
const LONGEST_EVENTS: usize = 256 * 1024 * 1024;

/// A coding agent's command line. The prompt is its stdin, so that its length has no bound and no list of processes
/// shows it.
#[derive(Debug, Clone)]
pub struct Agent {
    id: &'static str,
    program: Program,
    default_model: Option<&'static str>,
    /// Whether it is told the schema of its output, in a file.
    takes_schema: bool,
    arguments: fn(&mut Command, &Task, Option<&Path>),
    /// Reads one event, which changes the story and may be told.
    hear: fn(&Value, &mut Story, &dyn LineSink),
}

impl Agent {
    /// The same with the executable at a path, whatever the environment says.
    #[must_use]
    pub fn at(mut self, path: impl Into<PathBuf>) -> Self {
        self.program.path = Some(path.into());
        self
    }
}

impl Engine for Agent {
    fn id(&self) -> &'static str {
        self.id
    }

    fn default_model(&self) -> Option<&'static str> {
        self.default_model
    }

    fn program(&self) -> Option<Needed> {
        let mut version = self.program.command();
        version.arg("--version");
        Some(Needed {
            engine: self.id,
            version,
            missing: self.program.missing(),
        })
    }

    fn run(&self, task: &Task, control: &Control<'_>) -> Result<EngineOutput, EngineError> {
        let not_started = |reason| self.program.not_started(reason, task);
        let input = temporary::input(task.input.as_bytes()).map_err(not_started)?;
        let schema = task.output_schema.as_ref().filter(|_| self.takes_schema);
        let schema = schema
            .map(SchemaFile::write)
            .transpose()
            .map_err(not_started)?;
        let command = self.command(task, schema.as_ref().map(SchemaFile::path));
        let log = Struck::new(control.log, &command);
        let control = Control {
            log: &log,
            cancel: control.cancel,
        };
        let run = Run {
            command,
            program: self.program.name,
            input: input.into(),
            limit: task.limit,
        };
        let ended = run.attended(&control, |reading, stdout, too_much| {
            let too_much = || too_much(LONGEST_EVENTS);
            let mut story = Story::of(self.program.name);
            reading.each_line(stdout, LONGEST_EVENTS, too_much, |line| {
                self.listen(line, &mut story, reading.log);
            });
            story.finish(reading.log);
            story
        });
        match ended {
            Ok(ended) => self.outcome(ended, &log),
            Err(EngineError::NotStarted { reason, .. }) => Err(not_started(reason)),
            Err(error) => Err(error),
        }
    }
}

impl Agent {
    fn command(&self, task: &Task, schema: Option<&Path>) -> Command {
        let mut command = self.program.command();
        command.current_dir(&task.directory).envs(&task.environment);
        (self.arguments)(&mut command, task, schema);
        command
    }

    /// A line that is no event is told as it is.
    fn listen(&self, line: &[u8], story: &mut Story, log: &dyn LineSink) {
        let line = String::from_utf8_lossy(line);
        match serde_json::from_str::<Value>(&line) {
            Ok(event) if event.is_object() => (self.hear)(&event, story, log),
            _ => story.tell(log, &line),
        }
    }

    fn outcome(&self, ended: Ended<Story>, log: &Struck<'_>) -> Result<EngineOutput, EngineError> {
        let Ended {
            status,
            stdout: story,
            stderr,
        } = ended;
        let failed = |message: &str| EngineError::Agent {
            program: self.program.name,
            message: log.strike(message),
        };
        if let Some(message) = &story.failure {
            return Err(failed(message));
        }
        if !status.success() {
            let said = story.trouble.unwrap_or(stderr);
            return Err(failure(self.program.name, status, log.strike(&said)));
        }
        if !story.is_done {
            let trouble = story.trouble.map(|trouble| format!(": {trouble}"));
            let trouble = trouble.unwrap_or_default();
            return Err(failed(&format!("it did not complete its turn{trouble}")));
        }
        Ok(EngineOutput {
            output: story.text.into_bytes(),
            usage: story.usage,
            model: story.model,
        })
    }
}
