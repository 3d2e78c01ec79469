//! `count_words`: the team's own step.
//!
//! Always so: its types are written once; the bash script, its schema and the flow's calls are made from them.

use millwright_core::catalog::{Reach, Script};

millwright_core::arguments! {
    /// What to count.
    required {
        /// The text.
        text: String,
    }
    optional {
        /// From how many words on a text is long.
        #[serde(default = "long_from")]
        long_from: i64,
    }
}

millwright_core::record! {
    /// What was counted.
    pub struct Output {
        /// How many words there are.
        pub words: i64,
        /// Whether the text is long.
        pub long: bool,
        /// The first word; null where there is none.
        pub first: Option<String>,
    }
}

impl Script for Args {
    type Output = Output;
    const FOLDER: &'static str = "u/team";
    const NAME: &'static str = "count_words";
    const PROGRAM: &'static str = "team-flow";
    const SUMMARY: &'static str = "Counts the words of a text";
    const DESCRIPTION: &'static str = "Counts words, and says whether a text is long.";
    const IDEMPOTENT: bool = true;
    const TIMEOUT_SECONDS: i64 = 10;
    const REACH: Reach = Reach::Files;
}

fn long_from() -> i64 {
    100
}

/// Does the step's work.
pub(crate) fn run(args: &Args) -> Output {
    let words: Vec<&str> = args.text.split_whitespace().collect();
    let count = i64::try_from(words.len()).unwrap_or(i64::MAX);
    Output {
        words: count,
        long: count >= args.long_from,
        first: words.first().map(|word| (*word).to_owned()),
    }
}
