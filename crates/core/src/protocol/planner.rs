//! What a planning engine answers: plan, context, log and the files of the steps.
//!
//! Always so: the name of a file is two digits, a hyphen and plain characters, so that it stays in the protocol's folder.

use std::collections::BTreeSet;

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// So many steps a plan may have: their files have two digits.
const MOST_STEPS: usize = 100;
/// So long a file may be.
const LONGEST_FILE: usize = 1024 * 1024;

/// A plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanAnswer {
    /// The plan, in Markdown.
    pub plan_md: String,
    /// What every step has to know, in Markdown.
    pub context_md: String,
    /// The protocol's log, in Markdown.
    pub log_md: String,
    /// The steps, in their order.
    pub step_files: Vec<StepFile>,
}

/// The file of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepFile {
    /// Its name: two digits, a hyphen, a short name and `.md`.
    pub filename: String,
    /// The step's task, in Markdown.
    pub content: String,
}

impl PlanAnswer {
    /// The JSON Schema of an answer.
    pub fn schema() -> Value {
        schema_for!(Self).to_value()
    }

    /// Reads an answer: JSON, which may stand in a fence or between other text.
    ///
    /// # Errors
    /// Everything that is wrong with it, a sentence each.
    pub fn read(text: &str) -> Result<Self, Vec<String>> {
        let json = text.find('{').zip(text.rfind('}'));
        let json = json.and_then(|(start, end)| text.get(start..=end));
        let Some(json) = json else {
            return Err(vec!["the answer holds no JSON object".to_owned()]);
        };
        let answer: Self = serde_json::from_str(json).map_err(|error| {
            vec![format!(
                "the answer does not conform to the schema: {error}"
            )]
        })?;
        let problems = answer.problems();
        if problems.is_empty() {
            Ok(answer)
        } else {
            Err(problems)
        }
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let texts = [
            ("plan_md", &self.plan_md),
            ("context_md", &self.context_md),
            ("log_md", &self.log_md),
        ];
        for (what, text) in texts {
            problems.extend(text_problem(what, text));
        }
        if self.step_files.is_empty() || self.step_files.len() > MOST_STEPS {
            let count = self.step_files.len();
            problems.push(format!(
                "step_files has {count} entries: 1 to {MOST_STEPS} are possible"
            ));
        }
        let mut seen = BTreeSet::new();
        for file in self.step_files.iter().take(MOST_STEPS) {
            let name = &file.filename;
            if !is_plain_step_file(name) {
                problems.push(format!(
                    "step_files: the filename {name:?} is not two digits, a hyphen, letters, digits, `-`, `_` or `.`, and `.md`"
                ));
            } else if !seen.insert(name.to_lowercase()) {
                problems.push(format!("step_files: the filename {name:?} is there twice"));
            }
            problems.extend(text_problem(
                &format!("the content of {name:?}"),
                &file.content,
            ));
        }
        problems
    }
}

/// Whether a name is that of a step's file, and leads nowhere.
fn is_plain_step_file(name: &str) -> bool {
    let digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let parts = name
        .strip_suffix(".md")
        .and_then(|stem| stem.split_once('-'));
    parts.is_some_and(|(number, rest)| {
        digits(number) && !rest.is_empty() && rest.len() <= 100 && rest.chars().all(plain)
    })
}

fn text_problem(what: &str, text: &str) -> Option<String> {
    if text.trim().is_empty() {
        Some(format!("{what} is empty"))
    } else if text.len() > LONGEST_FILE {
        Some(format!("{what} is longer than {LONGEST_FILE} bytes"))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(files: &Value) -> Value {
        json!({"plan_md": "p", "context_md": "c", "log_md": "l", "step_files": files})
    }

    #[test]
    fn an_answer_is_read_from_a_fence_too() {
        let json = answer(&json!([{"filename": "00-setup.md", "content": "x"}])).to_string();
        for text in [json.clone(), format!("Here it is:\n```json\n{json}\n```\n")] {
            assert_eq!(PlanAnswer::read(&text).unwrap().step_files[0].content, "x");
        }
    }

    #[test]
    fn no_file_leaves_the_protocols_folder() {
        for name in [
            "../00-x.md",
            "00-../x.md",
            "/00-x.md",
            "00-x.md/",
            "0-x.md",
            "000-x.md",
            "00-.sh",
            "00-x\0.md",
            "00-.md",
            "plan.md",
            "00-a b.md",
        ] {
            assert!(!is_plain_step_file(name), "{name:?}");
        }
        assert!(is_plain_step_file("00-setup.md") && is_plain_step_file("99-a_b.c.md"));
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let files = json!([
            {"filename": "../x.md", "content": "x"},
            {"filename": "01-a.md", "content": " "},
            {"filename": "01-A.md", "content": "x"},
        ]);
        let errors = PlanAnswer::read(&answer(&files).to_string()).unwrap_err();
        assert_eq!(errors.len(), 3, "{errors:?}");
        for (text, says) in [
            ("no", "no JSON object"),
            ("} {", "no JSON object"),
            ("{}", "missing field `plan_md`"),
            (&answer(&json!([])).to_string(), "step_files has 0 entries"),
        ] {
            let errors = PlanAnswer::read(text).unwrap_err().join("; ");
            assert!(errors.contains(says), "{errors}");
        }
    }
}
