//! What the commands print.
//!
//! Always so: results go to stdout, everything meant for a person's eyes goes to stderr.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is where the program prints"
)]

/// A line of the result.
pub(super) fn line(text: impl std::fmt::Display) {
    println!("{text}");
}

/// A line for the person who watches.
pub(super) fn note(text: impl std::fmt::Display) {
    eprintln!("{text}");
}

/// What went wrong.
pub(super) fn error(text: impl std::fmt::Display) {
    eprintln!("error: {text}");
}
