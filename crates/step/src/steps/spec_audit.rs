//! `spec_audit`: how protocol runs stand with their specs, and specs for those that have none.
//!
//! Always so: a page is counted and let go before the next one is asked for.

use millwright_core::catalog::Script;
use millwright_core::catalog::scripts::spec_audit::{Args, Output};
use millwright_core::protocol::{AuditCounts, SpecAudit};
use serde_json::Value;

use super::StepError;
use super::registration::{Belongs, params, registered};
use crate::client::{AuditRequest, Client};
use crate::host::Host;

/// So many findings are named.
const MOST_NAMED: usize = 50;
/// So many sentences of one finding, each so long.
const MOST_SENTENCES: usize = 3;
const LONGEST_SENTENCE: usize = 200;

/// Audits through the API.
///
/// # Errors
/// When the API does not answer or refuses. Runs without a valid spec are no error.
pub(super) async fn run(args: Args, host: &impl Host) -> Result<Output, StepError> {
    let belongs = Belongs {
        project_id: args.project_id,
        protocol_run_id: args.protocol_id,
        step_run_id: None,
    };
    let given = params([
        ("project_id", args.project_id.into()),
        ("protocol_id", args.protocol_id.into()),
        ("backfill", Value::Bool(args.backfill)),
    ]);
    registered(host, Args::NAME, belongs, given, audit(&args, host)).await
}

async fn audit(args: &Args, host: &impl Host) -> Result<Output, StepError> {
    let client = Client::protocols(host)?;
    let mut request = AuditRequest {
        project_id: args.project_id,
        protocol_run_id: args.protocol_id,
        backfill: args.backfill,
        after: None,
    };
    let (mut counts, mut findings, mut truncated) = (AuditCounts::default(), Vec::new(), false);
    loop {
        let page = client.audit_specs(request).await?;
        host.log(&page.message);
        counts.add_all(page.counts);
        for finding in page.results {
            if finding.is_settled() {
                continue;
            }
            if findings.len() < MOST_NAMED {
                findings.push(bounded(finding));
            } else {
                truncated = true;
            }
        }
        let next = page.next.filter(|next| Some(*next) > request.after);
        let Some(next) = next else { break };
        request.after = Some(next);
    }
    Ok(Output {
        audited: counts.total(),
        all_valid: counts.all_valid(),
        counts,
        findings,
        truncated,
    })
}

/// What a flow may hand on as an argument.
fn bounded(finding: SpecAudit) -> SpecAudit {
    let few = |mut sentences: Vec<String>| {
        sentences.truncate(MOST_SENTENCES);
        sentences.into_iter().map(short).collect()
    };
    SpecAudit {
        errors: few(finding.errors),
        warnings: few(finding.warnings),
        reason: finding.reason.map(short),
        protocol_name: short(finding.protocol_name),
        ..finding
    }
}

fn short(mut text: String) -> String {
    if text.len() > LONGEST_SENTENCE {
        text.truncate(text.floor_char_boundary(LONGEST_SENTENCE));
        text.push('…');
    }
    text
}
