//! A script's output on its way into the log.
//!
//! Always so: it takes the memory of one part and not of the log; a line's end is written only before the next line,
//! as Windmill does; bytes that are no UTF-8 are shown as replacement characters; stars stand for secrets.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;

use crate::mill::project::Secrets;
use crate::store::StoreError;
use crate::utf8::take_whole;

/// Text is handed on when so much has gathered.
const PART: usize = 64 * 1024;
/// How many characters of the log an error quotes.
const QUOTED: usize = 600;
/// How much of one line is kept as a result.
const LARGEST_LINE: usize = 4 * 1024 * 1024;
const NO_CHARACTER: &str = "\u{fffd}";

/// Where a log goes.
pub(in crate::mill) trait LogSink: Send + Sync {
    /// Adds text to the end of the log.
    fn append(
        &self,
        text: String,
    ) -> Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send + '_>>;
}

/// The log of one run.
pub(super) struct Log<'a> {
    sink: Arc<dyn LogSink>,
    secrets: &'a Secrets,
    /// Text that waits to be handed on.
    waiting: String,
    /// Whether a line's end waits for the next line.
    open_end: bool,
    /// The beginning of a character whose rest has not come.
    half: Vec<u8>,
    last_line: LastLine,
    tail: VecDeque<char>,
}

impl<'a> Log<'a> {
    pub(super) fn new(sink: Arc<dyn LogSink>, preamble: String, secrets: &'a Secrets) -> Self {
        Self {
            sink,
            secrets,
            waiting: preamble,
            open_end: true,
            half: Vec::new(),
            last_line: LastLine::default(),
            tail: VecDeque::with_capacity(QUOTED),
        }
    }

    /// Takes output. Hands on what has gathered when it is enough.
    pub(super) async fn take(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.half.extend_from_slice(bytes);
        let text = take_whole(&mut self.half, |_| NO_CHARACTER.to_owned());
        self.add(&text);
        if self.waiting.len() >= PART {
            self.flush().await?;
        }
        Ok(())
    }

    /// Hands on what has gathered.
    pub(super) async fn flush(&mut self) -> Result<(), StoreError> {
        let rest = self.waiting.split_off(self.secrets.settled(&self.waiting));
        let text = std::mem::replace(&mut self.waiting, rest);
        if text.is_empty() {
            return Ok(());
        }
        self.sink.append(self.secrets.hidden(text)).await
    }

    /// Writes a line of the mill's own, which is no output of the script.
    pub(super) fn remark(&mut self, line: &str) {
        self.waiting.push('\n');
        self.waiting.push_str(line);
        self.open_end = true;
    }

    /// The last line of the output.
    pub(super) fn last_line(&self) -> &str {
        self.last_line.get()
    }

    /// The end of the output, as an error quotes it.
    pub(super) fn quoted(&self) -> String {
        let tail: String = self.tail.iter().collect();
        let tail = if self.tail.len() < QUOTED {
            self.secrets.hidden(tail)
        } else {
            self.secrets.hidden_end(&tail)
        };
        without_ansi(tail.trim())
    }

    /// What still waits, at the end.
    pub(super) fn finish(mut self) -> String {
        if !self.half.is_empty() {
            self.half.clear();
            self.add(NO_CHARACTER);
        }
        self.secrets.hidden(self.waiting)
    }

    fn add(&mut self, text: &str) {
        self.last_line.add(text);
        let kept = text.chars().count().min(QUOTED);
        let surplus = (self.tail.len() + kept).saturating_sub(QUOTED);
        self.tail.drain(..surplus.min(self.tail.len()));
        let skip = text.chars().count() - kept;
        self.tail.extend(text.chars().skip(skip));
        if text.is_empty() {
            return;
        }
        if self.open_end {
            self.waiting.push('\n');
        }
        self.open_end = text.ends_with('\n');
        let shown = text.strip_suffix('\n').unwrap_or(text);
        self.waiting.push_str(shown);
    }
}

/// The last line of a text that comes in parts.
#[derive(Debug, Default)]
struct LastLine {
    complete: String,
    current: String,
}

impl LastLine {
    fn add(&mut self, text: &str) {
        let Some(end) = text.rfind('\n') else {
            return self.extend(text);
        };
        let (lines, rest) = (&text[..end], &text[end + 1..]);
        match lines.rfind('\n') {
            Some(start) => {
                self.current.clear();
                self.extend(&lines[start + 1..]);
            }
            None => self.extend(lines),
        }
        self.complete = std::mem::take(&mut self.current);
        self.extend(rest);
    }

    fn extend(&mut self, text: &str) {
        let room = LARGEST_LINE.saturating_sub(self.current.len());
        self.current
            .push_str(&text[..text.floor_char_boundary(room.min(text.len()))]);
    }

    fn get(&self) -> &str {
        if self.current.is_empty() {
            &self.complete
        } else {
            &self.current
        }
    }
}

/// A text without the sequences that colour it.
fn without_ansi(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        let end = after.find(|c: char| c.is_ascii_alphabetic());
        rest = end.map_or("", |end| &after[end + 1..]);
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use std::sync::{LazyLock, Mutex};

    use super::*;

    #[derive(Default)]
    struct Kept(Mutex<String>);

    impl LogSink for Kept {
        fn append(
            &self,
            text: String,
        ) -> Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send + '_>> {
            self.0.lock().unwrap().push_str(&text);
            Box::pin(async { Ok(()) })
        }
    }

    async fn log_of(output: &[&[u8]]) -> (String, Log<'static>) {
        static KEPT: LazyLock<Secrets> = LazyLock::new(|| {
            Secrets::new([("f/a/b".to_owned(), "seven\nkeys".to_owned())].into_iter())
        });
        let kept = Arc::new(Kept::default());
        let mut log = Log::new(
            Arc::clone(&kept) as Arc<dyn LogSink>,
            "p\n".to_owned(),
            &KEPT,
        );
        for part in output {
            log.take(part).await.unwrap();
            log.flush().await.unwrap();
        }
        let whole = kept.0.lock().unwrap().clone();
        (whole, log)
    }

    #[tokio::test]
    async fn a_lines_end_is_written_before_the_next_line() {
        let (text, log) = log_of(&[b"one\n", b"two\nthr", b"ee\n"]).await;
        assert_eq!(text, "p\n\none\ntwo\nthree");
        assert_eq!(log.last_line(), "three");
        assert_eq!(log_of(&[]).await.0, "");
    }

    #[tokio::test]
    async fn a_secret_is_not_written_however_it_arrives() {
        let output = "he has seven\nkeys, seven\nke and seven\nkeys";
        for size in 1..output.len() {
            let parts: Vec<&[u8]> = output.as_bytes().chunks(size).collect();
            let (text, log) = log_of(&parts).await;
            let whole = format!("{text}{}", log.finish());
            assert_eq!(
                whole, "p\n\nhe has ***, seven\nke and ***",
                "in parts of {size}"
            );
        }
        let (text, log) = log_of(&[b"he has seven\nk"]).await;
        assert_eq!(
            (text.as_str(), log.finish().as_str()),
            ("p\n\nhe has ", "seven\nk")
        );
    }

    #[tokio::test]
    async fn characters_are_put_together_and_what_is_none_is_shown() {
        let (text, _) = log_of(&[b"\xe2\x86", b"\x92\xff|", b"\xe2\x86"]).await;
        assert_eq!(text, "p\n\n\u{2192}\u{fffd}|");
        let (_, log) = log_of(&[b"x\xe2\x86"]).await;
        assert_eq!(log.finish(), "\u{fffd}");
    }

    #[tokio::test]
    async fn the_last_line_is_the_last_that_has_something_after_the_end() {
        for (output, last) in [
            ("a\nb\n", "b"),
            ("a\nb", "b"),
            ("a\n\n", ""),
            ("", ""),
            ("a", "a"),
        ] {
            assert_eq!(
                log_of(&[output.as_bytes()]).await.1.last_line(),
                last,
                "{output:?}"
            );
            let bytes: Vec<&[u8]> = output.as_bytes().chunks(1).collect();
            assert_eq!(
                log_of(&bytes).await.1.last_line(),
                last,
                "{output:?} in bytes"
            );
        }
    }

    #[tokio::test]
    async fn an_error_quotes_the_end_without_colours() {
        let output = format!("{}\n\u{1b}[31mred\u{1b}[0m end\n", "x".repeat(2000));
        let (_, log) = log_of(&[output.as_bytes()]).await;
        let quoted = log.quoted();
        assert!(quoted.ends_with("x\nred end"), "{quoted}");
        assert!(quoted.len() < QUOTED);
    }
}
