//! The house rules that a machine can hold.
//!
//! Always so: a rule that is broken is told with the file that breaks it.

use std::fs;
use std::path::{Path, PathBuf};

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn all_rust_files() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in ["src", "crates", "tests", "examples", "benches"] {
        rust_files(&root.join(folder), &mut found);
    }
    assert!(found.len() > 10, "the sources were not found");
    found
}

#[test]
fn every_file_says_what_it_is_for_and_what_always_holds() {
    for path in all_rust_files() {
        let text = fs::read_to_string(&path).unwrap();
        let opening = text.lines().take_while(|line| line.starts_with("//!"));
        let opening: Vec<&str> = opening.collect();
        let path = path.display();
        assert!(!opening.is_empty(), "{path} does not open with `//!`");
        let holds = |line: &&str| line.starts_with("//! Always so: ");
        let rules = opening.iter().filter(|line| holds(line)).count();
        assert_eq!(rules, 1, "{path} does not open with one `Always so: …`");
    }
}

#[test]
fn no_test_file_is_forgotten() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let main = fs::read_to_string(folder.join("main.rs")).unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let declared = ["main", "snapshots"].contains(&name.as_str())
            || main.contains(&format!("mod {name};"));
        assert!(declared, "tests/it/main.rs does not declare `mod {name};`");
    }
}

/// What a package must not depend on, since it would no longer be small, or pure.
const FORBIDDEN: [(&str, &[&str]); 2] = [
    (
        "crates/core",
        &["tokio", "reqwest", "ureq", "rusqlite", "rustix"],
    ),
    ("crates/step", &["tokio", "reqwest", "jsonschema", "clap"]),
];

#[test]
fn the_small_packages_stay_small() {
    for (package, forbidden) in FORBIDDEN {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(package)
            .join("Cargo.toml");
        let manifest = fs::read_to_string(manifest).unwrap();
        let shipped = manifest.split("[dev-dependencies]").next().unwrap();
        for name in forbidden {
            let named = shipped
                .lines()
                .any(|line| line.starts_with(&format!("{name} =")));
            assert!(!named, "{package} must not depend on {name}");
        }
    }
}
