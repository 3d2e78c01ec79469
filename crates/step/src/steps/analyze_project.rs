//! `analyze_project`: says what kind of project a folder holds, and has it described where an engine is named for that.
//!
//! Always so: the answer is found by reading alone, without following a link, and is the same for the same files.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use millwright_core::catalog::scripts::analyze_project::{Args, Output, Structure};
use millwright_core::protocol::SetupFact;
use serde_json::json;

use super::discovery::discover;
use super::documents::Site;
use super::setup::Setup;
use super::{StepError, frameworks, project};
use crate::host::Host;

/// Folders that hold what was made or fetched, not written.
const SKIPPED: [&str; 6] = [
    "node_modules",
    "venv",
    "__pycache__",
    "dist",
    "build",
    "target",
];
const MOST_TOP_LEVEL: usize = 30;
const MOST_EXTENSIONS: usize = 10;
/// So many folders that are left out are told of.
const MOST_WARNINGS: usize = 20;

/// Extensions that tell the language.
const LANGUAGES: [(&str, &str); 11] = [
    (".py", "python"),
    (".js", "javascript"),
    (".ts", "typescript"),
    (".java", "java"),
    (".go", "go"),
    (".rs", "rust"),
    (".rb", "ruby"),
    (".php", "php"),
    (".cs", "csharp"),
    (".cpp", "cpp"),
    (".c", "c"),
];

/// Walks through the folder.
///
/// # Errors
/// When the folder cannot be read, and when the API does not take what was found.
pub(super) async fn run<H: Host>(args: Args, host: &H) -> Result<Output, StepError> {
    let mut setup = Setup::of(host, args.project_id);
    let outcome = look(args, host, &mut setup).await;
    setup.conclude(outcome, false).await
}

async fn look<H: Host>(
    args: Args,
    host: &H,
    setup: &mut Setup<'_, H>,
) -> Result<Output, StepError> {
    let id = args.project_id;
    let site = Site::find(host, Some(&args.project_path), id).await?;
    let output = analyze(&site.root, id, host, setup).await?;
    discover(&site, id, host, setup).await?;
    Ok(output)
}

async fn analyze<H: Host>(
    root: &Path,
    project_id: Option<i64>,
    host: &H,
    setup: &mut Setup<'_, H>,
) -> Result<Output, StepError> {
    let (total_files, counts) = count(root, host, setup)?;
    let top_level = top_level(root)?;
    let language = language(&counts).to_owned();
    let (framework, files) = frameworks::look(root);
    let sort = framework
        .as_ref()
        .map_or_else(|| language.clone(), |name| format!("{language}/{name}"));
    project::record(host, project_id, &json!({"project_classification": sort})).await?;
    Ok(Output {
        language,
        framework,
        files,
        structure: Structure {
            top_level,
            total_files,
            file_extensions: commonest(counts),
        },
        project_name: root
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        path: root.display().to_string(),
    })
}

/// The folder by its real path.
///
/// # Errors
/// When it is none.
pub(super) fn folder(path: &str) -> Result<PathBuf, StepError> {
    let bad =
        |problem: &str| StepError::bad_argument("project_path", format!("{path:?} {problem}"));
    let root = fs::canonicalize(path).map_err(|error| bad(&format!("cannot be read: {error}")))?;
    if root.is_dir() {
        Ok(root)
    } else {
        Err(bad("is no folder"))
    }
}

/// Counts the files, in all and by extension.
fn count<H: Host>(
    root: &Path,
    host: &H,
    setup: &mut Setup<'_, H>,
) -> Result<(i64, BTreeMap<String, i64>), StepError> {
    let (mut total, mut left_out_before) = (0, 0);
    let mut counts = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if folder == root => return Err(StepError::file(root, error)),
            Err(error) => {
                let left_out = format!("{} is left out: {error}", folder.display());
                host.log(&format!("warning: {left_out}"));
                let path = folder.display().to_string();
                if left_out_before < MOST_WARNINGS {
                    setup.note(SetupFact::Warning, &left_out, &[("path", &path)]);
                }
                left_out_before += 1;
                continue;
            }
        };
        for entry in entries.flatten() {
            let kind = entry.file_type();
            if kind.as_ref().is_ok_and(fs::FileType::is_dir) && !is_skipped(&entry.file_name()) {
                folders.push(entry.path());
            } else if kind.is_ok_and(|kind| kind.is_file()) {
                total += 1;
                if let Some(extension) = entry.path().extension().and_then(OsStr::to_str) {
                    *counts.entry(format!(".{extension}")).or_insert(0) += 1;
                }
            }
        }
    }
    Ok((total, counts))
}

fn is_skipped(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with('.') || SKIPPED.contains(&name.as_ref())
}

fn top_level(root: &Path) -> Result<Vec<String>, StepError> {
    let entries = fs::read_dir(root).map_err(|error| StepError::file(root, error))?;
    let names = entries.flatten().map(|entry| entry.file_name());
    let names = names.filter(|name| !is_skipped(name));
    let mut names: Vec<String> = names
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    names.sort_unstable();
    names.truncate(MOST_TOP_LEVEL);
    Ok(names)
}

/// The language with the most files; of two with as many, the one that is listed first.
fn language(counts: &BTreeMap<String, i64>) -> &'static str {
    let scored = LANGUAGES
        .iter()
        .filter_map(|(extension, name)| Some((counts.get(*extension)?, *name)));
    // `max_by_key` gives the last of equals.
    scored
        .rev()
        .max_by_key(|(count, _)| **count)
        .map_or("unknown", |(_, name)| name)
}

fn commonest<M: FromIterator<(String, i64)>>(counts: BTreeMap<String, i64>) -> M {
    let mut counts: Vec<(String, i64)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts.into_iter().take(MOST_EXTENSIONS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::block_on;
    use crate::host::double::Double;

    fn look(root: &Path, project: i64, host: &Double) -> Result<Output, StepError> {
        let args = json!({"project_path": root, "project_id": project});
        block_on(run(serde_json::from_value(args).unwrap(), host))
    }

    fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    #[test]
    fn a_project_is_recognised_and_recorded() {
        let root = project(&[
            ("Cargo.toml", "[dependencies]\naxum = \"0.8\""),
            ("src/main.rs", ""),
            ("src/lib.rs", ""),
            ("tool.py", ""),
            (".git/config.py", ""),
            ("node_modules/x/y.js", ""),
        ]);
        let host = Double::new()
            .answer(200, &json!({"id": 3, "name": "demo", "status": "active", "base_branch": "main", "policy_pack_key": "default",
                "policy_pack_version": "1", "policy_repo_local_enabled": false, "policy_enforcement_mode": "warn", "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"}))
            .answer(200, &json!({}))
            .answer(200, &json!({}));
        let output = look(root.path(), 3, &host).unwrap();
        assert_eq!(
            (output.language.as_str(), output.framework.as_deref()),
            ("rust", Some("axum"))
        );
        assert_eq!(output.structure.total_files, 4);
        assert_eq!(output.structure.top_level, ["Cargo.toml", "src", "tool.py"]);
        assert_eq!(
            output.structure.file_extensions.keys().next().unwrap(),
            ".rs"
        );
        assert_eq!(output.files, ["Cargo.toml"]);
        assert_eq!(
            host.calls(),
            [
                "GET /projects/3",
                r#"PUT /projects/3 {"project_classification":"rust/axum"}"#,
                r#"POST /projects/3/setup {"events":[{"event_type":"setup_discovery_skipped","message":"No engine looks at the project: its files were counted.","metadata":{}}],"finished":false}"#,
            ]
        );
    }

    #[test]
    fn nothing_known_is_unknown_and_nothing_is_asked_without_a_project() {
        let root = project(&[("notes.xyz", "")]);
        let host = Double::new();
        let output = look(root.path(), 0, &host).unwrap();
        assert_eq!(
            (output.language.as_str(), output.framework),
            ("unknown", None)
        );
        assert!(host.calls().is_empty());
    }

    #[test]
    fn what_is_no_folder_is_refused() {
        let error = look(Path::new("/nowhere/at/all"), 0, &Double::new()).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("argument project_path: \"/nowhere/at/all\" cannot be read")
        );
    }

    #[test]
    fn links_are_not_followed() {
        let root = project(&[("a.py", "")]);
        std::os::unix::fs::symlink(root.path(), root.path().join("loop")).unwrap();
        assert_eq!(
            look(root.path(), 0, &Double::new())
                .unwrap()
                .structure
                .total_files,
            1
        );
    }
}
