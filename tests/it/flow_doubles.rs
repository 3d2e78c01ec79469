//! Stand-ins for the steps, so that a flow can be run for each of its branches.
//!
//! Always so: a double takes the same arguments in the same order as the script that it stands in for.

use std::fs;
use std::path::PathBuf;

use millwright::mill::JobEnd;
use millwright_core::catalog::{flows, scripts};
use serde_json::{Value, json};

use crate::mill_fixture::{Fixture, object};

/// What a double does when it is called.
#[derive(Clone)]
pub(crate) enum Does {
    /// It yields this.
    Yields(Value),
    /// It fails and says this.
    Fails(&'static str),
}

/// A project whose scripts are all doubles. One that is given nothing to do fails.
pub(crate) struct Doubles {
    fixture: Fixture,
    folder: PathBuf,
}

/// Notes the call, counts it by the first argument, and does what is written for that count, or for the last one.
const BODY: &str = r#"
first=$1
printf '%s' "$NAME" >> call.txt
for word in "$@"; do printf ' %s' "${word:--}" >> call.txt; done
printf '\n' >> call.txt
cat call.txt >> "$FOLDER/calls"
answers="$FOLDER/$NAME/$first"
[ -d "$answers" ] || answers="$FOLDER/$NAME/any"
n=0
until mkdir "$answers/called-$n" 2>/dev/null; do n=$((n + 1)); done
while [ $n -gt 0 ] && [ ! -e "$answers/$n.json" ] && [ ! -e "$answers/$n.fails" ]; do n=$((n - 1)); done
if [ -e "$answers/$n.fails" ]; then cat "$answers/$n.fails"; exit 1; fi
cp "$answers/$n.json" result.json
"#;

impl Doubles {
    pub(crate) fn new() -> Self {
        let fixture = Fixture::new();
        let folder = fixture.folder("doubles");
        let doubles = Self { fixture, folder };
        for script in scripts::all() {
            let text = script.bash("A double.");
            let arguments = text.lines().filter(|line| !line.starts_with("exec"));
            let head: Vec<_> = arguments.collect();
            let set = format!("NAME={}\nFOLDER={}", script.name, doubles.folder.display());
            let text = format!("{}\n{set}\n{BODY}", head.join("\n"));
            doubles.fixture.script(&script.path, &text);
            let any = doubles.folder.join(script.name).join("any");
            fs::create_dir_all(&any).unwrap();
            fs::write(any.join("0.fails"), "nobody said what to do").unwrap();
        }
        doubles
            .with("emit_tasksgodzilla_codex_refs", emitted("run-1"))
            .with(
                "finish_tasksgodzilla_codex_run",
                json!({"run_id": "run-1", "status": "failed", "closed": true}),
            )
    }

    /// The script always yields this.
    pub(crate) fn with(self, script: &str, result: Value) -> Self {
        self.answers(script, "any", &[Does::Yields(result)])
    }

    /// The script always fails.
    pub(crate) fn failing(self, script: &str, message: &'static str) -> Self {
        self.answers(script, "any", &[Does::Fails(message)])
    }

    /// Called with this first argument, the script does these things in turn, and then always the last.
    pub(crate) fn answers(self, script: &str, first: &str, turns: &[Does]) -> Self {
        let folder = self.folder.join(script).join(first);
        fs::create_dir_all(&folder).unwrap();
        drop(fs::remove_file(folder.join("0.fails")));
        for (turn, does) in turns.iter().enumerate() {
            let (ending, text) = match does {
                Does::Yields(value) => ("json", value.to_string()),
                Does::Fails(message) => ("fails", (*message).to_owned()),
            };
            fs::write(folder.join(format!("{turn}.{ending}")), text).unwrap();
        }
        self
    }

    /// Runs one of our flows.
    pub(crate) async fn run(&self, name: &str, inputs: Value) -> JobEnd {
        let path = format!("f/devgodzilla/{name}");
        let mut flows = flows::all().unwrap().into_iter();
        let flow = flows
            .find(|flow| flow.path == path)
            .expect("a flow of ours");
        let mill = self.fixture.mill().await;
        let started = mill.run_flow(Some(&path), flow.flow, object(&inputs)).await;
        started
            .expect("a flow that runs")
            .wait()
            .await
            .expect("an end")
    }

    /// Each call so far: the script and its arguments, `-` for an empty one.
    pub(crate) fn calls(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.join("calls")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// The names of the scripts that were called.
    pub(crate) fn names(&self) -> Vec<String> {
        let first = |call: &String| call.split(' ').next().unwrap_or_default().to_owned();
        self.calls().iter().map(first).collect()
    }
}

/// What `tgz_emit_refs` yields.
pub(crate) fn emitted(run_id: &str) -> Value {
    json!({"status": "ok", "run_id": run_id, "windmill_job_id": "j", "log_path": "l", "artifacts": []})
}

/// A selection of these steps, each with the claim `c<id>`.
pub(crate) fn selection(steps: &[i64]) -> Value {
    let claimed: Vec<_> = steps
        .iter()
        .map(|id| json!({"step_run_id": id, "claim": format!("c{id}")}))
        .collect();
    json!({
        "step_run_id": steps.first(),
        "claim": steps.first().map(|id| format!("c{id}")),
        "steps": claimed,
        "status": "running",
        "message": "as asked",
    })
}

/// A step as its execution yields it.
pub(crate) fn step(id: i64, status: &str) -> Value {
    json!({"id": id, "protocol_run_id": 1, "status": status})
}

/// What a check of a step yields.
pub(crate) fn verdict(verdict: &str) -> Value {
    json!({"verdict": verdict, "summary": "", "gates": [], "step_status": "completed"})
}
