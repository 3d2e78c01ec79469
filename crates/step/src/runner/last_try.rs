//! What an engine is told of the last try, so that the next one is no repetition of it.
//!
//! Always so: a report that passed says nothing of what has to be done better, and is left out.

use std::path::Path;

use millwright_core::protocol::{Assignment, QaVerdict, parse_verdict};

use super::check::{LAST_REPORT, report_file};
use super::context::read_text;

/// In a sentence what came of the step, and the report that failed it: its own, else the last one of its protocol, which
/// may have sent it back. Empty before the first try.
pub(super) fn text(assignment: &Assignment, protocol_root: &Path) -> String {
    let Some(summary) = &assignment.last_summary else {
        return String::new();
    };
    let own = report_file(protocol_root, &assignment.step_name);
    let failed = |path: &Path| {
        let report = read_text(path)?;
        (parse_verdict(&report) == Some(QaVerdict::Failed)).then_some(report)
    };
    let report = failed(&own).or_else(|| failed(&protocol_root.join(LAST_REPORT)));
    format!("{summary}\n\n{}", report.unwrap_or_default())
}
