//! What the steps left: files that their runs refer to.
//!
//! Always so: they are read through the API, as whoever is not on this machine reads them.

use serde_json::Value;

use crate::api::Api;
use crate::report;

/// Shows the log of each execution, and each check's last report: a file that the next check of the step writes anew.
pub(crate) fn show(api: &Api, runs: &Value) -> anyhow::Result<()> {
    let found = found(api, runs)?;
    for (index, (name, path)) in found.iter().enumerate() {
        if found[index + 1..].iter().all(|(later, _)| later != name) {
            report::heading(&format!("{name}: GET {path}"));
            report::text(api.text(path)?.trim_end());
            report::text("\n");
        }
    }
    Ok(())
}

/// Their names and paths, oldest first.
fn found(api: &Api, runs: &Value) -> anyhow::Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for run in runs.as_array().into_iter().flatten().rev() {
        let id = run["run_id"].as_str().unwrap_or_default();
        let listed = api.get(&format!("/codex/runs/{id}/artifacts"))?;
        for artifact in listed.as_array().into_iter().flatten() {
            let name = artifact["name"].as_str().unwrap_or_default();
            if name.contains(".execute.") || name.ends_with(".quality-report") {
                let path = format!("/codex/runs/{id}/artifacts/{}/content", artifact["id"]);
                found.push((name.to_owned(), path));
            }
        }
    }
    Ok(found)
}
