//! A verdict as Markdown.
//!
//! Always so: it is bounded, and says what is left out.

use std::fmt::Write;

use millwright_core::catalog::scripts::run_qa::Verdict;
use millwright_core::catalog::scripts::run_quality::QualityGate;
use millwright_core::protocol::ProtocolRun;

use super::verdict::Judged;

/// So long a report may be, which travels through the flow.
const LONGEST: usize = 16 * 1024;

/// The verdict, a line for each gate, and what each found.
pub(super) fn markdown(judged: &Judged, run: &ProtocolRun) -> String {
    let verdict = match judged.verdict() {
        Verdict::Pass => "pass",
        Verdict::Warn => "warn",
        Verdict::Fail => "fail",
    };
    let name = line(&run.protocol_name);
    let mut text = format!(
        "# Quality of {name}\n\nVerdict: **{verdict}**, score {:.2}\n\n",
        judged.score
    );
    let mut told = 0;
    for gate in &judged.gates {
        let part = about(gate);
        if text.len() + part.len() > LONGEST {
            break;
        }
        text.push_str(&part);
        told += 1;
    }
    let left_out = judged.looked_at - told;
    if left_out > 0 {
        let _ = writeln!(text, "\n{left_out} more are left out here.");
    }
    text
}

fn about(gate: &QualityGate) -> String {
    let blocks = if gate.blocking { ", blocks" } else { "" };
    let mut text = format!("- {}: {}{blocks}\n", line(&gate.name), gate.status);
    for finding in &gate.findings {
        let place = match (&finding.file, finding.line) {
            (Some(file), Some(number)) => format!("{}:{number}: ", line(file)),
            (Some(file), None) => format!("{}: ", line(file)),
            _ => String::new(),
        };
        let _ = writeln!(text, "  - {place}{}", line(&finding.message));
    }
    text
}

/// A text on one line.
fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
