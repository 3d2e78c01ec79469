//! Times as the tables keep them: microseconds since 1970, UTC.
//!
//! Always so: the API's two spellings of a time are made here and nowhere else.

use std::fmt::Display;

use jiff::tz::Offset;
use rusqlite::ToSql;
use rusqlite::types::{FromSql, FromSqlResult, ToSqlOutput, ValueRef};

/// A moment, in microseconds since 1970, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// This moment, by the machine's clock.
    pub fn now() -> Self {
        Self(jiff::Timestamp::now().as_microsecond())
    }

    /// Reads any of the API's spellings, or a date alone. Without an offset it is UTC.
    pub fn parse(text: &str) -> Option<Self> {
        let zoned = text.parse::<jiff::Timestamp>();
        let civil = || text.parse::<jiff::civil::DateTime>().ok();
        let moment = zoned
            .ok()
            .or_else(|| Offset::UTC.to_timestamp(civil()?).ok())?;
        Some(Self(moment.as_microsecond()))
    }

    /// `2026-11-21 10:16:33`: a row's `created_at` and `updated_at`.
    pub fn to_row_text(self) -> String {
        let (date, time, _) = self.parts();
        format!("{date} {time}")
    }

    /// `2026-11-21T10:16:33.390700+00:00`: a run's `started_at` and `finished_at`.
    pub fn to_run_text(self) -> String {
        let (date, time, micros) = self.parts();
        format!("{date}T{time}.{micros:06}+00:00")
    }

    /// `2026-11-21T10:26:28.587949Z`: the times of a Windmill job.
    pub fn to_windmill_text(self) -> String {
        let (date, time, micros) = self.parts();
        format!("{date}T{time}.{micros:06}Z")
    }

    /// Every answer has a few times in it: a general formatter would be much of its cost.
    fn parts(self) -> (impl Display, impl Display, i32) {
        let moment = jiff::Timestamp::from_microsecond(self.0).unwrap_or_default();
        let civil = Offset::UTC.to_datetime(moment);
        let date = std::fmt::from_fn(move |f| {
            write!(
                f,
                "{:04}-{:02}-{:02}",
                civil.year(),
                civil.month(),
                civil.day()
            )
        });
        let time = std::fmt::from_fn(move |f| {
            write!(
                f,
                "{:02}:{:02}:{:02}",
                civil.hour(),
                civil.minute(),
                civil.second()
            )
        });
        (date, time, civil.subsec_nanosecond() / 1000)
    }
}

impl ToSql for Timestamp {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.into())
    }
}

impl FromSql for Timestamp {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_spellings() {
        let moment = Timestamp(1_795_256_193_390_700);
        assert_eq!(moment.to_row_text(), "2026-11-21 10:16:33");
        assert_eq!(moment.to_run_text(), "2026-11-21T10:16:33.390700+00:00");
        assert_eq!(moment.to_windmill_text(), "2026-11-21T10:16:33.390700Z");
        let whole = Timestamp(1_795_256_193_000_000);
        assert_eq!(Timestamp::parse(&moment.to_row_text()), Some(whole));
        for text in [
            moment.to_run_text(),
            moment.to_windmill_text(),
            "2026-11-21T12:16:33.3907+02:00".to_owned(),
        ] {
            assert_eq!(Timestamp::parse(&text), Some(moment), "{text}");
        }
        let midnight = Timestamp::parse("2026-11-21").unwrap();
        assert_eq!(midnight.to_row_text(), "2026-11-21 00:00:00");
        assert_eq!(Timestamp::parse("yesterday"), None);
    }
}
