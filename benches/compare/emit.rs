//! `emit_tasksgodzilla_codex_refs`: the whole process, four calls to the API on loopback.
//!
//! Always so: the reference, a Python script with the same four calls, runs in turn with ours.

use std::path::Path;
use std::process::Command;

use crate::Programs;
use crate::process::{Server, TOKEN, mebibytes, median, milliseconds, python, run};
use crate::table::Row;

const ROUNDS: usize = 100;

pub(crate) fn measure(programs: &Programs) -> anyhow::Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let server = Server::millwright(&programs.millwright, "serve", folder.path())?;
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/reference/emit.py");
    let python = python()?;
    let (mut ours, mut theirs, mut peak) = (Vec::new(), Vec::new(), 0);
    for _ in 0..ROUNDS {
        let cost = run(in_a_job(
            Command::new(&programs.step)
                .arg("emit_tasksgodzilla_codex_refs")
                .args(["--args", "{}"]),
            &server,
            folder.path(),
        ))?;
        ours.push(cost.wall);
        peak = peak.max(cost.peak);
        theirs.push(
            run(in_a_job(
                Command::new(&python).arg(&reference),
                &server,
                folder.path(),
            ))?
            .wall,
        );
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

fn in_a_job<'a>(command: &'a mut Command, server: &Server, folder: &Path) -> &'a mut Command {
    command
        .current_dir(folder)
        .env("WM_JOB_ID", uuid::Uuid::new_v4().to_string())
        .env("TASKSGODZILLA_API_URL", server.url())
        .env("TASKSGODZILLA_API_TOKEN", TOKEN)
}
