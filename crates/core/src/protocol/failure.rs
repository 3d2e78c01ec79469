//! What kind of failure a check found, by the text that tools and reports print.
//!
//! Always so: the text is read as it was written, line by line and by whole words; a line that tells of success is no
//! evidence of a failure.

use super::words::words;

words! {
    /// What kind of failure a check found.
    FailureKind is a "kind of failure" {
        /// The code cannot be parsed.
        Syntax = "syntax",
        /// A linter's rule is broken.
        Lint = "lint",
        /// The code is not laid out as the formatter wants it.
        Format = "format",
        /// Types do not fit.
        Typecheck = "typecheck",
        /// A test fails.
        Test = "test",
        /// Anything else.
        Other = "other",
    }
}

/// What is looked for in a line.
enum Sign {
    /// These words as they are written.
    Exactly(&'static str),
    /// These words in any case.
    Words(&'static str),
    /// A word of one of these letters and three or four digits, such as `F401`; not Rust's `[E0308]`.
    Code(&'static str),
    /// A number right before this word.
    Count(&'static str),
}

use Sign::{Code, Count, Exactly, Words};

/// In the contract's order: the first kind that the text has a sign of.
const SIGNS: &[(FailureKind, &[Sign])] = &[
    (
        FailureKind::Syntax,
        &[
            Exactly("SyntaxError"),
            Words("syntax error"),
            Words("parse error"),
            Words("parsing error"),
            Words("unexpected token"),
            Words("unexpected EOF"),
            Words("unexpected end of file"),
        ],
    ),
    (
        FailureKind::Lint,
        &[
            Exactly("ruff check"),
            Exactly("eslint"),
            Exactly("ESLint"),
            Exactly("pylint"),
            Exactly("flake8"),
            Exactly("clippy"),
            Words("unused"),
            Words("undefined name"),
            Words("undefined variable"),
            Words("is undefined"),
            Words("line too long"),
            Code("EFW"),
        ],
    ),
    (
        FailureKind::Format,
        &[
            Words("would reformat"),
            Words("would be reformatted"),
            Exactly("black --check"),
            Exactly("ruff format"),
            Exactly("prettier"),
            Exactly("Prettier"),
            Exactly("rustfmt"),
            Exactly("cargo fmt"),
            Exactly("gofmt"),
            Exactly("IndentationError"),
            Words("indentation"),
            Words("trailing whitespace"),
        ],
    ),
    (
        FailureKind::Typecheck,
        &[
            Exactly("mypy"),
            Exactly("pyright"),
            Exactly("tsc"),
            Words("type error"),
            Words("type errors"),
            Words("mismatched types"),
            Words("incompatible types"),
        ],
    ),
    (
        FailureKind::Test,
        &[
            Exactly("pytest"),
            Words("assertion"),
            Exactly("AssertionError"),
            Exactly("panicked at"),
            Count("failed"),
        ],
    ),
];

/// Words that say all is well, where nothing in the line says otherwise.
const GOOD: [&str; 5] = ["passed", "passes", "clean", "no issues", "no errors"];
const BAD: [&str; 6] = ["fail", "failed", "fails", "error", "errors", "not"];

/// The kind of failure that a text tells of.
pub fn classify(text: &str) -> FailureKind {
    let evidence: Vec<&str> = text
        .lines()
        .filter(|line| !tells_of_success(line))
        .collect();
    let found = SIGNS.iter().find(|(_, signs)| {
        evidence
            .iter()
            .any(|line| signs.iter().any(|sign| sign.is_in(line)))
    });
    found.map_or(FailureKind::Other, |(kind, _)| *kind)
}

impl FailureKind {
    /// Whether an engine may be asked to mend it without anybody's word.
    pub fn is_mendable(self) -> bool {
        matches!(self, Self::Syntax | Self::Lint | Self::Format)
    }
}

impl Sign {
    fn is_in(&self, line: &str) -> bool {
        match self {
            Exactly(words) => has_words(line, words),
            Words(words) => says(line, words),
            Code(letters) => words_of(line).any(|word| is_code(line, word, letters)),
            Count(word) => counts(line, word),
        }
    }
}

fn tells_of_success(line: &str) -> bool {
    let without_praise = line
        .to_ascii_lowercase()
        .replace("no errors", "")
        .replace("0 errors", "");
    GOOD.iter().any(|word| says(line, word)) && !BAD.iter().any(|word| says(&without_praise, word))
}

/// Whether the line has these words, in any case.
fn says(line: &str, words: &str) -> bool {
    has_words(&line.to_ascii_lowercase(), &words.to_ascii_lowercase())
}

/// Whether the line has these words as they are, not as parts of others.
fn has_words(line: &str, words: &str) -> bool {
    line.match_indices(words).any(|(at, found)| {
        let before = line[..at].chars().next_back();
        let after = line[at + found.len()..].chars().next();
        !before.is_some_and(is_of_word) && !after.is_some_and(is_of_word)
    })
}

fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn words_of(line: &str) -> impl Iterator<Item = &str> {
    line.split(|character| !is_of_word(character))
}

fn is_code(line: &str, word: &str, letters: &str) -> bool {
    let Some(digits) = word.strip_prefix(|letter| letters.contains(letter)) else {
        return false;
    };
    let numbered = (3..=4).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    numbered && !line.contains(&format!("[{word}]"))
}

fn counts(line: &str, word: &str) -> bool {
    let words: Vec<&str> = words_of(line).filter(|word| !word.is_empty()).collect();
    words.windows(2).any(|pair| {
        let number: Option<u64> = pair[0].parse().ok();
        number.is_some_and(|number| number > 0) && pair[1] == word
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_known_by_what_tools_print() {
        for (text, kind) in [
            (
                "  File \"a.py\", line 3\nSyntaxError: invalid syntax",
                FailureKind::Syntax,
            ),
            ("a.js:1:2: Unexpected token '}'", FailureKind::Syntax),
            (
                "app.py:1:1: F401 `os` imported but not used",
                FailureKind::Lint,
            ),
            (
                "app.py:9:80: E501 Line too long (90 > 79)",
                FailureKind::Lint,
            ),
            ("warning: unused variable: `x`", FailureKind::Lint),
            ("would reformat src/app.py", FailureKind::Format),
            (
                "[warn] Run Prettier with --write to fix.",
                FailureKind::Format,
            ),
            (
                "a.py:1: error: Incompatible types in assignment",
                FailureKind::Typecheck,
            ),
            ("1 failed, 3 passed in 0.1s", FailureKind::Test),
            ("thread 'x' panicked at src/lib.rs:1:1", FailureKind::Test),
            ("the wording is unkind", FailureKind::Other),
            ("", FailureKind::Other),
        ] {
            assert_eq!(classify(text), kind, "{text}");
        }
    }

    #[test]
    fn words_that_hit_by_chance_are_no_evidence() {
        for text in [
            "The black box is not documented",
            "ruff check passed.\nThe README is missing",
            "eslint: no errors\nfeature absent",
            "Section F40101 of the law",
            "reused and undefinedness are spelled wrong",
            "0 failed, 4 passed\nBut the feature is absent",
        ] {
            assert_eq!(classify(text), FailureKind::Other, "{text}");
        }
        let rust = "error[E0308]: mismatched types";
        assert_eq!(classify(rust), FailureKind::Typecheck);
    }
}
