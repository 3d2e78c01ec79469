//! A report of tests as `JUnit` XML, as continuous integration reads it.
//!
//! Always so: it is well-formed, whatever a test's name or a flow's result holds.

use std::fmt::Write;

use crate::flowtest::{SuiteReport, TestReport};

/// The report as a document.
pub(super) fn of(report: &SuiteReport) -> String {
    let failures = report.tests.iter().filter(|test| !test.passed()).count();
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"{}\" failures=\"{}\" time=\"{:.3}\">\n",
        report.tests.len() + report.unused.len(),
        failures + report.unused.len(),
        report.wall.as_secs_f64()
    );
    for tests in report.tests.chunk_by(|one, next| one.file == next.file) {
        add_suite(&mut text, tests);
    }
    for problem in &report.unused {
        let (name, problem) = (escaped("mocks of the file"), escaped(&problem.to_string()));
        let case = format!(
            "  <testsuite name=\"{name}\"><testcase name=\"{name}\"><failure>{problem}</failure></testcase></testsuite>\n"
        );
        text.push_str(&case);
    }
    text + "</testsuites>\n"
}

fn add_suite(text: &mut String, tests: &[TestReport]) {
    let name = tests.first().map_or("", |test| &test.flow);
    let failures = tests.iter().filter(|test| !test.passed()).count();
    let (name, count) = (escaped(name), tests.len());
    let opening =
        format!("  <testsuite name=\"{name}\" tests=\"{count}\" failures=\"{failures}\">\n");
    text.push_str(&opening);
    for test in tests {
        add_case(text, test);
    }
    text.push_str("  </testsuite>\n");
}

fn add_case(document: &mut String, test: &TestReport) {
    let written = write!(
        document,
        "    <testcase classname=\"{}\" name=\"{}\" file=\"{}\" line=\"{}\" time=\"{:.3}\"",
        escaped(&test.flow),
        escaped(&test.name),
        escaped(&test.file.display().to_string()),
        test.line,
        test.wall.as_secs_f64()
    );
    written.expect("a String takes all");
    if test.passed() {
        return document.push_str("/>\n");
    }
    let messages: Vec<&str> = test
        .complaints
        .iter()
        .map(|one| one.message.as_str())
        .collect();
    let whole = messages.join("\n");
    let first = whole.lines().next().unwrap_or_default();
    let failure = format!(
        ">\n      <failure message=\"{}\">{}</failure>\n    </testcase>\n",
        escaped(first),
        escaped(&whole)
    );
    document.push_str(&failure);
}

/// A text as XML has it; characters that XML knows no way to write are replaced.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}
