//! The table that the bench prints.
//!
//! Always so: each row names its reference, and a ratio above 1 is in our favour.

/// One measurement.
pub(crate) struct Row {
    what: String,
    ours: String,
    target: &'static str,
    reference: String,
    ratio: Option<f64>,
}

impl Row {
    /// A measurement with what it ought to reach.
    pub(crate) fn new(what: &str, ours: impl Into<String>, target: &'static str) -> Self {
        let (what, ours) = (what.to_owned(), ours.into());
        Self {
            what,
            ours,
            target,
            reference: String::new(),
            ratio: None,
        }
    }

    /// What the reference needed or did, and how many times better ours is.
    pub(crate) fn against(self, reference: impl Into<String>, ratio: f64) -> Self {
        Self {
            reference: reference.into(),
            ratio: Some(ratio),
            ..self
        }
    }
}

/// Prints the rows as a Markdown table.
pub(crate) fn print(rows: &[Row]) {
    println!("| what | ours | target | reference | ratio |");
    println!("|---|---|---|---|---|");
    for Row {
        what,
        ours,
        target,
        reference,
        ratio,
    } in rows
    {
        let ratio = ratio.map_or_else(String::new, |ratio| format!("{ratio:.1}×"));
        println!("| {what} | {ours} | {target} | {reference} | {ratio} |");
    }
}
