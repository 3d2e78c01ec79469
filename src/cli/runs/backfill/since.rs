//! `--since`: how far back.
//!
//! Always so: it is a moment that has passed.

use jiff::{Span, Timestamp, Zoned, tz::TimeZone};

/// A duration before now, or a time.
pub(super) fn parse(text: &str) -> Result<Timestamp, String> {
    let now = Zoned::now().with_time_zone(TimeZone::UTC);
    let since = match text.parse::<Span>() {
        Ok(span) if span.is_negative() => None,
        Ok(span) => now.checked_sub(span).ok().map(|since| since.timestamp()),
        Err(_) => {
            let time = crate::store::Timestamp::parse(text);
            time.and_then(|time| Timestamp::from_microsecond(time.0).ok())
        }
    };
    since
        .filter(|since| *since <= now.timestamp())
        .ok_or_else(|| "use a duration such as 12h or 7d, or a time that has passed such as 2026-11-21T10:00:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_or_a_time_that_has_passed() {
        let hours = |text: &str| {
            let since = parse(text).unwrap();
            Timestamp::now().duration_since(since).as_hours()
        };
        assert_eq!((hours("12h"), hours("2d"), hours("1w")), (12, 48, 168));
        for time in [
            "2020-11-21",
            "2020-11-21T00:00:00Z",
            "2020-11-21T01:00:00+01:00",
        ] {
            assert_eq!(parse(time).unwrap().to_string(), "2020-11-21T00:00:00Z");
        }
        for bad in ["", "soon", "-3d", "3d ago", "9999-01-01", "99999999y"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
