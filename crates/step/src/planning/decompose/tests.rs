//! Decomposition by an engine that is played.
//!
//! Always so: the plan has a step that prepares, a short one, and a long one with the plan's only command.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Mutex;

use millwright_core::protocol::ProjectDefaults;
use serde_json::{Value, json};

use super::*;
use crate::engine::{Cancel, Control, Engine, EngineOutput, LineSink, Registry, Task};
use crate::planning::Request;
use crate::runner::Settings;

/// An engine whose answers are played, in the order of its tasks.
struct Played<F>(F, Mutex<usize>);

impl<F: Fn(usize, &Task) -> Result<String, EngineError> + Send + Sync> Engine for Played<F> {
    fn id(&self) -> &'static str {
        "played"
    }

    fn default_model(&self) -> Option<&'static str> {
        Some("own")
    }

    fn run(&self, task: &Task, _: &Control<'_>) -> Result<EngineOutput, EngineError> {
        let mut nth = self.1.lock().unwrap();
        *nth += 1;
        Ok(EngineOutput {
            output: self.0(*nth, task)?.into_bytes(),
            usage: None,
            model: None,
        })
    }
}

struct Silent;

impl LineSink for Silent {
    fn line(&self, _: &str) {}
}

fn plan() -> PlanAnswer {
    let files = [
        ("00-begin.md", format!("# Begin\n{}", "long ".repeat(200))),
        ("01-short.md", "# Short\nDo it.".to_owned()),
        (
            "02-long.md",
            format!("# Long\n`make`{}", " long".repeat(200)),
        ),
    ];
    let files = files.map(|(filename, content)| StepFile {
        filename: filename.to_owned(),
        content,
    });
    PlanAnswer {
        plan_md: "p".to_owned(),
        context_md: "c".to_owned(),
        log_md: "l".to_owned(),
        step_files: files.into(),
    }
}

/// What a decomposition came to.
struct Outcome {
    result: Result<Asked, PlanningError>,
    plan: PlanAnswer,
    told: Vec<DecompositionReport>,
}

impl Outcome {
    fn done(&self) -> &Decomposition {
        match self.told.last() {
            Some(DecompositionReport::Completed(done)) => done,
            other => panic!("it is not over: {other:?}"),
        }
    }

    fn skipped(&self) -> Vec<(&str, &str)> {
        let left = self.done().skipped.iter();
        left.map(|left| (&*left.step, &*left.reason)).collect()
    }
}

/// Decomposes with an engine, as a project's models, its overrides and the environment say.
fn decomposed(
    models: &Value,
    overrides: &Value,
    environment: &[(&str, &str)],
    answer: impl Fn(usize, &Task) -> Result<String, EngineError> + Send + Sync + 'static,
) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let request = Request {
        defaults: ProjectDefaults {
            engine_id: Some("played".to_owned()),
            ..ProjectDefaults::of_project(Some(models), Some(overrides))
        },
        ..Request::default()
    };
    let found = |name: &str| environment.iter().find(|(variable, _)| *variable == name);
    let planner = Planner {
        engines: &Registry::empty().with(Played(answer, Mutex::default())),
        settings: &Settings::read(|name| found(name).map(|(_, value)| (*value).to_owned())),
        log: &Silent,
        cancel: &Cancel::default(),
    };
    let job = Job {
        request: &request,
        wanted: "w",
        folder: folder.path(),
        root: Path::new("r"),
    };
    let (mut plan, told) = (plan(), RefCell::new(Vec::new()));
    let tell = |report| told.borrow_mut().push(report);
    let result = planner.decompose(&job, &mut plan, &tell);
    Outcome {
        result,
        plan,
        told: told.into_inner(),
    }
}

/// The file of the step that is asked for, with more below its heading.
fn detail(task: &Task) -> String {
    let planned = &task.environment["MILLWRIGHT_STEP"];
    let heading = planned.lines().next().unwrap();
    let command = planned.contains("`make`").then_some(": `make`");
    let command = command.unwrap_or_default();
    format!("Here it is:\n\n{heading}\n\n- in detail{command}\n")
}

const MODEL: (&str, &str) = ("PROTOCOL_DECOMPOSE_MODEL", "environment");
const SKIPS: (&str, &str) = ("PROTOCOL_SKIP_SIMPLE_DECOMPOSE", "true");

#[test]
fn it_is_done_where_the_project_or_the_environment_wants_it_with_the_model_of_its_own() {
    let none = json!({});
    for (models, overrides, environment, model) in [
        (&none, &none, &[MODEL][..], Some("environment")),
        (
            &json!({"decompose": "project"}),
            &none,
            &[MODEL],
            Some("project"),
        ),
        (
            &json!({"decompose": "project"}),
            &none,
            &[],
            Some("project"),
        ),
        (
            &json!({"default": "other"}),
            &json!({"decompose": true}),
            &[],
            Some("other"),
        ),
        (
            &json!({"planning": "plans"}),
            &json!({"decompose": true}),
            &[],
            Some("plans"),
        ),
        (&none, &json!({"decompose": true}), &[], Some("own")),
        (&json!({"default": "other"}), &none, &[], None),
        (
            &json!({"decompose": "project"}),
            &json!({"decompose": false}),
            &[MODEL],
            None,
        ),
        (
            &json!({"decompose": ""}),
            &json!({"decompose": "yes"}),
            &[],
            None,
        ),
    ] {
        let outcome = decomposed(models, overrides, environment, move |_, task| {
            assert_eq!(task.model.as_deref(), model);
            Ok(detail(task))
        });
        let details = outcome.result.as_ref().unwrap().details();
        let Some(model) = model else {
            assert!(outcome.told.is_empty(), "{models} {overrides}");
            assert_eq!(outcome.plan, plan());
            continue;
        };
        assert_eq!(details["models"], json!({"decompose": model}));
        let version = details["prompt_versions"]["decompose"].as_str().unwrap();
        assert_eq!(version.len(), 12);
        assert_eq!(details["estimated_tokens"], outcome.done().estimated_tokens);
        assert_eq!(outcome.done().decomposed.len(), 3);
        assert_eq!(outcome.done().model.as_deref(), Some(model));
        let text = &outcome.plan.step_files[1].content;
        assert_eq!(text, "# Short\n\n- in detail\n");
    }
}

#[test]
fn simple_steps_stay_as_they_were_planned_where_that_is_wanted() {
    let none = json!({});
    let outcome = decomposed(&none, &none, &[MODEL, SKIPS], |_, task| Ok(detail(task)));
    let steps = match &outcome.told[0] {
        DecompositionReport::Started { steps, .. } => steps,
        DecompositionReport::Completed(done) => panic!("it began with its end: {done:?}"),
    };
    assert_eq!(steps, &["02-long.md"]);
    assert_eq!(outcome.done().decomposed, ["02-long.md"]);
    let simple = [("00-begin.md", "simple"), ("01-short.md", "simple")];
    assert_eq!(outcome.skipped(), simple);
    assert_eq!(outcome.plan.step_files[..2], plan().step_files[..2]);
    let off = (SKIPS.0, "off");
    let all = decomposed(&none, &none, &[MODEL, off], |_, task| Ok(detail(task)));
    assert_eq!(all.skipped(), []);
}

#[test]
fn a_wrong_answer_is_sent_back_once_and_then_its_step_stays() {
    let none = json!({});
    let outcome = decomposed(&none, &none, &[MODEL], |nth, task| match nth {
        1 => Ok("# Other\n\ntext".to_owned()),
        2 => {
            let again = "its heading stays as it is: \"# Begin\"";
            assert!(task.input.contains(again), "{}", task.input);
            Ok(detail(task))
        }
        3 | 4 => Ok(String::new()),
        _ => Ok("I cannot.".to_owned()),
    });
    let done = outcome.done();
    assert_eq!(done.decomposed, ["00-begin.md"]);
    let reasons = outcome.skipped();
    assert_eq!((reasons[0].0, reasons[1].0), ("01-short.md", "02-long.md"));
    for (_, reason) in reasons {
        let says = "no step in detail, also after it was told why: it has no heading";
        assert!(reason.contains(says), "{reason}");
    }
    assert_eq!(outcome.plan.step_files[1..], plan().step_files[1..]);
}

#[test]
fn a_step_in_detail_that_loses_the_plans_only_command_is_a_wrong_answer() {
    let none = json!({});
    let outcome = decomposed(&none, &none, &[MODEL], |_, task| {
        Ok(detail(task).replace("`make`", "all"))
    });
    let [(step, reason)] = outcome.skipped()[..] else {
        panic!("one step stays: {:?}", outcome.done());
    };
    assert_eq!(step, "02-long.md");
    assert!(reason.contains("it names no command"), "{reason}");
}

#[test]
fn a_failure_keeps_one_step_as_it_is_and_an_engine_that_is_not_there_ends_planning() {
    let none = json!({});
    let failed = |message: &str| EngineError::Agent {
        program: "played",
        message: message.to_owned(),
    };
    let outcome = decomposed(&none, &none, &[MODEL], move |nth, task| match nth {
        2 => Err(failed(&"ä".repeat(5_000))),
        _ => Ok(detail(task)),
    });
    assert_eq!(outcome.done().decomposed, ["00-begin.md", "02-long.md"]);
    let (step, reason) = outcome.skipped()[0];
    assert_eq!(step, "01-short.md");
    assert!(reason.starts_with("played failed: ää") && reason.len() <= LONGEST_REASON);

    let gone = decomposed(&none, &none, &[MODEL], |_, _| {
        Err(EngineError::NotInstalled {
            program: "played",
            install: "play",
            variable: "PLAYED",
        })
    });
    assert_eq!(gone.result.unwrap_err().kind(), "EngineNotInstalled");
    let stopped = decomposed(&none, &none, &[MODEL], |_, _| Err(EngineError::Cancelled));
    assert_eq!(stopped.result.unwrap_err().kind(), "Cancelled");
    assert_eq!(stopped.told.len(), 1, "it has begun and is not over");
}
