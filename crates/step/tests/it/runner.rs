//! The runner with an engine that reads text: what it is told, and what is reported.
//!
//! Always so: the engine is a double that keeps its task, and the port one that keeps the reports.

use std::fs;
use std::sync::{Arc, Mutex};

use millwright_core::protocol::{Begun, ExecutionOutcome, QaVerdict, Report, StepRun};
use millwright_step::engine::{
    Cancel, Control, Engine, EngineError, EngineOutput, LineSink, Mode, Registry, Task,
};
use millwright_step::runner::{OutcomePort, PortError, Runner, Settings};
use serde_json::{Value, json};

use crate::git_fixture::git;

/// An engine that answers so, and keeps what it was asked.
#[derive(Clone)]
struct Reader {
    answer: &'static str,
    tasks: Arc<Mutex<Vec<Task>>>,
}

impl Engine for Reader {
    fn id(&self) -> &'static str {
        "reader"
    }

    fn default_model(&self) -> Option<&'static str> {
        Some("reader-1")
    }

    fn run(&self, task: &Task, _: &Control<'_>) -> Result<EngineOutput, EngineError> {
        self.tasks.lock().unwrap().push(task.clone());
        let output = self.answer.as_bytes().to_vec();
        Ok(EngineOutput {
            output,
            model: None,
            usage: None,
        })
    }
}

/// Takes every report, and shows a step that waits for its check.
#[derive(Default)]
struct Port(Mutex<Vec<Report>>);

impl OutcomePort for Port {
    fn renew(&self, _: i64, _: &str) -> Result<(), PortError> {
        Ok(())
    }

    fn report(&self, _: i64, _: &str, report: &Report) -> Result<StepRun, PortError> {
        self.0.lock().unwrap().push(report.clone());
        let step = json!({
            "step_index": 0, "step_name": "01-work", "step_type": "work", "status": "needs_qa",
            "model": null, "summary": null, "engine_id": null, "policy": null, "id": 7,
            "protocol_run_id": 3, "retries": 0, "runtime_state": null, "created_at": "",
            "updated_at": "", "assigned_agent": null, "depends_on": null, "parallel_group": null,
        });
        Ok(serde_json::from_value(step).unwrap())
    }
}

struct Silent;

impl LineSink for Silent {
    fn line(&self, _: &str) {}
}

/// A workspace with one step for the reader, and what the assignment says beside it.
pub(crate) struct Work {
    folder: tempfile::TempDir,
    pub(crate) step: Value,
    pub(crate) more: Value,
    settings: Settings,
    reader: Reader,
}

impl Work {
    pub(crate) fn answering(answer: &'static str) -> Self {
        let work = Self {
            folder: tempfile::tempdir().unwrap(),
            step: json!({
                "id": "01-work", "engine_id": "reader", "prompt_ref": "01-work.md",
                "qa": {"policy": "full"},
            }),
            more: json!({}),
            settings: Settings::default(),
            reader: Reader {
                answer,
                tasks: Arc::default(),
            },
        };
        work.file("01-work.md", "Build {thing}.\n");
        work
    }

    pub(crate) fn file(&self, name: &str, text: impl AsRef<[u8]>) -> &Self {
        let path = self.folder.path().join(".protocols/0001-demo").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(".protocols/0001-demo").join(name)).unwrap()
    }

    fn begun(&self, kind: &str) -> Begun {
        let mut assignment = json!({
            "step_run_id": 7, "step_index": 0, "step_name": "01-work",
            "protocol_run_id": 3, "protocol_name": "0001-demo", "project_id": 1,
            "workspace": self.folder.path(), "protocol_root": null, "base_branch": "main",
            "step_spec": self.step, "spec_hash": null, "engine_id": null, "model": null,
            "defaults": {},
        });
        let fields = assignment.as_object_mut().unwrap();
        fields.extend(self.more.as_object().unwrap().clone());
        let begun = json!({
            "claim": {"step_run_id": 7, "claim": "c", "lease_seconds": 60},
            "kind": kind, "assignment": assignment,
        });
        serde_json::from_value(begun).unwrap()
    }

    pub(crate) fn run(&self, kind: &str) -> Report {
        let (engines, port) = (Registry::empty().with(self.reader.clone()), Port::default());
        let runner = Runner {
            engines: &engines,
            settings: &self.settings,
            port: &port,
            log: &Silent,
            cancel: &Cancel::default(),
        };
        let begun = self.begun(kind);
        if kind == "execute" {
            runner.execute(&begun).unwrap();
        } else {
            runner.check(&begun, None).unwrap();
        }
        port.0.into_inner().unwrap().pop().unwrap()
    }

    /// What the engine was asked last.
    pub(crate) fn task(&self) -> Task {
        self.reader.tasks.lock().unwrap().last().unwrap().clone()
    }
}

#[test]
fn the_engine_reads_the_prompt_filled_in_and_the_steps_inputs() {
    let mut work = Work::answering("done");
    work.step["inputs"] = json!({"depth": 2});
    work.more = json!({"placeholders": {"thing": "a {thing}"}});
    let Report::Executed(report) = work.run("execute") else {
        panic!("it was executed");
    };
    assert_eq!(
        report.outcome,
        ExecutionOutcome::Succeeded,
        "{}",
        report.summary
    );
    let task = work.task();
    assert_eq!(
        task.input,
        "Build a {thing}.\n\n## Inputs\n\n{\"depth\":2}\n"
    );
    assert_eq!(task.model.as_deref(), Some("reader-1"));
    assert_eq!(task.mode, Mode::Execute);
    assert_eq!(work.read("outputs/01-work.md"), "done");
    assert_eq!(report.artifacts[0].bytes, Some(4));
}

#[test]
fn the_model_is_the_first_that_anyone_names() {
    let template = json!({"model": "of-template"});
    let project = json!({"model": "of-project"});
    for (spec, step, template, defaults, expected) in [
        (
            json!("of-spec"),
            json!("of-step"),
            &template,
            &project,
            "of-spec",
        ),
        (
            json!(null),
            json!("of-step"),
            &template,
            &project,
            "of-step",
        ),
        (json!(null), json!(null), &template, &project, "of-template"),
        (json!(null), json!(null), &json!({}), &project, "of-project"),
        (
            json!(null),
            json!(null),
            &json!({}),
            &json!({}),
            "of-environment",
        ),
    ] {
        let mut work = Work::answering("done");
        work.step["model"] = spec;
        work.more = json!({"model": step, "template": template, "defaults": defaults});
        let named =
            |name: &str| (name == "PROTOCOL_EXEC_MODEL").then(|| "of-environment".to_owned());
        work.settings = Settings::read(named);
        work.run("execute");
        assert_eq!(work.task().model.as_deref(), Some(expected));
    }
}

#[test]
fn a_check_is_told_what_was_planned_and_what_has_changed() {
    let mut work = Work::answering("fine\nVERDICT: PASS");
    work.settings = Settings::read(|name| (name == "MILLWRIGHT_GIT").then(|| "off".to_owned()));
    work.file("plan.md", "The plan is this.")
        .file("context.md", "# Context\n- Current step: 00-setup\n")
        .file("log.md", "Yesterday.");
    let folder = work.folder.path();
    git(folder, &["init", "-q", "-b", "main"]);
    git(
        folder,
        &["commit", "-q", "--allow-empty", "-m", "Lay the ground"],
    );
    fs::write(folder.join("new.txt"), "x").unwrap();
    let Report::Checked(report) = work.run("qa") else {
        panic!("it was checked");
    };
    assert_eq!(
        report.verdict,
        Some(QaVerdict::Passed),
        "{}",
        report.summary
    );
    assert_eq!(
        work.read("context.md"),
        "# Context\n- Current step: 01-work\n"
    );
    let task = work.task();
    assert_eq!(task.mode, Mode::Qa);
    assert!(
        task.input.starts_with("# Check a step's work"),
        "{}",
        task.input
    );
    for part in [
        "## plan.md\n\nThe plan is this.",
        "- Current step: 01-work",
        "## log.md\n\nYesterday.",
        "## The step\n\nBuild {thing}.",
        "?? new.txt",
        "## The last commit\n\nLay the ground",
    ] {
        assert!(task.input.contains(part), "no {part:?} in {}", task.input);
    }
    assert_eq!(
        work.read("quality-report-01-work.md"),
        "fine\nVERDICT: PASS"
    );
    assert_eq!(report.artifacts[0].kind, "report");
}

#[test]
fn the_workspaces_own_checking_prompt_comes_first_and_a_named_one_has_to_be_there() {
    let mut work = Work::answering("VERDICT: PASS");
    work.file(
        "prompts/quality-validator.prompt.md",
        "Judge {thing} mildly.",
    );
    work.run("qa");
    assert!(work.task().input.starts_with("Judge {thing} mildly."));
    work.step["qa"]["prompt"] = json!("absent.md");
    let Report::Checked(report) = work.run("qa") else {
        panic!("it was checked");
    };
    assert_eq!(report.verdict, Some(QaVerdict::Failed));
    let told = "qa.prompt: there is no absent.md in /";
    assert!(report.summary.starts_with(told), "{}", report.summary);
    assert_eq!(report.error_type.as_deref(), Some("QaPromptMissing"));
}

#[test]
fn prompts_that_no_engine_can_read_are_refused_before_it_is_asked() {
    for (text, problem) in [
        (&b"\x7fELF\0"[..], "is no text in UTF-8"),
        (b"  \n", "is empty"),
        (&vec![b'x'; 2 << 20], "is longer than"),
    ] {
        let work = Work::answering("done");
        work.file("01-work.md", text);
        let Report::Executed(report) = work.run("execute") else {
            panic!("it was reported");
        };
        assert_eq!(report.outcome, ExecutionOutcome::SpecInvalid);
        assert!(report.summary.contains(problem), "{}", report.summary);
        assert!(work.reader.tasks.lock().unwrap().is_empty());
    }
}

#[test]
fn a_placeholder_without_a_value_is_named() {
    let mut work = Work::answering("done");
    work.more = json!({"placeholders": {"thing": {"file": "absent.md"}}});
    let Report::Executed(report) = work.run("execute") else {
        panic!("it was reported");
    };
    assert_eq!(report.outcome, ExecutionOutcome::SpecInvalid);
    assert!(report.summary.contains("{thing}"), "{}", report.summary);
}

#[test]
fn placeholders_do_not_make_a_prompt_grow_without_bound() {
    let mut work = Work::answering("done");
    work.more = json!({"placeholders": {"thing": "x".repeat(100_000)}});
    work.file("01-work.md", "{thing}".repeat(100_000));
    let Report::Executed(report) = work.run("execute") else {
        panic!("it was reported");
    };
    assert_eq!(report.outcome, ExecutionOutcome::SpecInvalid);
    assert!(
        report.summary.contains("with its placeholders filled in"),
        "{}",
        report.summary
    );
}

#[test]
fn a_failure_passes_where_only_the_protocol_has_changed_and_the_project_says_so() {
    for (says_so, elsewhere, verdict) in [
        (true, false, QaVerdict::Passed),
        (true, true, QaVerdict::Failed),
        (false, false, QaVerdict::Failed),
    ] {
        let mut work = Work::answering("VERDICT: FAIL");
        work.more = json!({"defaults": {"qa_pass_protocol_only": says_so}});
        git(work.folder.path(), &["init", "-q", "-b", "main"]);
        if elsewhere {
            fs::write(work.folder.path().join("new.txt"), "x").unwrap();
        }
        let Report::Checked(report) = work.run("qa") else {
            panic!("it was checked");
        };
        assert_eq!(report.verdict, Some(verdict));
        assert_eq!(report.protocol_only, verdict == QaVerdict::Passed);
    }
}

#[test]
fn an_agent_of_codemachine_leaves_its_output_twice() {
    #[derive(Clone)]
    struct CodeMachine(Reader);
    impl Engine for CodeMachine {
        fn id(&self) -> &'static str {
            "codemachine"
        }
        fn default_model(&self) -> Option<&'static str> {
            None
        }
        fn run(&self, task: &Task, control: &Control<'_>) -> Result<EngineOutput, EngineError> {
            self.0.run(task, control)
        }
    }
    let mut work = Work::answering("from the agent");
    work.step["engine_id"] = json!("codemachine");
    let engines = Registry::empty().with(CodeMachine(work.reader.clone()));
    // The default output of such a step has the step's name: the prompt stands elsewhere.
    work.step["prompt_ref"] = json!("agents/work.md");
    work.file("agents/work.md", "Work.");
    fs::remove_file(work.folder.path().join(".protocols/0001-demo/01-work.md")).unwrap();
    let port = Port::default();
    let runner = Runner {
        engines: &engines,
        settings: &work.settings,
        port: &port,
        log: &Silent,
        cancel: &Cancel::default(),
    };
    runner.execute(&work.begun("execute")).unwrap();
    assert_eq!(work.read("01-work.md"), "from the agent");
    assert_eq!(work.read("aux/codemachine/work.md"), "from the agent");
}
