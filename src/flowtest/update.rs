//! Writes into a file of tests what was found.
//!
//! Always so: only the lines of an `expect` change; all others stay as they are, with their comments and their order,
//! and what they say is the same afterwards.

use serde_json::{Map, Value, json};

use super::judge::{alike, named};
use super::run::{Found, FoundStep, TestReport};
use super::{At, Expect, RanStep, Test, TestFile};

/// The text of a file with what was found written into the tests that failed. Tests that could not run to their end stay as they are.
///
/// # Errors
/// Where the text is not laid out so that an `expect` can be found in it.
pub fn update(text: &str, tests: &TestFile, reports: &[&TestReport]) -> Result<String, String> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut failed: Vec<(&At<Test>, &Found)> = Vec::new();
    for report in reports.iter().filter(|report| !report.passed()) {
        let its = tests.tests.iter().find(|test| test.line == report.line);
        failed.extend(its.zip(report.found.as_ref()));
    }
    // From the last to the first, so that the lines of those before stay where they are.
    failed.sort_by_key(|(test, _)| std::cmp::Reverse(test.line));
    for (test, found) in failed {
        let expect = expectation(test.expect.as_ref(), found);
        put(&mut lines, test, &expect)?;
    }
    if failed_none(&lines, text) {
        return Ok(text.to_owned());
    }
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let updated = lines.join(end) + end;
    let same = without_expectations(text) == without_expectations(&updated);
    if same {
        Ok(updated)
    } else {
        Err("it is laid out in a way that cannot be updated: write each test as a block, with `- name: …` first".to_owned())
    }
}

fn failed_none(lines: &[String], text: &str) -> bool {
    text.lines().eq(lines.iter())
}

/// Puts an expectation in the place of a test's own, or at its end.
fn put(lines: &mut Vec<String>, test: &At<Test>, expect: &Value) -> Result<(), String> {
    let first = usize::try_from(test.line).unwrap_or(1).saturating_sub(1);
    let indent = lines.get(first).and_then(|line| indent_of_item(line));
    let indent = indent.ok_or_else(|| {
        let name = &test.name.value;
        format!("the test {name:?} is not laid out as a block that begins with `- name:`")
    })?;
    let end = first + 1 + block_length(&lines[first + 1..], indent);
    let is_expect =
        |line: &String| indent_of(line) == indent && line.trim_start().starts_with("expect:");
    let own = (first + 1..end).find(|number| is_expect(&lines[*number]));
    let range = match own {
        Some(start) => start..start + 1 + block_length(&lines[start + 1..end], indent + 1),
        None => end..end,
    };
    lines.splice(range, text_of(expect, indent));
    Ok(())
}

/// The column of the keys of a list's item that begins on this line.
fn indent_of_item(line: &str) -> Option<usize> {
    let after = line.trim_start().strip_prefix('-')?;
    let key = after.trim_start();
    (after.len() > key.len() && !key.starts_with('{')).then(|| line.len() - key.len())
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// How many lines belong to a block whose lines begin at a column or later. Blank lines and comments at its end do not.
fn block_length(lines: &[String], indent: usize) -> usize {
    let mut length = 0;
    for (number, line) in lines.iter().enumerate() {
        let is_content = !line.trim().is_empty() && !line.trim_start().starts_with('#');
        if is_content && indent_of(line) < indent {
            break;
        }
        if is_content {
            length = number + 1;
        }
    }
    length
}

fn text_of(expect: &Value, indent: usize) -> Vec<String> {
    let text = serde_saphyr::to_string(expect).expect("a JSON value can be printed as YAML");
    let outer = " ".repeat(indent);
    let inner = text.lines().map(|line| format!("{outer}  {line}"));
    let inner = inner.map(|line| line.trim_end().to_owned());
    std::iter::once(format!("{outer}expect:"))
        .chain(inner)
        .collect()
}

/// What was found, under the keys that were expected; of a test without any, its status, result and steps.
fn expectation(expect: Option<&Expect>, found: &Found) -> Value {
    let nothing = Expect::default();
    let old = expect.unwrap_or(&nothing);
    let is_new = old.says_nothing();
    let mut new = Map::new();
    if is_new || old.status.is_some() {
        new.insert("status".to_owned(), found.status.as_str().into());
    }
    if (is_new && found.error.is_none()) || old.result.is_some() {
        new.insert("result".to_owned(), (*found.result).clone());
    }
    if let Some(part) = &old.result_contains {
        new.insert("result_contains".to_owned(), alike(part, &found.result));
    }
    if !old.result_at.is_empty() {
        let parts = old.result_at.keys().filter_map(|pointer| {
            let part = found.result.pointer(pointer)?;
            Some((pointer.clone(), part.clone()))
        });
        new.insert("result_at".to_owned(), Value::Object(parts.collect()));
    }
    if let (true, Some(error)) = (is_new || old.error.is_some(), &found.error) {
        let kept = old.error.as_ref().filter(|text| error.contains(*text));
        new.insert("error".to_owned(), kept.unwrap_or(error).as_str().into());
    }
    if is_new || old.steps.is_some() {
        let steps = steps_of(old.steps.as_deref().unwrap_or_default(), &found.steps);
        new.insert("steps".to_owned(), steps);
    }
    let ran = |id: &str| found.steps.iter().any(|step| step.id == id);
    let not_run: Vec<&str> = old.not_run.iter().map(|id| id.value.as_str()).collect();
    let not_run: Vec<&str> = not_run.into_iter().filter(|id| !ran(id)).collect();
    if !not_run.is_empty() {
        new.insert("not_run".to_owned(), json!(not_run));
    }
    if old.took.is_some() {
        new.insert(
            "took".to_owned(),
            format!("{}s", found.took.as_secs()).into(),
        );
    }
    Value::Object(new)
}

impl Expect {
    fn says_nothing(&self) -> bool {
        self.status.is_none()
            && self.result.is_none()
            && self.result_contains.is_none()
            && self.result_at.is_empty()
            && self.error.is_none()
            && self.steps.is_none()
            && self.not_run.is_empty()
            && self.took.is_none()
    }
}

/// The steps that ran; where the old list has arguments for a step, those are written again.
fn steps_of(old: &[At<RanStep>], found: &[FoundStep]) -> Value {
    let mut rows: Vec<(usize, Map<String, Value>)> = Vec::new();
    for step in found {
        let mut known = old.iter().filter(|known| known.id == step.id);
        let args = known.find_map(|known| known.args.as_ref());
        let mut row = Map::from_iter([("id".to_owned(), step.id.clone().into())]);
        if let Some(args) = args {
            row.insert("args".to_owned(), named(args, &step.args).into());
        }
        match rows.last_mut() {
            Some((times, last)) if *last == row => *times += 1,
            _ => rows.push((1, row)),
        }
    }
    let rows = rows.into_iter().map(|(times, mut row)| {
        if times > 1 {
            row.insert("times".to_owned(), times.into());
        } else if row.len() == 1 {
            return row["id"].clone();
        }
        Value::Object(row)
    });
    rows.collect()
}

/// What a file says, its expectations aside; `None` where it is none.
fn without_expectations(text: &str) -> Option<Value> {
    let mut value: Value = serde_saphyr::from_str(text).ok()?;
    for test in value.get_mut("tests")?.as_array_mut()? {
        test.as_object_mut()?.shift_remove("expect");
    }
    Some(value)
}
