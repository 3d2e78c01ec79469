//! The files that work leaves, as artifacts of the run that it belongs to.
//!
//! Always so: a hash and a size are those of the bytes that were written.

use millwright_core::protocol::{Outputs, sha256};
use millwright_core::refs::UpsertArtifact;

/// The outputs, all of the same bytes.
pub(super) fn of_outputs(step_run_id: i64, outputs: &Outputs, bytes: &[u8]) -> Vec<UpsertArtifact> {
    let own = outputs.protocol.iter().map(|path| (String::new(), path));
    let aux = outputs
        .aux
        .iter()
        .map(|(key, path)| (format!(".{key}"), path));
    let digest = sha256(bytes);
    own.chain(aux)
        .map(|(key, path)| UpsertArtifact {
            name: format!("step.{step_run_id}.output{key}"),
            kind: "output".to_owned(),
            path: path.clone(),
            sha256: Some(digest.clone()),
            bytes: i64::try_from(bytes.len()).ok(),
        })
        .collect()
}

/// The report of a check.
pub(super) fn of_report(step_run_id: i64, path: String, bytes: &[u8]) -> UpsertArtifact {
    UpsertArtifact {
        name: format!("step.{step_run_id}.quality-report"),
        kind: "report".to_owned(),
        path,
        sha256: Some(sha256(bytes)),
        bytes: i64::try_from(bytes.len()).ok(),
    }
}
