//! `millwright spec audit`: how protocol runs stand with their specs, page by page.
//!
//! Always so: a run's line is printed before the next page is asked for, so any number of runs fits.

use clap::Args;
use millwright_core::protocol::{AuditCounts, AuditPage, SpecAudit};
use serde_json::json;

use crate::cli::remote::Remote;
use crate::cli::{CommandError, Exit, output};

#[derive(Debug, Args)]
pub(super) struct AuditArgs {
    /// The protocol runs of a project alone.
    #[arg(long, value_name = "ID")]
    project: Option<i64>,
    /// That protocol run alone.
    #[arg(long, value_name = "ID", conflicts_with = "project")]
    protocol: Option<i64>,
    /// Gives runs without a spec the one that can be derived, and brings up to date what is said beside a spec.
    #[arg(long)]
    backfill: bool,
}

/// Runs the command: a line for each run, and at last the counts; with `json`, an object a line.
pub(super) async fn run(
    args: &AuditArgs,
    json: bool,
    remote: &Remote,
) -> Result<Exit, CommandError> {
    let (mut counts, mut after) = (AuditCounts::default(), None);
    loop {
        let page = args.page(after, remote).await?;
        for finding in &page.results {
            tell(finding, json);
        }
        counts.add_all(page.counts);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    output::line(if json {
        json!({"audited": counts.total(), "counts": counts}).to_string()
    } else {
        format!("{} audited: {counts}", counts.total())
    });
    Ok(if counts.all_valid() {
        Exit::Done
    } else {
        Exit::Failed
    })
}

impl AuditArgs {
    async fn page(&self, after: Option<i64>, remote: &Remote) -> Result<AuditPage, CommandError> {
        let body = json!({
            "project_id": self.project, "protocol_id": self.protocol, "backfill": self.backfill, "after": after,
        });
        let page = remote.post("/specs/audit", &body).await?;
        serde_json::from_value(page).map_err(|error| {
            let message = format!("the server's answer is no page of an audit: {error}");
            CommandError::new(Exit::Unavailable, message)
        })
    }
}

fn tell(finding: &SpecAudit, json: bool) {
    if json {
        output::line(json!(finding));
        return;
    }
    let about = match (&finding.source, &finding.spec_hash) {
        (Some(source), Some(hash)) => format!("hash {hash}, from {source}"),
        (None, Some(hash)) => format!("hash {hash}"),
        _ => finding.reason.clone().unwrap_or_default(),
    };
    let row = format!(
        "{:<6} {:<24} {:<11} {about}",
        finding.protocol_run_id,
        finding.protocol_name,
        finding.outcome.as_str(),
    );
    output::line(row.trim_end());
    for error in &finding.errors {
        output::line(format_args!("       {error}"));
    }
    for warning in &finding.warnings {
        output::note(format_args!(
            "warning: {}: {warning}",
            finding.protocol_name
        ));
    }
}
