//! Whether a delivery is from whoever knows the token.
//!
//! Always so: nothing of the body is read before, and secrets are compared in constant time.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// Whether a body was signed with the token: `sha256=` and the hex digits of its HMAC, as GitHub sends them.
pub(super) fn is_signed(token: &str, body: &[u8], signature: &str) -> bool {
    let Some(signature) = signature.strip_prefix("sha256=").and_then(bytes) else {
        return false;
    };
    let mac = Hmac::<Sha256>::new_from_slice(token.as_bytes());
    let mut mac = mac.expect("a key of any length will do");
    mac.update(body);
    mac.verify_slice(&signature).is_ok()
}

/// Whether what was sent is the token, as GitLab sends it.
pub(super) fn is_token(token: &str, sent: &str) -> bool {
    sent.as_bytes().ct_eq(token.as_bytes()).into()
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits = hex.chars().map(|digit| digit.to_digit(16));
    let digits: Vec<u8> = digits
        .map(|digit| digit.and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    let whole = |[high, low]: &[u8; 2]| high << 4 | low;
    rest.is_empty().then(|| pairs.iter().map(whole).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of GitHub's own documentation.
    #[test]
    fn a_signature_is_githubs() {
        let secret = "It's a Secret to Everybody";
        let body = b"Hello, World!";
        let signed = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        assert!(is_signed(secret, body, signed));
        assert!(!is_signed(secret, b"Hello, World", signed));
        assert!(!is_signed("another", body, signed));
        for bad in [
            "",
            "sha256=",
            "sha256=7",
            "sha256=zz",
            &signed[7..],
            "sha1=75",
        ] {
            assert!(!is_signed(secret, body, bad), "{bad}");
        }
    }

    #[test]
    fn a_token_is_the_whole_token() {
        assert!(is_token("s3", "s3"));
        for bad in ["", "s", "s33", "S3"] {
            assert!(!is_token("s3", bad), "{bad}");
        }
    }
}
