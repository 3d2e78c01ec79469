//! Stamps the version with the commit that was built, and lists the WebAssembly modules where `make wasm` has built them.
//!
//! Always so: without git, or in a debug build, the version alone is stamped, and nothing is built anew for a commit; modules
//! that are older than what they are made of count as not there.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

/// Where `make wasm` puts the modules, `<step>.wasm.gz`, and the JavaScript that loads any of them: a folder that is always
/// there, so that cargo can watch it.
const BUILT: &str = "crates/wasm/built";
const GLUE: &str = "millwright_wasm.js";
/// What they are made of.
const SOURCES: [&str; 3] = ["crates/core/src", "crates/step/src", "crates/wasm/src"];

fn main() {
    let version = env::var("CARGO_PKG_VERSION").unwrap_or_default();
    let release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let commit = if release { commit() } else { None };
    let stamp = commit.map_or(version.clone(), |commit| format!("{version} ({commit})"));
    println!("cargo::rustc-env=MILLWRIGHT_VERSION={stamp}");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=MILLWRIGHT_COMMIT");
    println!("cargo::rustc-check-cfg=cfg(wasm_module)");
    let modules = modules().unwrap_or_default();
    if !modules.is_empty() {
        println!("cargo::rustc-cfg=wasm_module");
    }
    write_list(&modules);
    for folder in SOURCES.iter().chain([&BUILT]) {
        println!("cargo::rerun-if-changed={folder}");
    }
}

/// The modules, where all are as new as what they are made of.
fn modules() -> Option<Vec<PathBuf>> {
    let newest = SOURCES
        .iter()
        .filter_map(|folder| latest(Path::new(folder)))
        .max();
    let built = fs::read_dir(BUILT)
        .ok()?
        .flatten()
        .map(|entry| entry.path());
    let mut modules: Vec<PathBuf> = built
        .filter(|path| path.extension().is_some_and(|ending| ending == "gz"))
        .collect();
    modules.sort();
    let glue = Path::new(BUILT).join(GLUE);
    let current = |path: &Path| changed(path) >= newest;
    (current(&glue) && modules.iter().all(|path| current(path))).then_some(modules)
}

/// Writes the list of modules, as Rust, for `deploy::wasm::module`.
fn write_list(modules: &[PathBuf]) {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let quoted = |path: &Path| format!("{:?}", root.join(path).to_string_lossy());
    let entry = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let step = name.trim_end_matches(".wasm.gz");
        format!("({step:?}, include_bytes!({}))", quoted(path))
    };
    let entries: Vec<String> = modules.iter().map(entry).collect();
    let entries = entries.join(", ");
    let glue = match modules {
        [] => "\"\"".to_owned(),
        _ => format!("include_str!({})", quoted(&Path::new(BUILT).join(GLUE))),
    };
    let text =
        format!("const MODULES: &[(&str, &[u8])] = &[{entries}];\nconst GLUE: &str = {glue};\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let written = fs::write(out.join("wasm_modules.rs"), text);
    written.expect("the build script's own folder takes a file");
}

/// When the newest file below a folder was changed.
fn latest(folder: &Path) -> Option<SystemTime> {
    let entries = fs::read_dir(folder).ok()?.flatten();
    let times = entries.map(|entry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => latest(&entry.path()),
        _ => changed(&entry.path()),
    });
    times.max().flatten()
}

fn changed(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}

/// The commit that a packager names, else git's.
fn commit() -> Option<String> {
    if let Ok(named) = env::var("MILLWRIGHT_COMMIT") {
        return Some(named);
    }
    let logs = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
    println!("cargo::rerun-if-changed={logs}");
    git(&["show", "--no-patch", "--format=%h %cs", "HEAD"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let text = text.trim();
    (output.status.success() && !text.is_empty()).then(|| text.to_owned())
}
