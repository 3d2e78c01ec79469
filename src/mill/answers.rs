//! What people answer to flows that wait for them: who is told, and how an address for an answer is signed.
//!
//! Always so: an answer is looked for again whenever one may have come, so that none is missed; a signature is Windmill's.

use hmac::{Hmac, KeyInit, Mac};
use millwright_core::protocol::hex;
use millwright_core::refs::JobId;
use rusqlite::Connection;
use serde_json::Value;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use tokio::sync::watch;
use uuid::Uuid;

use super::USER;
use crate::store::StoreError;
use crate::store::jobs::{self, Resume, Waiting};

/// Wakes the flows that wait.
#[derive(Debug, Clone, Default)]
pub(super) struct Answers(watch::Sender<i64>);

/// Hears that an answer may have come.
pub(super) struct Ear(watch::Receiver<i64>);

/// What an address for an answer is signed for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signed<'a> {
    pub(super) job: JobId,
    pub(super) resume_id: u32,
    pub(super) approver: Option<&'a str>,
}

impl Answers {
    /// Hears of what comes from now on.
    pub(super) fn ear(&self) -> Ear {
        Ear(self.0.subscribe())
    }

    /// Whether a flow waits.
    pub(super) fn is_awaited(&self) -> bool {
        self.0.receiver_count() > 0
    }

    /// An answer has come.
    pub(super) fn came(&self) {
        self.0.send_modify(|_| {});
    }

    /// This is the newest answer in the database, where others may have put one.
    pub(super) fn newest(&self, number: i64) {
        self.0
            .send_if_modified(|known| std::mem::replace(known, number) != number);
    }
}

impl Ear {
    /// Waits until an answer may have come.
    pub(super) async fn heard(&mut self) {
        if self.0.changed().await.is_err() {
            // The mill is gone: nobody answers any more.
            std::future::pending::<()>().await;
        }
    }
}

impl Signed<'_> {
    /// The signature, as hex digits.
    pub(super) fn signature(&self, key: &str) -> String {
        let mac = Hmac::<Sha256>::new_from_slice(key.as_bytes());
        let mut mac = mac.expect("a key of any length will do");
        mac.update(self.job.0.as_bytes());
        mac.update(&self.resume_id.to_be_bytes());
        mac.update(self.approver.unwrap_or_default().as_bytes());
        hex(&mac.finalize().into_bytes())
    }

    /// Whether this is the signature.
    pub(super) fn is_signed_by(&self, key: &str, signature: &str) -> bool {
        let signature = signature.to_ascii_lowercase();
        self.signature(key)
            .as_bytes()
            .ct_eq(signature.as_bytes())
            .into()
    }
}

/// Whether a path is one by which someone answers, with a signature at its end.
pub(crate) fn is_signed(path: &str) -> bool {
    let mut parts = path.split('/').skip(1);
    let mut next = || parts.next().unwrap_or_default();
    let place = [next(), next(), next(), next()];
    let verb = next();
    matches!(place, ["api", "w", _, "jobs_u"])
        && ["resume", "cancel", "get_flow"].contains(&verb)
        && parts.filter(|part| !part.is_empty()).count() == 3
}

/// What someone says to a flow that waits.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// Whether it is yes.
    pub approved: bool,
    /// What is said beside yes or no.
    pub value: Value,
    /// Who says it; the person at this machine where nobody is named.
    pub approver: Option<String>,
}

/// Puts on record what someone says to a flow that waits.
///
/// # Errors
/// What the database says.
pub fn say(connection: &Connection, waiting: &Waiting, said: &Said) -> Result<(), StoreError> {
    let approver = said.approver.as_deref().unwrap_or(USER);
    let resume = Resume {
        job: waiting.job,
        flow: waiting.flow,
        // Any number that nobody else has given.
        resume_id: Uuid::new_v4().as_fields().0 >> 1,
        value: said.value.to_string(),
        approver: Some(approver.to_owned()),
        approved: said.approved,
    };
    jobs::resume(connection, &resume)
}

/// What signs a workspace's addresses; it is made when it is first asked for.
pub(super) fn key_of(connection: &Connection, workspace: &str) -> Result<String, StoreError> {
    let fresh = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    jobs::workspace_key(connection, workspace, &fresh)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_for_one_job_one_number_and_one_person() {
        let job = JobId(Uuid::from_u128(7));
        let signed = Signed {
            job,
            resume_id: 3,
            approver: Some("ada"),
        };
        let signature = signed.signature("key");
        assert!(signed.is_signed_by("key", &signature.to_uppercase()));
        assert!(!signed.is_signed_by("other", &signature));
        let others = [
            Signed {
                resume_id: 4,
                ..signed
            },
            Signed {
                approver: None,
                ..signed
            },
            Signed {
                job: JobId(Uuid::from_u128(8)),
                ..signed
            },
        ];
        for other in others {
            assert!(!other.is_signed_by("key", &signature), "{other:?}");
        }
    }

    #[test]
    fn a_path_with_a_signature_is_known() {
        for signed in ["resume/a/1/f", "cancel/a/1/f", "get_flow/a/1/f"] {
            assert!(
                is_signed(&format!("/api/w/starter/jobs_u/{signed}")),
                "{signed}"
            );
        }
        for path in [
            "/api/w/starter/jobs_u/get/a",
            "/api/w/starter/jobs_u/resume/a/1",
            "/api/w/starter/jobs_u/resume/a/1/",
            "/api/w/starter/jobs_u/resume/a/1/f/g",
            "/api/w/starter/jobs_u/queue/cancel/a",
            "/api/w/starter/jobs/flow/resume/a",
        ] {
            assert!(!is_signed(path), "{path}");
        }
    }

    /// Computed with `openssl dgst -sha256 -mac HMAC` over the job's bytes, four bytes of the number, and the name.
    #[test]
    fn a_signature_is_that_of_a_windmill_server() {
        let job = "0195a6f0-0000-7000-8000-000000000001".parse().unwrap();
        let signed = Signed {
            job,
            resume_id: 42,
            approver: Some("ada"),
        };
        assert_eq!(
            signed.signature("a workspace's key"),
            "6624152bec5a11a3da785c6c897ea3588b195f553b7d7c18babe6963fd619737"
        );
    }
}
