//! Filters as conditions of a query.
//!
//! Always so: a value is bound, never written into the text.

use rusqlite::ToSql;

/// Adds each condition that has a value to a query that ends in its `WHERE`; gives the values in the order of their `?`.
pub(super) fn narrow<'a>(
    query: &mut String,
    conditions: &[(&str, Option<&'a dyn ToSql>)],
) -> Vec<&'a dyn ToSql> {
    let mut values = Vec::new();
    for (condition, value) in conditions {
        if let Some(value) = value {
            query.push_str(" AND ");
            query.push_str(condition);
            values.push(*value);
        }
    }
    values
}

/// A value, whatever its type.
pub(super) fn as_sql(value: &impl ToSql) -> &dyn ToSql {
    value
}
