//! Results that are kept for a while, so that the same work with the same arguments is done once.
//!
//! Always so: only what ended well is kept; other code, another path or other arguments are other work.

use millwright_core::protocol::hex;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::frame::Run;
use crate::mill::service::Inner;
use crate::mill::stored::stored_object;
use crate::store::StoreError;
use crate::store::jobs::JobKind;

/// What Windmill writes into the log of a job whose result was there.
pub(super) const FOUND: &str = "Job skipped because args & path found in cache and not expired\n";

/// The key of a job's result.
pub(super) fn key_of(
    kind: JobKind,
    path: Option<&str>,
    text: &str,
    args: &Map<String, Value>,
) -> Vec<u8> {
    let args = Value::Object(stored_object(args.clone())).to_string();
    let parts = [kind.as_str(), path.unwrap_or_default(), text, &args];
    let mut digest = Sha256::new();
    for part in parts {
        // Each by its own digest, so that no two lists of parts are one text.
        digest.update(hex(&Sha256::digest(part.as_bytes())));
    }
    digest.finalize().to_vec()
}

/// Keeps a result, unless there is a secret in it: secrets are in no database.
pub(super) async fn keep(
    run: &Run,
    key: Vec<u8>,
    result: &Value,
    seconds: u64,
) -> Result<(), StoreError> {
    if run.plan.project.secrets.conceal(result) != *result {
        return Ok(());
    }
    let text = result.to_string();
    run.mill.records.keep_cached(key, text, seconds).await
}

/// The result that is kept under a key.
pub(super) async fn result_of(mill: &Inner, key: &[u8]) -> Result<Option<Value>, StoreError> {
    let text = mill.records.cached(key.to_vec()).await?;
    // What cannot be read is computed again.
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}
