//! Protocol files: from the names `NN-*.md` in a protocol's folder to a spec.
//!
//! Always so: the same names give the same spec, in whatever order they come.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::protocol::{QUALITY_PROMPT, QaPolicy, StepType, infer_step_type};

/// How long a step that works may take, in seconds.
const WORK_LIMIT: u32 = 3600;

/// There is no step among the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no step file: a step's file is named as 01-build.md is")]
pub struct NoStepFile;

/// Whether a file is a step: two digits first, `.md` last.
pub fn is_step_file(name: &str) -> bool {
    let number = name.as_bytes().get(..2);
    name.strip_suffix(".md").is_some()
        && number.is_some_and(|number| number.iter().all(u8::is_ascii_digit))
}

/// The spec of the step files among these names, which lie in the protocol's folder. Its steps are in the order of their
/// numbers: each waits for all with the number before it, so that two with one number may run beside each other.
///
/// # Errors
/// [`NoStepFile`].
pub fn spec_of_files<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Value, NoStepFile> {
    let names = names.into_iter().filter(|name| is_step_file(name));
    let names: BTreeSet<&str> = names.collect();
    let (mut steps, mut before, mut beside) = (Vec::new(), Vec::new(), Vec::new());
    let mut number = "";
    for name in names {
        let (own, stem) = (&name[..2], name.strip_suffix(".md").unwrap_or(name));
        if own != number {
            before = std::mem::take(&mut beside);
            number = own;
        }
        beside.push(stem);
        steps.push(step(name, stem, &before));
    }
    if steps.is_empty() {
        return Err(NoStepFile);
    }
    Ok(json!({"steps": steps, "metadata": {"source": "files"}}))
}

/// The step of a file.
pub(super) fn step(name: &str, stem: &str, needs: &[&str]) -> Value {
    let step_type = infer_step_type(name);
    let unchecked = step_type == StepType::Setup || name.to_lowercase().contains("scan");
    let mut qa = Map::new();
    if unchecked {
        qa.insert("policy".to_owned(), QaPolicy::Skip.as_str().into());
    } else {
        qa.insert("policy".to_owned(), QaPolicy::Full.as_str().into());
        qa.insert("prompt".to_owned(), QUALITY_PROMPT.into());
    }
    json!({
        "id": stem, "name": name, "engine_id": null, "prompt_ref": name, "qa": qa,
        "step_type": step_type, "depends_on": needs,
        "timeout_seconds": (step_type == StepType::Work).then_some(WORK_LIMIT),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::{SpecContext, planned_steps};

    #[test]
    fn names_tell_what_the_steps_are() {
        let names = [
            "02-build.md",
            "plan.md",
            "00-start.md",
            "01-Scan.md",
            "02-docs.md",
            "03-qa.md",
            "1-x.md",
            "04-x.txt",
        ];
        let spec = spec_of_files(names).unwrap();
        let told: Vec<String> = spec["steps"]
            .as_array()
            .unwrap()
            .iter()
            .map(|step| {
                let needs: Vec<&str> = step["depends_on"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .filter_map(Value::as_str)
                    .collect();
                format!(
                    "{} {} {} {} <{}>",
                    step["id"],
                    step["step_type"],
                    step["qa"]["policy"],
                    step["timeout_seconds"],
                    needs.join(" ")
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                r#""00-start" "setup" "skip" null <>"#,
                r#""01-Scan" "work" "skip" 3600 <00-start>"#,
                r#""02-build" "work" "full" 3600 <01-Scan>"#,
                r#""02-docs" "work" "full" 3600 <01-Scan>"#,
                r#""03-qa" "qa" "full" null <02-build 02-docs>"#,
            ]
        );
        assert_eq!(spec_of_files(["plan.md", "ü1.md", "0"]), Err(NoStepFile));
    }

    proptest! {
        #[test]
        fn every_set_of_names_gives_a_valid_spec(names in prop::collection::vec("[0-9ü]{0,3}-?[a-zA-Z .é]{0,9}(\\.md)?", 0..40)) {
            let spec = spec_of_files(names.iter().map(String::as_str));
            let steps = names.iter().filter(|name| is_step_file(name)).collect::<BTreeSet<_>>();
            match spec {
                Ok(spec) => {
                    let planned = planned_steps(&spec, &SpecContext::default()).unwrap();
                    prop_assert_eq!(planned.len(), steps.len());
                }
                Err(NoStepFile) => prop_assert!(steps.is_empty()),
            }
        }
    }
}
