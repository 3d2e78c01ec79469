//! Addresses of repositories, as they may be told.
//!
//! Always so: what is told has no password, and where a user may be a token it has no user.

/// A text without the passwords in the addresses that it names, and without the users of those that are `http`.
pub fn without_secrets(text: &str) -> String {
    let mut told = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((scheme, after)) = rest.split_once("://") {
        let (authority, others) = after.split_at(end_of_authority(after));
        let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        told.push_str(scheme);
        told.push_str("://");
        told.push_str(&kept_of_user(scheme, user));
        told.push_str(host);
        rest = others;
    }
    told + rest
}

/// An address without what is secret in it, and its user and password with the whole address where these are.
pub fn split_secret(text: &str) -> (String, Option<(String, String)>) {
    let shown = without_secrets(text);
    let user = text.split_once("://").and_then(|(_, after)| {
        let authority = &after[..end_of_authority(after)];
        Some(authority.rsplit_once('@')?.0.to_owned())
    });
    let secret = user.filter(|_| shown != text);
    (shown, secret.map(|user| (user, text.to_owned())))
}

fn end_of_authority(after: &str) -> usize {
    let ends = |c: char| c.is_whitespace() || "/?#".contains(c);
    after.find(ends).unwrap_or(after.len())
}

/// `ssh` needs the user, who is no secret.
fn kept_of_user(scheme: &str, user: &str) -> String {
    let scheme = scheme.to_ascii_lowercase();
    let is_web = scheme.ends_with("http") || scheme.ends_with("https");
    match user.split(':').next() {
        Some(name) if !is_web && !name.is_empty() => format!("{name}@"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_address_in_a_text_keeps_its_password() {
        for (text, told) in [
            ("https://me:hush@host/x", "https://host/x"),
            ("HTTP://hush@host", "HTTP://host"),
            ("ssh://me:hu@sh@host:22/x", "ssh://me@host:22/x"),
            ("ssh://git@host/x", "ssh://git@host/x"),
            ("ftp://:hush@host", "ftp://host"),
            (
                "from https://a:hush@b/c?d@e to 'git://f:hush@g' by h@i",
                "from https://b/c?d@e to 'git://f@g' by h@i",
            ),
            ("https://host/a@b", "https://host/a@b"),
            ("git@host:x", "git@host:x"),
            ("://", "://"),
        ] {
            assert_eq!(without_secrets(text), told);
            assert_eq!(without_secrets(told), told);
        }
        let (shown, secret) = split_secret("ssh://me:hush@host/x");
        assert_eq!(shown, "ssh://me@host/x");
        assert_eq!(secret.unwrap().0, "me:hush");
    }
}
