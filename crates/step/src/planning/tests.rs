//! Planning with the engine `shell`, whose prompt is a script that prints a plan.
//!
//! Always so: each test has a repository of its own.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::Mutex;

use millwright_core::protocol::SpecContext;
use serde_json::json;

use super::*;
use crate::engine::Shell;

#[derive(Default)]
struct Lines(Mutex<Vec<String>>);

impl LineSink for Lines {
    fn line(&self, line: &str) {
        self.0.lock().unwrap().push(line.to_owned());
    }
}

struct Project {
    folder: tempfile::TempDir,
    lines: Lines,
}

const PLAN: &str = r##"{"plan_md": "# Plan for `prompts` as in prompts/protocol-new.prompt.md: `make test`", "context_md": "c", "log_md": "l", "step_files": [
    {"filename": "00-setup.md", "content": "s"}, {"filename": "01-build.md", "content": "b"}]}"##;

impl Project {
    fn planned_by(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let project = Self {
            folder,
            lines: Lines::default(),
        };
        project.write(
            "prompts/protocol-new.prompt.md",
            &format!("#!/bin/sh\n{script}\n"),
        );
        project.git(&["init", "--quiet", "--initial-branch=main"]);
        project.git(&["add", "."]);
        project.git(&["commit", "--quiet", "-m", "One"]);
        project
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.checkout().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn checkout(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    fn git(&self, words: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.invalid"])
            .args(words)
            .current_dir(self.checkout())
            .output()
            .unwrap();
        assert!(output.status.success(), "git {words:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn plan_with(&self, change: impl FnOnce(&mut Request)) -> Result<Planned, PlanningError> {
        let mut request = Request {
            project_folder: Some(self.checkout().display().to_string()),
            protocol_run_id: 3,
            protocol_name: "0001-demo".to_owned(),
            base_branch: "main".to_owned(),
            request: Some("a greeting".to_owned()),
            ..Request::default()
        };
        request.defaults.engine_id = Some("shell".to_owned());
        change(&mut request);
        let planner = Planner {
            engines: &Registry::empty().with(Shell),
            settings: &Settings::default(),
            log: &self.lines,
            cancel: &Cancel::default(),
        };
        planner.plan(&request, &|_| {})
    }

    fn plan(&self) -> Result<Planned, PlanningError> {
        self.plan_with(|_| {})
    }
}

#[test]
fn a_plan_is_written_committed_and_gives_a_spec() {
    let script = format!(
        "test \"$MILLWRIGHT_MODE $MILLWRIGHT_REQUEST\" = 'plan a greeting' || exit 1\ncat <<'X'\n{PLAN}\nX"
    );
    let project = Project::planned_by(&script);
    let planned = project.plan().unwrap();
    let steps = planned.spec["steps"].as_array().unwrap();
    let seen: Vec<_> = steps
        .iter()
        .map(|step| {
            (
                step["id"].as_str().unwrap(),
                step["qa"]["policy"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(seen, [("00-setup", "skip"), ("01-build", "full")]);
    assert_eq!(steps[1]["depends_on"], json!(["00-setup"]));
    assert!(
        millwright_core::protocol::planned_steps(&planned.spec, &SpecContext::default()).is_ok()
    );
    let plan = "millwright/3-0001-demo:.protocols/0001-demo/plan.md";
    assert!(project.git(&["show", plan]).starts_with("# Plan for"));
    assert_eq!(project.git(&["status", "--porcelain"]), "");
    let details = planned.asked.unwrap().details();
    assert_eq!(details["engine_id"], "shell");
    assert_eq!(
        details["prompt_versions"]["planning"]
            .as_str()
            .unwrap()
            .len(),
        12
    );
    assert!(details["estimated_tokens"].as_u64().unwrap() > 50);
}

#[test]
fn a_wrong_answer_is_mended_once_and_then_it_is_a_failure() {
    let mends = format!(
        "if [ -z \"$MILLWRIGHT_ERRORS\" ]; then echo nothing; else cat <<'X'\n{PLAN}\nX\nfi"
    );
    assert!(Project::planned_by(&mends).plan().is_ok());
    let project = Project::planned_by(
        "echo '{\"plan_md\": 1}'; echo x >> \"$(git rev-parse --git-common-dir)/asked\"",
    );
    let error = project.plan().unwrap_err();
    assert_eq!(
        (error.kind(), error.engine_id()),
        ("InvalidPlan", Some("shell"))
    );
    assert!(error.to_string().contains("expected a string"), "{error}");
    assert_eq!(
        fs::read_to_string(project.checkout().join(".git/asked")).unwrap(),
        "x\nx\n"
    );
    let branch = project.git(&["log", "--format=%s", "millwright/3-0001-demo"]);
    assert_eq!(branch, "One");
}

#[test]
fn a_plan_that_names_nothing_of_the_project_is_sent_back() {
    let airy = PLAN
        .replace("`make test`", "all is well")
        .replace("prompts", "things");
    let mends = format!(
        "if [ -z \"$MILLWRIGHT_ERRORS\" ]; then cat <<'X'\n{airy}\nX\nelse cat <<'X'\n{PLAN}\nX\nfi"
    );
    assert!(Project::planned_by(&mends).plan().is_ok());
    let error = Project::planned_by(&format!("cat <<'X'\n{airy}\nX")).plan();
    let error = error.unwrap_err().to_string();
    for lack in [
        "names 0 files or folders of the project and must name 2",
        "names no command",
    ] {
        assert!(error.contains(lack), "{error}");
    }
}

#[test]
fn a_file_that_leads_out_of_the_protocols_folder_is_refused() {
    let bad = PLAN.replace("00-setup.md", "../../00-setup.md");
    let project = Project::planned_by(&format!("cat <<'X'\n{bad}\nX"));
    let error = project.plan().unwrap_err().to_string();
    assert!(
        error.contains("\"../../00-setup.md\" is not two digits"),
        "{error}"
    );
}

#[test]
fn files_that_are_there_are_the_plan() {
    let project = Project::planned_by("exit 1");
    project.write(".protocols/0001-demo/01-only.md", "x");
    project.write(".protocols/0001-demo/notes.md", "x");
    let planned = project.plan_with(|request| request.request = None).unwrap();
    assert_eq!(planned.spec["steps"].as_array().unwrap().len(), 1);
    assert!(planned.asked.is_none());
}

#[test]
fn what_cannot_be_planned_says_why() {
    let project = Project::planned_by("echo broken >&2; exit 3");
    let error = project.plan().unwrap_err();
    assert_eq!(
        (error.kind(), error.stderr()),
        ("EngineFailed", Some("broken\n"))
    );
    let none = project
        .plan_with(|request| request.request = None)
        .unwrap_err();
    assert_eq!(none.kind(), "SpecMissing");
    let unknown = project.plan_with(|request| request.defaults.engine_id = Some("x".to_owned()));
    assert_eq!(
        unknown.unwrap_err().to_string(),
        "the engine x is not known: this version has shell"
    );
    let nowhere = project.plan_with(|request| request.project_folder = None);
    assert_eq!(nowhere.unwrap_err().kind(), "NoWorkspace");
}
