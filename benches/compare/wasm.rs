//! `emit_tasksgodzilla_codex_refs` in a JavaScript worker: the whole process, four calls to the API on loopback.
//!
//! Always so: the reference, a script for bun with the same four calls written by hand, is called by the same few lines and runs
//! in turn with ours.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::ensure;

use crate::Programs;
use crate::emit::in_a_job;
use crate::process::{Server, median, milliseconds, run};
use crate::table::Row;

const ROUNDS: usize = 60;
const STEP: &str = "emit_tasksgodzilla_codex_refs";

pub(crate) fn measure(programs: &Programs) -> anyhow::Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let script = render(programs, folder.path())?;
    let server = Server::millwright(&programs.millwright, "serve", folder.path())?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let reference = root.join("benches/reference/emit.ts");
    let bun = root.join("tests/javascript/node_modules/.bin/bun");
    let wall = |script: &Path| {
        let mut command = Command::new(&bun);
        command
            .arg(root.join("tests/javascript/job.mjs"))
            .arg(script);
        let job = in_a_job(&mut command, &server, folder.path())?;
        let own = job.get_current_dir().unwrap_or(folder.path());
        std::fs::write(own.join("args.json"), r#"{"names": [], "given": {}}"#)?;
        anyhow::Ok(run(job)?.wall)
    };
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(wall(&script)?);
        theirs.push(wall(&reference)?);
    }
    let (ours, theirs) = (median(ours), median(theirs));
    let ratio = theirs.as_secs_f64() / ours.as_secs_f64();
    let size = std::fs::metadata(&script)?.len() / 1000;
    Ok(vec![
        Row::new(
            "emit as WebAssembly under bun, median",
            milliseconds(ours),
            "≥ 0.67×",
        )
        .against(
            format!("bun, written by hand: {}", milliseconds(theirs)),
            ratio,
        ),
        Row::new("a script with its module", format!("{size} kB"), "≤ 300 kB"),
    ])
}

/// The script as the command renders it.
fn render(programs: &Programs, folder: &Path) -> anyhow::Result<PathBuf> {
    let out = folder.join("workspace");
    let arguments = [
        "flows",
        "generate",
        "--layout",
        "wmill",
        "--packaging",
        "wasm",
        "--out",
    ];
    let output = Command::new(&programs.millwright)
        .args(arguments)
        .arg(&out)
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{said}");
    Ok(out.join(format!("u/devgodzilla/{STEP}.ts")))
}
