//! A report of tests as `JUnit` XML, as continuous integration reads it.
//!
//! Always so: it is well-formed, whatever a test's name or a flow's result holds.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::flowtest::{SuiteReport, TestReport};

/// What stands for the problems of a file that belong to none of its tests.
const OF_FILE: &str = "mocks of the file";

/// The report as a document.
///
/// # Errors
/// Where it cannot be written as XML.
pub(super) fn of(report: &SuiteReport) -> Result<String, quick_junit::SerializeError> {
    let mut document = Report::new("millwright test");
    document.set_time(report.wall);
    for tests in report.tests.chunk_by(|one, next| one.file == next.file) {
        document.add_test_suite(suite_of(tests));
    }
    for problem in &report.unused {
        let mut suite = TestSuite::new(OF_FILE);
        suite.add_test_case(TestCase::new(OF_FILE, failed(&problem.to_string())));
        document.add_test_suite(suite);
    }
    document.to_string()
}

fn suite_of(tests: &[TestReport]) -> TestSuite {
    let mut suite = TestSuite::new(tests.first().map_or("", |test| test.flow.as_str()));
    suite.add_test_cases(tests.iter().map(case_of));
    suite
}

fn case_of(test: &TestReport) -> TestCase {
    let messages = test.complaints.iter().map(|one| one.message.as_str());
    let status = if test.passed() {
        TestCaseStatus::success()
    } else {
        failed(&messages.collect::<Vec<_>>().join("\n"))
    };
    let mut case = TestCase::new(test.name.as_str(), status);
    case.set_classname(test.flow.as_str());
    case.set_time(test.wall);
    let place = [
        ("file", test.file.display().to_string()),
        ("line", test.line.to_string()),
    ];
    case.extra
        .extend(place.map(|(name, value)| (name.into(), value.into())));
    case
}

/// A failure with all that is said of it, and its first line as the message.
fn failed(whole: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_message(whole.lines().next().unwrap_or_default());
    status.set_description(whole);
    status
}
