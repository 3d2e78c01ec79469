//! The certificates against which an `https` API is checked.
//!
//! Always so: the machine's own, or those that `SSL_CERT_FILE` and `SSL_CERT_DIR` name, as for an API with a company's own
//! authority; never none.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls_native_certs::{CertificateResult, load_certs_from_paths};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::SendError;

/// Names a file of certificates, as for OpenSSL.
const FILE: &str = "SSL_CERT_FILE";
/// Names folders of certificates, as for OpenSSL.
const FOLDERS: &str = "SSL_CERT_DIR";

/// What to trust.
///
/// # Errors
/// When there is no certificate, naming what was tried and how to name another file.
pub(super) fn config() -> Result<TlsConfig, SendError> {
    let found = find();
    let roots: Vec<_> = found.certs.iter().map(|der| owned(der)).collect();
    if roots.is_empty() {
        return Err(none(&found));
    }
    Ok(TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&roots))
        .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
        .build())
}

fn owned(der: &[u8]) -> Certificate<'static> {
    Certificate::from_der(der).to_owned()
}

/// The certificates of the named places; where none is named, of the first usual place, since others repeat it.
fn find() -> CertificateResult {
    match (named(FILE), named(FOLDERS)) {
        (None, None) => usual(),
        (file, folders) => {
            let folders: Vec<_> = folders.iter().flat_map(env::split_paths).collect();
            read(file.as_deref().map(Path::new), &folders)
        }
    }
}

fn usual() -> CertificateResult {
    let usual = openssl_probe::probe();
    match usual.cert_file {
        Some(file) => read(Some(&file), &[]),
        None => read(None, &usual.cert_dir),
    }
}

fn read(file: Option<&Path>, folders: &[PathBuf]) -> CertificateResult {
    let mut all = load_certs_from_paths(file, None);
    for folder in folders {
        let more = load_certs_from_paths(None, Some(folder));
        all.certs.extend(more.certs);
        all.errors.extend(more.errors);
    }
    all
}

/// An empty variable counts as absent.
fn named(variable: &str) -> Option<OsString> {
    env::var_os(variable).filter(|value| !value.is_empty())
}

fn none(found: &CertificateResult) -> SendError {
    let told = |name| Some(format!("{name} names {}", named(name)?.display()));
    let places: Vec<_> = [FILE, FOLDERS].into_iter().filter_map(told).collect();
    let place = if places.is_empty() {
        format!("install the machine's ca-certificates, or name a file in {FILE}")
    } else {
        places.join(", and ")
    };
    let reasons: Vec<_> = found.errors.iter().map(ToString::to_string).collect();
    SendError::Refused(format!(
        "no PEM certificate to trust; {place}: {}",
        reasons.join("; ")
    ))
}
