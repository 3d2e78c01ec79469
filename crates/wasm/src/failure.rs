//! What it means when `fetch` fails: bun, deno and node each say it in their own words.
//!
//! Always so: what is not surely known not to have been sent counts as lost on the way, so nothing is done twice.

use millwright_step::host::SendError;

/// No connection was made; each with the words of the step executable.
const NOT_CONNECTED: [(&[&str], &str); 4] = [
    (
        &["econnrefused", "connectionrefused", "connection refused"],
        "connection refused",
    ),
    (
        &[
            "enotfound",
            "eai_again",
            "dns error",
            "dnsresolve",
            "dnsexception",
            "failed to lookup",
        ],
        "the host is not known",
    ),
    (
        &[
            "und_err_connect_timeout",
            "connect etimedout",
            "connectiontimeout",
        ],
        "no connection in time",
    ),
    (
        &[
            "ehostunreach",
            "enetunreach",
            "eaddrnotavail",
            "failedtoopensocket",
            "unable to connect",
        ],
        "no connection",
    ),
];

/// The connection cannot be trusted, or what came is no HTTP.
const REFUSED: [&str; 6] = [
    "cert",
    "unable_to_verify",
    "unable_to_get_issuer",
    "err_ssl",
    "err_invalid_url",
    "hpe_",
];

/// The failure of a request, from the codes and messages that the runtime gave, in one text.
pub(crate) fn named(reason: String) -> SendError {
    let words = reason.to_lowercase();
    let says = |known: &[&str]| known.iter().any(|word| words.contains(word));
    let not_connected = NOT_CONNECTED.iter().find(|(known, _)| says(known));
    if says(&REFUSED) {
        SendError::Refused(reason)
    } else if let Some((_, plain)) = not_connected {
        SendError::NotConnected((*plain).to_owned())
    } else {
        SendError::ConnectionLost(
            "the connection was closed before the whole answer came".to_owned(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_runtimes_words_are_known() {
        let refused = SendError::NotConnected("connection refused".to_owned());
        for reason in [
            "ConnectionRefused: Unable to connect. Is the computer able to access the url?",
            "TypeError: fetch failed: ECONNREFUSED: connect ECONNREFUSED 127.0.0.1:1",
            "TypeError: error sending request for url (http://127.0.0.1:1/): client error (Connect): \
             tcp connect error: Connection refused (os error 111)",
        ] {
            assert_eq!(named(reason.to_owned()), refused, "{reason}");
        }
        let untrusted = "DEPTH_ZERO_SELF_SIGNED_CERT: self signed certificate";
        assert_eq!(
            named(untrusted.to_owned()),
            SendError::Refused(untrusted.to_owned())
        );
    }

    #[test]
    fn what_is_not_known_may_have_been_done() {
        for reason in [
            "ECONNRESET: aborted",
            "UND_ERR_SOCKET: other side closed",
            "?",
        ] {
            assert!(
                matches!(named(reason.to_owned()), SendError::ConnectionLost(_)),
                "{reason}"
            );
        }
    }
}
