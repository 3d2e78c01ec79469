//! A report of tests for a person.
//!
//! Always so: every test is named, and a failure says where it is written.

use std::time::Duration;

use crate::cli::output;
use crate::flowtest::{Coverage, SuiteReport, TestReport};

/// Prints the report.
pub(super) fn report(report: &SuiteReport, with_coverage: bool) {
    let mut flow = "";
    for test in &report.tests {
        if test.flow != flow {
            output::line(&test.flow);
            flow = &test.flow;
        }
        show_test(test);
    }
    for problem in &report.unused {
        output::line(format_args!("FAIL {problem}"));
    }
    if with_coverage {
        show_coverage(&report.coverage);
    }
    output::line(summary(report));
}

fn show_test(test: &TestReport) {
    let (file, line) = (test.file.display(), test.line);
    if test.passed() {
        return output::line(format_args!("  ok   {}", test.name));
    }
    output::line(format_args!("  FAIL {}  ({file}:{line})", test.name));
    for complaint in &test.complaints {
        let mut lines = complaint.message.lines();
        let first = lines.next().unwrap_or_default();
        let place = if complaint.line == line {
            String::new()
        } else {
            format!("line {}: ", complaint.line)
        };
        output::line(format_args!("       {place}{first}"));
        for line in lines {
            output::line(format_args!("         {line}"));
        }
    }
}

fn show_coverage(coverage: &Coverage) {
    output::line("\nreached:");
    for flow in &coverage.flows {
        let ((steps, all_steps), (branches, all_branches)) = (flow.steps(), flow.branches());
        output::line(format_args!(
            "  {:<40} steps {steps}/{all_steps}, branches {branches}/{all_branches}, {:.0} %",
            flow.flow,
            flow.percent()
        ));
        for point in flow.missed() {
            output::line(format_args!("    {}", point.about));
        }
    }
    output::line("");
}

fn summary(report: &SuiteReport) -> String {
    let failed = report.tests.iter().filter(|test| !test.passed()).count();
    let virtually: Duration = report
        .tests
        .iter()
        .filter_map(|test| test.found.as_ref())
        .map(|found| found.took)
        .sum();
    format!(
        "{} tests, {failed} failed, in {} ms ({} s of the flows' own time)",
        report.tests.len(),
        report.wall.as_millis(),
        virtually.as_secs()
    )
}
