//! The certificates against which an `https` API is checked.
//!
//! Always so: Mozilla's, or those of the file that `SSL_CERT_FILE` names, as for an API with a company's own authority; never none.

use std::fs;

use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use super::SendError;

/// Names a file of certificates, as for OpenSSL.
const FILE: &str = "SSL_CERT_FILE";

/// What to trust.
///
/// # Errors
/// When the named file cannot be read or holds no certificate.
pub(super) fn config() -> Result<TlsConfig, SendError> {
    let named = std::env::var(FILE).ok().filter(|path| !path.is_empty());
    let roots = named.map_or(Ok(RootCerts::WebPki), |path| from_file(&path))?;
    Ok(TlsConfig::builder().root_certs(roots).build())
}

fn from_file(path: &str) -> Result<RootCerts, SendError> {
    let bad = |problem: &str| SendError::Refused(format!("{FILE} names {path}: {problem}"));
    let bytes = fs::read(path).map_err(|error| bad(&error.to_string()))?;
    let certificates: Vec<Certificate<'static>> =
        parse_pem(&bytes).filter_map(certificate).collect();
    if certificates.is_empty() {
        return Err(bad("it holds no PEM certificate"));
    }
    Ok(RootCerts::new_with_certs(&certificates))
}

fn certificate(item: Result<PemItem<'static>, ureq::Error>) -> Option<Certificate<'static>> {
    match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    }
}
