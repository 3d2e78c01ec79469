//! A question to the person at the terminal.
//!
//! Always so: whoever waits for the answer may stop waiting, and nothing of the program waits on.

use std::io::{self, IsTerminal};
use std::thread;

use tokio::sync::oneshot;

use crate::cli::{Exit, output};

/// What was said.
pub(super) enum Answer {
    /// Yes.
    Yes,
    /// Anything else.
    No,
    /// The command is told to end before there is an answer.
    Leave(Exit),
}

/// Whether there is someone who can be asked.
pub(super) fn is_attended() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks for yes, and waits for a line.
pub(super) async fn ask(question: &str) -> Answer {
    match line(question).await.to_lowercase().as_str() {
        "y" | "yes" => Answer::Yes,
        _ => Answer::No,
    }
}

/// Asks, and waits for a line.
pub(super) async fn line(question: &str) -> String {
    output::prompt(question);
    let (answer, line) = oneshot::channel();
    // No task of the runtime: its end would be waited for.
    thread::spawn(move || {
        let mut line = String::new();
        let read = io::stdin().read_line(&mut line);
        // Nobody may be waiting any more.
        drop(answer.send(read.map(|_| line)));
    });
    let line = line.await.map(Result::unwrap_or_default);
    line.unwrap_or_default().trim().to_owned()
}
