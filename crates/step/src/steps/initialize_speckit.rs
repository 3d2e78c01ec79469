//! `initialize_speckit`: makes a project's `.specify/` folder.
//!
//! Always so: a file that exists is never overwritten, and one that could not be written whole is not left behind.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use millwright_core::catalog::Object;
use millwright_core::catalog::scripts::initialize_speckit::{Args, Output};
use millwright_core::protocol::SetupFact;

use super::StepError;
use super::analyze_project::folder;
use super::setup::Setup;
use crate::host::Host;
use crate::planning::TEMPLATES;

const CONSTITUTION: &str = include_str!("speckit/constitution.md");
/// What runs leave behind is not to be committed.
const IGNORED: &str = ".specify/specs/*/_runtime/runs/";

/// Makes what is missing.
///
/// # Errors
/// When something cannot be written; the details name what was made until then.
pub(super) async fn run<H: Host>(args: Args, host: &H) -> Result<Output, StepError> {
    let mut setup = Setup::of(host, args.project_id);
    let outcome = initialize(args);
    if let Ok(output) = &outcome {
        let made = output.paths_created.len();
        let message = format!(
            "{} is there; {made} files and folders were made.",
            output.specify_path
        );
        setup.note(
            SetupFact::Assets,
            &message,
            &[("path", &output.specify_path)],
        );
    }
    setup.conclude(outcome, true).await
}

fn initialize(args: Args) -> Result<Output, StepError> {
    let root = folder(&args.project_path)?;
    let specify = root.join(".specify");
    let constitution = specify.join("memory").join("constitution.md");
    let mut created = Vec::new();
    make(&root, &specify, &constitution, &args, &mut created)
        .map_err(|(path, reason)| stopped(&path, &reason, &created))?;
    Ok(Output {
        success: true,
        paths_created: created,
        specify_path: specify.display().to_string(),
        constitution_path: constitution.display().to_string(),
        project_name: args.project_name,
    })
}

type Stopped = (String, io::Error);

fn make(
    root: &Path,
    specify: &Path,
    constitution: &Path,
    args: &Args,
    created: &mut Vec<String>,
) -> Result<(), Stopped> {
    for folder in [
        specify.to_owned(),
        specify.join("memory"),
        specify.join("templates"),
        specify.join("specs"),
    ] {
        note(&folder, make_folder(&folder), created)?;
    }
    let given = args
        .constitution_template
        .as_deref()
        .filter(|text| !text.is_empty());
    let text = given.map_or_else(
        || CONSTITUTION.replace("{{project_name}}", &args.project_name),
        str::to_owned,
    );
    note(constitution, make_file(constitution, &text), created)?;
    for template in TEMPLATES {
        let path = root.join(template.name);
        note(&path, make_file(&path, template.text), created)?;
    }
    let ignore = root.join(".gitignore");
    extend(&ignore).map_err(|reason| (ignore.display().to_string(), reason))
}

/// Notes what was made; that it was there already is fine.
fn note(path: &Path, made: io::Result<()>, created: &mut Vec<String>) -> Result<(), Stopped> {
    match made {
        Ok(()) => created.push(path.display().to_string()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err((path.display().to_string(), error)),
    }
    Ok(())
}

fn make_folder(path: &Path) -> io::Result<()> {
    let made = fs::create_dir(path);
    let in_the_way = made
        .as_ref()
        .is_err_and(|error| error.kind() == ErrorKind::AlreadyExists)
        && !path.is_dir();
    if in_the_way {
        Err(ErrorKind::NotADirectory.into())
    } else {
        made
    }
}

fn make_file(path: &Path, text: &str) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    let written = file.write_all(text.as_bytes());
    if written.is_err() {
        // It is this step's own, and half of it is worse than none.
        let _ = fs::remove_file(path);
    }
    written
}

/// Adds the line to a `.gitignore` that is there and lacks it.
fn extend(path: &Path) -> io::Result<()> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if text.lines().any(|line| line.trim() == IGNORED) {
        return Ok(());
    }
    let start = if text.is_empty() || text.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    OpenOptions::new()
        .append(true)
        .open(path)?
        .write_all(format!("{start}{IGNORED}\n").as_bytes())
}

fn stopped(path: &str, reason: &io::Error, created: &[String]) -> StepError {
    StepError::Failed {
        message: format!("{path}: {reason}"),
        details: Object::from_iter([("paths_created".to_owned(), created.into())]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::host::block_on;
    use crate::host::double::Double;

    fn initialize(root: &Path) -> Result<Output, StepError> {
        let args = json!({"project_path": root, "project_name": "Demo"});
        block_on(run(serde_json::from_value(args).unwrap(), &Double::new()))
    }

    #[test]
    fn it_makes_what_is_missing_and_the_second_time_nothing() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join(".gitignore"), "target").unwrap();
        let output = initialize(root.path()).unwrap();
        assert_eq!(output.paths_created.len(), 8);
        let constitution = fs::read_to_string(&output.constitution_path).unwrap();
        assert!(constitution.contains("# Constitution of Demo"));
        assert_eq!(constitution.matches("\n## Article").count(), 10);
        let ignored = fs::read_to_string(root.path().join(".gitignore")).unwrap();
        assert_eq!(ignored, "target\n.specify/specs/*/_runtime/runs/\n");

        fs::write(&output.constitution_path, "ours").unwrap();
        assert!(initialize(root.path()).unwrap().paths_created.is_empty());
        assert_eq!(
            fs::read_to_string(&output.constitution_path).unwrap(),
            "ours"
        );
        assert_eq!(
            fs::read_to_string(root.path().join(".gitignore")).unwrap(),
            ignored
        );
    }

    #[test]
    fn what_is_in_the_way_is_named_with_what_was_made() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join(".specify")).unwrap();
        fs::write(root.path().join(".specify/templates"), "a file").unwrap();
        let error = initialize(root.path()).unwrap_err();
        assert!(
            error.to_string().ends_with("templates: not a directory"),
            "{error}"
        );
        assert_eq!(
            error.to_json()["paths_created"].as_array().unwrap().len(),
            1
        );
        assert!(
            !root.path().join(".gitignore").exists(),
            "a .gitignore is only extended"
        );
    }
}
