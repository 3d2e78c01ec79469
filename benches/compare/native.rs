//! `emit_tasksgodzilla_codex_refs` as a script that finds its executable: in the cache of the worker, and on the PATH.
//!
//! Always so: the executable alone runs in turn with the scripts, with the same four calls to the API on loopback.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::Programs;
use crate::emit::in_a_job;
use crate::process::{Server, median, milliseconds, run};
use crate::table::Row;

const ROUNDS: usize = 200;
const STEP: &str = "emit_tasksgodzilla_codex_refs";

pub(crate) fn measure(programs: &Programs) -> anyhow::Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let script = render(programs, folder.path())?;
    let cache = cached(programs, &script, folder.path())?;
    let beside = programs.step.parent().context("no folder")?.display();
    let server = Server::millwright(&programs.millwright, "serve", folder.path())?;
    let wall = |program: &Path, path: &str| {
        let mut command = Command::new(program);
        if program == programs.step {
            command.args([STEP, "--args", "{}"]);
        } else {
            command.arg(&script);
        }
        command.env("PATH", path).env("MILLWRIGHT_CACHE", &cache);
        Ok::<_, anyhow::Error>(run(in_a_job(&mut command, &server, folder.path())?)?.wall)
    };
    let bash = Path::new("/bin/bash");
    let system = "/usr/bin:/bin";
    let on_path = format!("{beside}:{system}");
    let (mut alone, mut kept, mut found) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        alone.push(wall(&programs.step, system)?);
        kept.push(wall(bash, system)?);
        found.push(wall(bash, &on_path)?);
    }
    let alone = median(alone);
    let row = |what: &str, times: Vec<Duration>| {
        let added = median(times).saturating_sub(alone);
        let ratio = alone.as_secs_f64() / (alone + added).as_secs_f64();
        let reference = format!("the executable alone: {}", milliseconds(alone));
        Row::new(what, milliseconds(added), "≤ 5 ms").against(reference, ratio)
    };
    Ok(vec![
        row("what a native script adds, from the cache, median", kept),
        row("the same, from the PATH", found),
    ])
}

/// The script as the command renders it.
fn render(programs: &Programs, folder: &Path) -> anyhow::Result<PathBuf> {
    let out = folder.join("workspace");
    let words = ["flows", "generate", "--layout", "wmill"];
    let output = Command::new(&programs.millwright)
        .args(words)
        .args(["--packaging", "native", "--out"])
        .arg(&out)
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{said}");
    Ok(out.join(format!("u/devgodzilla/{STEP}.sh")))
}

/// A cache that holds what the script names.
fn cached(programs: &Programs, script: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    let text = fs::read_to_string(script)?;
    let call = text.lines().find(|line| line.starts_with("find_step '"));
    let sha256 = call.and_then(|line| line.split_whitespace().last());
    let name = format!("millwright-step-{}", sha256.context("no SHA-256 in it")?);
    let cache = folder.join("cache");
    fs::create_dir(&cache)?;
    fs::copy(&programs.step, cache.join(name))?;
    Ok(cache)
}
