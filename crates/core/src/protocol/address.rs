//! Addresses of repositories, as they may be told.
//!
//! Always so: what is told has neither user nor password.

/// An address without user and password, and these with the whole address.
pub fn split_secret(text: &str) -> (String, Option<(String, String)>) {
    let scheme = ["https://", "http://"]
        .into_iter()
        .find(|scheme| text.starts_with(scheme));
    let Some(scheme) = scheme else {
        return (text.to_owned(), None);
    };
    let rest = &text[scheme.len()..];
    let authority = rest.split('/').next().unwrap_or_default();
    match authority.rsplit_once('@') {
        Some((user, _)) => {
            let shown = format!("{scheme}{}", &rest[user.len() + 1..]);
            (shown, Some((user.to_owned(), text.to_owned())))
        }
        None => (text.to_owned(), None),
    }
}
