//! The scripts that carry their step, rendered by the command, run by bun and by node, and beside them the executable.
//!
//! Always so: each run has a folder and an environment of its own, and what comes out is compared as JSON.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::OnceLock;

use millwright_core::catalog::scripts;
use serde_json::{Map, Value, json};
use tokio::process::{Child, Command};

use crate::step_executable::program;

pub(crate) const JOB: &str = "01a1fd8d-0c2a-5aa4-e27d-4a6fdf9e6e24";
pub(crate) const FLOW: &str = "0f000000-0000-4000-8000-000000000001";

/// What runs a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Runtime {
    /// `millwright-step`.
    Executable,
    Bun,
    Node,
}

/// Those that run scripts.
pub(crate) const JAVASCRIPT: [Runtime; 2] = [Runtime::Bun, Runtime::Node];

/// What a step came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    /// The result, or the error with its details beside its name and message.
    pub(crate) result: Value,
    pub(crate) log: String,
}

/// A step that has been started.
pub(crate) struct Started {
    runtime: Runtime,
    folder: tempfile::TempDir,
    pub(crate) child: Child,
}

impl Runtime {
    /// Runs a step to its end, as a flow's job, with these variables beside those of the job.
    pub(crate) async fn run(self, step: &str, given: &Value, variables: &[(&str, &str)]) -> Ran {
        self.start(step, given, variables).end().await
    }

    /// Starts a step.
    pub(crate) fn start(self, step: &str, given: &Value, variables: &[(&str, &str)]) -> Started {
        let folder = tempfile::tempdir().unwrap();
        let mut command = self.command(step, given, folder.path());
        command.current_dir(folder.path());
        for name in [
            "TASKSGODZILLA_API_URL",
            "TASKSGODZILLA_API_TOKEN",
            "DEVGODZILLA_API_URL",
        ] {
            command.env_remove(name);
        }
        command.env("WM_JOB_ID", JOB).env("WM_FLOW_JOB_ID", FLOW);
        command.envs(variables.iter().copied()).kill_on_drop(true);
        let pipes = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = pipes.spawn().unwrap();
        Started {
            runtime: self,
            folder,
            child,
        }
    }

    fn command(self, step: &str, given: &Value, folder: &Path) -> Command {
        let (program, script) = match self {
            Self::Executable => {
                let mut command = Command::new(program());
                command.args([step, "--args", &given.to_string()]);
                return command;
            }
            Self::Bun => (bun(), rendered().join(format!("{step}.ts"))),
            Self::Node => ("node".into(), rendered().join(format!("{step}.mjs"))),
        };
        let all = scripts::all();
        let known = all.iter().find(|script| script.name == step).unwrap();
        let names: Vec<_> = known.arguments.iter().map(|one| one.name).collect();
        job(&program, &script, &names, given, folder)
    }
}

impl Started {
    /// Waits for its end.
    pub(crate) async fn end(self) -> Ran {
        let Output { status, stderr, .. } = self.child.wait_with_output().await.unwrap();
        let log = String::from_utf8_lossy(&stderr).into_owned();
        let text = fs::read_to_string(self.folder.path().join("result.json")).unwrap_or_default();
        let result = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{:?} left no result ({error}): {log}", self.runtime));
        let failed = status.code() != Some(0);
        Ran {
            code: status.code(),
            result: if failed { as_one(result) } else { result },
            log,
        }
    }
}

/// A script under bun, as a worker runs it in a folder.
pub(crate) fn under_bun(script: &Path, names: &[&str], given: &Value, folder: &Path) -> Command {
    let mut command = job(&bun(), script, names, given, folder);
    command.current_dir(folder);
    command
}

fn job(program: &Path, script: &Path, names: &[&str], given: &Value, folder: &Path) -> Command {
    let arguments = json!({"names": names, "given": given});
    fs::write(folder.join("args.json"), arguments.to_string()).unwrap();
    let mut command = Command::new(program);
    command.arg(javascript().join("job.mjs")).arg(script);
    command
}

/// An error with its details beside its name and message, as the executable writes it.
fn as_one(error: Value) -> Value {
    let Value::Object(mut error) = error else {
        return error;
    };
    error.remove("stack");
    match error.remove("extra") {
        Some(Value::Object(extra)) => error.into_iter().chain(extra).collect::<Map<_, _>>().into(),
        _ => error.into(),
    }
}

/// The folder with the scripts, and with a copy of each without its types, for a node that knows none.
pub(crate) fn rendered() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("packaged-as-wasm");
        let generate = [
            "flows",
            "generate",
            "--layout",
            "wmill",
            "--packaging",
            "wasm",
            "--out",
        ];
        let mut millwright = std::process::Command::new(env!("CARGO_BIN_EXE_millwright"));
        succeed(millwright.args(generate).arg(&out));
        let folder = out.join("u/devgodzilla");
        let typed = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        for script in typed.filter(|path| path.extension().is_some_and(|ending| ending == "ts")) {
            let outfile = format!("--outfile={}", script.with_extension("mjs").display());
            let mut build = std::process::Command::new(bun());
            succeed(build.args(["build", "--no-bundle", &outfile]).arg(&script));
        }
        folder
    })
}

/// What Windmill's own reader makes of the signature of each script.
pub(crate) fn signatures(files: impl Iterator<Item = PathBuf>) -> Value {
    let mut read = std::process::Command::new("node");
    let output = succeed(read.arg(javascript().join("signature.mjs")).args(files));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Where what runs and reads scripts is installed.
fn javascript() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/javascript")
}

/// The bun that `make test` installs.
pub(crate) fn bun() -> PathBuf {
    let bun = javascript().join("node_modules/.bin/bun");
    assert!(
        bun.exists(),
        "bun is not installed: run `npm ci --prefix tests/javascript`, as `make test` does"
    );
    bun
}

fn succeed(command: &mut std::process::Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    output
}
