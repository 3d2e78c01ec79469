//! The files by which a project is known, and the frameworks that they tell of.
//!
//! Always so: only files at the project's top are looked into, and only their beginning.

use std::fs::File;
use std::io::Read;
use std::path::Path;

const LONGEST_LOOK: u64 = 256 * 1024;

/// Files that say what kind of project it is.
const KNOWN: [&str; 18] = [
    "README.md",
    "package.json",
    "tsconfig.json",
    "pyproject.toml",
    "requirements.txt",
    "setup.py",
    "manage.py",
    "Cargo.toml",
    "go.mod",
    "pom.xml",
    "build.gradle",
    "build.gradle.kts",
    "Gemfile",
    "composer.json",
    "artisan",
    "CMakeLists.txt",
    "Makefile",
    "Dockerfile",
];

/// A framework, the file that tells of it, and the word in it; an empty word means that the file is enough. First come, first taken.
const FRAMEWORKS: [(&str, &str, &str); 21] = [
    ("django", "manage.py", ""),
    ("laravel", "artisan", ""),
    ("next", "package.json", "\"next\""),
    ("nuxt", "package.json", "\"nuxt\""),
    ("angular", "package.json", "\"@angular/core\""),
    ("svelte", "package.json", "\"svelte\""),
    ("nest", "package.json", "\"@nestjs/core\""),
    ("react", "package.json", "\"react\""),
    ("vue", "package.json", "\"vue\""),
    ("express", "package.json", "\"express\""),
    ("fastapi", "pyproject.toml", "fastapi"),
    ("fastapi", "requirements.txt", "fastapi"),
    ("flask", "pyproject.toml", "flask"),
    ("flask", "requirements.txt", "flask"),
    ("django", "pyproject.toml", "django"),
    ("django", "requirements.txt", "django"),
    ("axum", "Cargo.toml", "axum"),
    ("actix", "Cargo.toml", "actix-web"),
    ("rails", "Gemfile", "rails"),
    ("spring", "pom.xml", "spring-boot"),
    ("spring", "build.gradle", "spring"),
];

/// Words in a README, when no file tells.
const README_WORDS: [&str; 8] = [
    "django",
    "flask",
    "fastapi",
    "react",
    "angular",
    "rails",
    "laravel",
    "spring boot",
];

/// The framework, and which of the known files are there.
pub(super) fn look(root: &Path) -> (Option<String>, Vec<String>) {
    let there = |name: &&&str| root.join(name).is_file();
    let files: Vec<String> = KNOWN
        .iter()
        .filter(there)
        .map(|&name| name.to_owned())
        .collect();
    let told = FRAMEWORKS.iter().find(|(_, file, word)| {
        files.iter().any(|one| one == file) && beginning(root, file).contains(word)
    });
    let framework = told
        .map(|(name, ..)| (*name).to_owned())
        .or_else(|| from_readme(root));
    (framework, files)
}

fn from_readme(root: &Path) -> Option<String> {
    let text = beginning(root, "README.md");
    let word = README_WORDS.iter().find(|word| text.contains(*word))?;
    Some(word.replace(' ', "-"))
}

/// The file's beginning in lower case; nothing when it cannot be read.
fn beginning(root: &Path, name: &str) -> String {
    let mut bytes = Vec::new();
    let read = File::open(root.join(name))
        .and_then(|file| file.take(LONGEST_LOOK).read_to_end(&mut bytes));
    if read.is_err() {
        return String::new();
    }
    String::from_utf8_lossy(&bytes).to_lowercase()
}
