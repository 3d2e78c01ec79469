//! `emit_tasksgodzilla_codex_refs`: the whole process, four calls to the API on loopback.
//!
//! Always so: the reference, a Python script with the same four calls, runs in turn with ours, ten at a time: what the other
//! left in the processor's caches counts for little.

use std::path::Path;
use std::process::Command;

use crate::Programs;
use crate::process::{Server, TOKEN, mebibytes, median, milliseconds, python, run};
use crate::table::Row;

const ROUNDS: usize = 20;
const IN_TURN: usize = 10;

pub(crate) fn measure(programs: &Programs) -> anyhow::Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let server = Server::millwright(&programs.millwright, "serve", folder.path())?;
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/reference/emit.py");
    let python = python()?;
    let emit = || {
        let mut command = Command::new(&programs.step);
        command.args(["emit_tasksgodzilla_codex_refs", "--args", "{}"]);
        command
    };
    let script = || {
        let mut command = Command::new(&python);
        command.arg(&reference);
        command
    };
    let (mut ours, mut theirs, mut peak) = (Vec::new(), Vec::new(), 0);
    for _ in 0..ROUNDS {
        for _ in 0..IN_TURN {
            let cost = run(in_a_job(&mut emit(), &server, folder.path())?)?;
            ours.push(cost.wall);
            peak = peak.max(cost.peak);
        }
        for _ in 0..IN_TURN {
            theirs.push(run(in_a_job(&mut script(), &server, folder.path())?)?.wall);
        }
    }
    let (ours, theirs) = (median(ours), median(theirs));
    let ratio = theirs.as_secs_f64() / ours.as_secs_f64();
    let size = std::fs::metadata(&programs.step)?.len();
    Ok(vec![
        Row::new(
            "emit, whole process, median",
            milliseconds(ours),
            "≤ 4 ms, ≥ 25×",
        )
        .against(
            format!("Python with urllib: {}", milliseconds(theirs)),
            ratio,
        ),
        Row::new("emit, peak memory", mebibytes(peak), "≤ 8 MiB"),
        Row::new(
            "millwright-step, stripped, with TLS",
            mebibytes(size),
            "≤ 3 MiB",
        ),
    ])
}

/// In a folder of its own, as a worker gives each job.
pub(crate) fn in_a_job<'a>(
    command: &'a mut Command,
    server: &Server,
    folder: &Path,
) -> std::io::Result<&'a mut Command> {
    let job = uuid::Uuid::new_v4().to_string();
    let own = folder.join(&job);
    std::fs::create_dir(&own)?;
    Ok(command
        .current_dir(own)
        .env("WM_JOB_ID", job)
        .env("TASKSGODZILLA_API_URL", server.url())
        .env("TASKSGODZILLA_API_TOKEN", TOKEN))
}
