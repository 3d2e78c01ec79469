//! The engine `shell`: the prompt is an executable file, and its stdout is the output.
//!
//! Always so: the file is started itself, by its own first line; no shell reads anything of ours.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::{Control, Engine, EngineError, EngineOutput, Task, run_command, shown};

/// Runs executable prompts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shell;

impl Engine for Shell {
    fn id(&self) -> &'static str {
        "shell"
    }

    fn takes_model(&self) -> bool {
        false
    }

    fn default_model(&self) -> Option<&'static str> {
        None
    }

    fn reads_text(&self) -> bool {
        false
    }

    fn run(&self, task: &Task, control: &Control<'_>) -> Result<EngineOutput, EngineError> {
        refuse_what_cannot_run(task)?;
        let mut command = Command::new(&task.prompt);
        command.current_dir(&task.directory).envs(&task.environment);
        let output = run_command(command, &shown(&task.prompt), task.limit, control)?;
        Ok(EngineOutput {
            output,
            usage: None,
            model: None,
        })
    }
}

fn refuse_what_cannot_run(task: &Task) -> Result<(), EngineError> {
    let bad = |problem: String| EngineError::BadPrompt {
        path: task.prompt.clone(),
        problem,
    };
    let about =
        fs::metadata(&task.prompt).map_err(|reason| bad(format!("cannot be read: {reason}")))?;
    if !about.is_file() {
        return Err(bad("is no file".to_owned()));
    }
    if about.permissions().mode() & 0o111 == 0 {
        return Err(bad(
            "is not executable, as the engine `shell` needs it: run `chmod +x` on it".to_owned(),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;
    use std::sync::Mutex;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::engine::{Cancel, LineSink, Mode};

    #[derive(Default)]
    struct Lines(Mutex<Vec<String>>);

    impl LineSink for Lines {
        fn line(&self, line: &str) {
            self.0.lock().unwrap().push(line.to_owned());
        }
    }

    struct Run {
        outcome: Result<EngineOutput, EngineError>,
        lines: Vec<String>,
        took: Duration,
    }

    fn task(folder: &Path, script: &str) -> Task {
        let prompt = folder.join("prompt.sh");
        fs::write(&prompt, script).unwrap();
        fs::set_permissions(&prompt, fs::Permissions::from_mode(0o755)).unwrap();
        Task {
            mode: Mode::Execute,
            prompt,
            input: String::new(),
            output_schema: None,
            effort: None,
            fallback_engine: None,
            directory: folder.to_owned(),
            model: None,
            environment: BTreeMap::from([("MILLWRIGHT_STEP_NAME", "01-x".to_owned())]),
            limit: Duration::from_secs(30),
        }
    }

    fn run(task: &Task, cancel: &Cancel) -> Run {
        let lines = Lines::default();
        let began = Instant::now();
        let control = Control {
            log: &lines,
            cancel,
        };
        let outcome = Shell.run(task, &control);
        Run {
            outcome,
            lines: lines.0.into_inner().unwrap(),
            took: began.elapsed(),
        }
    }

    fn run_script(script: &str) -> Run {
        let folder = tempfile::tempdir().unwrap();
        run(&task(folder.path(), script), &Cancel::default())
    }

    #[test]
    fn stdout_is_the_output_and_both_streams_are_logged() {
        let run = run_script("#!/bin/sh\necho $MILLWRIGHT_STEP_NAME; echo aside >&2; printf end");
        assert_eq!(run.outcome.unwrap().output, b"01-x\nend");
        let mut lines = run.lines;
        lines.sort();
        assert_eq!(lines, ["01-x", "aside", "end"]);
    }

    #[test]
    fn zero_bytes_in_what_it_is_told_are_struck() {
        let folder = tempfile::tempdir().unwrap();
        let mut task = task(
            folder.path(),
            "#!/bin/sh\nprintf %s \"$MILLWRIGHT_ANSWERS\"",
        );
        let told = "Answer: a\0b\n".to_owned();
        task.environment.insert("MILLWRIGHT_ANSWERS", told);
        let run = run(&task, &Cancel::default());
        assert_eq!(run.outcome.unwrap().output, b"Answer: ab\n");
    }

    #[test]
    fn a_failure_says_how_and_shows_the_end_of_stderr() {
        let error = run_script("#!/bin/sh\necho broken >&2; exit 3")
            .outcome
            .unwrap_err();
        assert_eq!(error.kind(), "EngineFailed");
        assert!(
            error
                .to_string()
                .ends_with("ended with exit code 3: broken")
        );
        let error = run_script("#!/bin/sh\nkill -9 $$").outcome.unwrap_err();
        assert!(error.to_string().ends_with("ended with signal 9"));
    }

    #[test]
    fn the_time_limit_ends_the_whole_group() {
        let folder = tempfile::tempdir().unwrap();
        let script = "#!/bin/sh\nsleep 100 & echo $! > child; trap '' TERM; wait";
        let mut task = task(folder.path(), script);
        task.limit = Duration::from_millis(300);
        let run = run(&task, &Cancel::default());
        assert_eq!(run.outcome.unwrap_err().kind(), "TimedOut");
        assert!(run.took < Duration::from_secs(20), "{:?}", run.took);
        assert_gone(&folder.path().join("child"));
    }

    #[test]
    fn what_a_script_leaves_behind_is_ended_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let script = "#!/bin/sh\nsleep 100 & echo $! > child; echo done";
        let run = run(&task(folder.path(), script), &Cancel::default());
        assert_eq!(run.outcome.unwrap().output, b"done\n");
        assert!(run.took < Duration::from_secs(20), "{:?}", run.took);
        assert_gone(&folder.path().join("child"));
    }

    #[test]
    fn nobody_waits_for_one_that_left_the_group_and_holds_the_output_open() {
        let folder = tempfile::tempdir().unwrap();
        let leaves = "#!/bin/sh\nsetsid sh -c 'echo $$ > child; exec sleep 100' &\nwhile [ ! -s child ]; do :; done\n";
        for (then, limit, outcome) in [
            ("echo done", 30_000, Ok(b"done\n".to_vec())),
            ("exec sleep 100", 300, Err("TimedOut")),
        ] {
            let mut task = task(folder.path(), &format!("{leaves}{then}"));
            task.limit = Duration::from_millis(limit);
            let run = run(&task, &Cancel::default());
            let stray = fs::read_to_string(folder.path().join("child")).unwrap();
            let stray = rustix::process::Pid::from_raw(stray.trim().parse().unwrap()).unwrap();
            rustix::process::kill_process(stray, rustix::process::Signal::KILL).unwrap();
            let yielded = run.outcome.map(|yielded| yielded.output);
            assert_eq!(yielded.map_err(|error| error.kind()), outcome);
            assert!(run.took < Duration::from_secs(20), "{:?}", run.took);
            fs::remove_file(folder.path().join("child")).unwrap();
        }
    }

    #[test]
    fn one_that_left_the_group_and_writes_for_ever_is_not_listened_to_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let script = "#!/bin/sh\nsetsid sh -c 'echo $$ > child; exec yes' &\nwhile [ ! -s child ]; do :; done";
        let run = run(&task(folder.path(), script), &Cancel::default());
        assert!(run.outcome.is_ok());
        assert!(run.took < Duration::from_secs(20), "{:?}", run.took);
        // Nobody reads what it writes.
        assert_gone(&folder.path().join("child"));
    }

    #[test]
    fn it_can_be_stopped_before_and_while_it_runs() {
        let folder = tempfile::tempdir().unwrap();
        let task = task(folder.path(), "#!/bin/sh\nexec sleep 100");
        let cancel = Cancel::default();
        let stop = cancel.clone();
        let stopper = std::thread::spawn(move || stop.cancel());
        assert_eq!(run(&task, &cancel).outcome.unwrap_err().kind(), "Cancelled");
        stopper.join().unwrap();
        assert_eq!(run(&task, &cancel).outcome.unwrap_err().kind(), "Cancelled");
    }

    #[test]
    fn what_is_no_executable_file_is_refused_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let mut task = task(folder.path(), "#!/bin/sh");
        fs::set_permissions(&task.prompt, fs::Permissions::from_mode(0o644)).unwrap();
        let error = run(&task, &Cancel::default()).outcome.unwrap_err();
        assert!(error.to_string().contains("chmod +x"), "{error}");
        task.prompt = folder.path().to_owned();
        let error = run(&task, &Cancel::default()).outcome.unwrap_err();
        assert!(error.to_string().ends_with("is no file"), "{error}");
    }

    #[test]
    fn a_long_line_and_broken_utf_8_reach_the_log() {
        let run = run_script("#!/bin/sh\nhead -c 40000 /dev/zero | tr '\\0' x; printf '\\377\\n'");
        assert_eq!(run.outcome.unwrap().output.len(), 40_002);
        assert!(run.lines.len() > 1, "{}", run.lines.len());
        assert!(run.lines.last().unwrap().ends_with('\u{fffd}'));
    }

    #[test]
    fn of_endless_chatter_only_so_much_is_logged() {
        let run = run_script("#!/bin/sh\nhead -c 80000000 /dev/zero | tr '\\0' x >&2; echo done");
        assert_eq!(run.outcome.unwrap().output, b"done\n");
        let logged: usize = run.lines.iter().map(String::len).sum();
        assert!(logged < 65 * 1024 * 1024, "{logged}");
        let notes = run
            .lines
            .iter()
            .filter(|line| line.contains("no more of this is logged"));
        assert_eq!(notes.count(), 1);
    }

    fn assert_gone(pid_file: &Path) {
        let pid: i32 = fs::read_to_string(pid_file)
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        let state = || fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
        let deadline = Instant::now() + Duration::from_secs(5);
        // A killed process may stay a moment until it is reaped.
        while state().is_ok_and(|stat| !stat.contains(") Z ")) {
            assert!(Instant::now() < deadline, "process {pid:?} still runs");
            std::thread::yield_now();
        }
    }
}
