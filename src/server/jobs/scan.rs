//! Reads a JSON object piece by piece, and hands out the text of its `new_logs` as it comes.
//!
//! Always so: of everything else it keeps short values alone, so its size does not grow with what it reads.

use crate::utf8::take_whole;

/// The field whose text is handed out.
const LOG: &[u8] = b"new_logs";
/// A name or value that is kept is never longer.
const LIMIT: usize = 64;

/// A JSON object that arrives in pieces.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    state: State,
    name: Vec<u8>,
    value: Vec<u8>,
    known: Vec<(String, String)>,
    /// Text that is decoded and was not handed out: at a piece's end, a character whose rest has not come.
    text: Vec<u8>,
    /// The digits of a `\u` escape, and the first half of a pair.
    digits: Vec<u8>,
    high: Option<u16>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Start,
    Between,
    Name,
    Colon,
    Value {
        depth: u32,
        quoted: bool,
        escaped: bool,
    },
    Log,
    Escape,
    Unicode,
    Done,
}

impl Scanner {
    /// Takes a piece and returns what it adds to the text, in whole characters.
    ///
    /// # Errors
    /// What is wrong with the object.
    pub(super) fn feed(&mut self, piece: &[u8]) -> Result<String, &'static str> {
        let mut rest = piece;
        while let Some((&byte, after)) = rest.split_first() {
            rest = if self.state == State::Log {
                self.plain(rest)
            } else {
                self.step(byte)?;
                after
            };
        }
        self.take_text()
    }

    /// To be called at the end.
    ///
    /// # Errors
    /// Where the object has not ended.
    pub(super) fn finish(&self) -> Result<(), &'static str> {
        match (self.state, self.text.is_empty()) {
            (State::Done, true) => Ok(()),
            _ => Err("the answer ends too soon"),
        }
    }

    /// A short value, as JSON.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        let found = self.known.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Takes text up to the next quote or escape.
    fn plain<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        let end = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'));
        let (text, rest) = rest.split_at(end.unwrap_or(rest.len()));
        if !text.is_empty() {
            self.lone_half();
            self.text.extend_from_slice(text);
        }
        let Some((&byte, rest)) = rest.split_first() else {
            return rest;
        };
        self.state = if byte == b'"' {
            self.lone_half();
            State::Between
        } else {
            State::Escape
        };
        rest
    }

    fn step(&mut self, byte: u8) -> Result<(), &'static str> {
        let blank = byte.is_ascii_whitespace();
        match (self.state, byte) {
            (State::Start, b'{') => self.state = State::Between,
            (State::Start | State::Between | State::Colon | State::Done, _) if blank => {}
            (State::Between, b'"') => {
                self.name.clear();
                self.state = State::Name;
            }
            (State::Between, b',') | (State::Colon, b':') => {}
            (State::Between, b'}') => self.state = State::Done,
            (State::Name, b'"') => self.state = State::Colon,
            (State::Name, _) => keep(&mut self.name, byte),
            (State::Colon, b'"') if self.name == LOG => self.state = State::Log,
            (State::Colon, _) => {
                self.value.clear();
                let (depth, quoted, escaped) = (0, false, false);
                self.in_value(byte, depth, quoted, escaped);
            }
            (
                State::Value {
                    depth,
                    quoted,
                    escaped,
                },
                _,
            ) => self.in_value(byte, depth, quoted, escaped),
            (State::Escape, b'u') => {
                self.digits.clear();
                self.state = State::Unicode;
            }
            (State::Escape, _) => self.simple_escape(byte)?,
            (State::Unicode, _) => self.unicode(byte)?,
            _ => return Err("the answer is no JSON object"),
        }
        Ok(())
    }

    fn in_value(&mut self, byte: u8, depth: u32, quoted: bool, escaped: bool) {
        let ends = depth == 0 && !quoted && matches!(byte, b',' | b'}');
        if ends {
            self.remember();
            self.state = if byte == b'}' {
                State::Done
            } else {
                State::Between
            };
            return;
        }
        keep(&mut self.value, byte);
        let depth = match byte {
            b'{' | b'[' if !quoted => depth + 1,
            b'}' | b']' if !quoted => depth.saturating_sub(1),
            _ => depth,
        };
        self.state = State::Value {
            depth,
            quoted: quoted != (byte == b'"' && !escaped),
            escaped: quoted && byte == b'\\' && !escaped,
        };
    }

    fn remember(&mut self) {
        if self.value.len() < LIMIT {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
            self.known.push((text(&self.name), text(&self.value)));
        }
    }

    fn simple_escape(&mut self, byte: u8) -> Result<(), &'static str> {
        let meant = match byte {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'b' => 0x08,
            b'f' => 0x0c,
            b'"' | b'\\' | b'/' => byte,
            _ => return Err("the log has an unknown escape"),
        };
        self.lone_half();
        self.text.push(meant);
        self.state = State::Log;
        Ok(())
    }

    fn unicode(&mut self, byte: u8) -> Result<(), &'static str> {
        self.digits.push(byte);
        if self.digits.len() < 4 {
            return Ok(());
        }
        self.state = State::Log;
        let digits = std::str::from_utf8(&self.digits).ok();
        let unit = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok());
        let unit = unit.ok_or("the log has an escape without digits")?;
        match (self.high.take(), unit) {
            (Some(high), 0xDC00..=0xDFFF) => self.push(&[high, unit]),
            (Some(_), 0xD800..=0xDBFF) => {
                self.push(&[0xD800]);
                self.high = Some(unit);
            }
            (None, 0xD800..=0xDBFF) => self.high = Some(unit),
            (Some(_), _) => self.push(&[0xD800, unit]),
            (None, _) => self.push(&[unit]),
        }
        Ok(())
    }

    /// The first half of a pair whose second does not come.
    fn lone_half(&mut self) {
        if self.high.take().is_some() {
            self.push(&[0xD800]);
        }
    }

    fn push(&mut self, units: &[u16]) {
        let text = String::from_utf16_lossy(units);
        self.text.extend_from_slice(text.as_bytes());
    }

    fn take_text(&mut self) -> Result<String, &'static str> {
        let mut broken = false;
        let text = take_whole(&mut self.text, |_| {
            broken = true;
            String::new()
        });
        if broken {
            return Err("the log is no UTF-8");
        }
        Ok(text)
    }
}

fn keep(kept: &mut Vec<u8>, byte: u8) {
    if kept.len() < LIMIT {
        kept.push(byte);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(json: &[u8], size: usize) -> Result<(String, Scanner), &'static str> {
        let mut scanner = Scanner::default();
        let mut text = String::new();
        for piece in json.chunks(size) {
            text.push_str(&scanner.feed(piece)?);
        }
        scanner.finish()?;
        Ok((text, scanner))
    }

    proptest! {
        #[test]
        fn any_text_in_any_pieces(log in "(\\PC|[\\n\\t\"\\\\\u{1}\u{1d11e}\u{e9}]){0,40}", size in 1_usize..12, escape: bool) {
            let mut json = json!({
                "running": false, "flow_status": {"modules": [{"id": "a\\\"}", "n": [1, {}]}]},
                "new_logs": log, "log_offset": 12, "completed": true,
            }).to_string();
            if escape {
                json = json.replace('\u{1d11e}', "\\ud834\\udd1e").replace('\u{e9}', "\\u00e9");
            }
            let (text, scanner) = read(json.as_bytes(), size).unwrap();
            prop_assert_eq!(text, log);
            prop_assert_eq!(scanner.value("log_offset"), Some("12"));
            prop_assert_eq!(scanner.value("completed"), Some("true"));
        }

        #[test]
        fn nothing_panics(json in "[{}\",:\\\\u0-9a-f]{0,40}", size in 1_usize..9) {
            drop(read(json.as_bytes(), size));
            drop(read(format!("{{\"new_logs\":\"{json}").as_bytes(), size));
        }
    }

    #[test]
    fn no_log_and_half_pairs() {
        assert_eq!(read(br#"{"completed":false}"#, 3).unwrap().0, "");
        assert_eq!(
            read(br#"{"new_logs":null,"completed":false}"#, 3)
                .unwrap()
                .0,
            ""
        );
        assert_eq!(
            read(br#"{"new_logs":"\ud834x"}"#, 2).unwrap().0,
            "\u{fffd}x"
        );
        assert_eq!(
            read(br#"{"new_logs":"x"#, 2).unwrap_err(),
            "the answer ends too soon"
        );
        assert!(read(b"<html>", 2).is_err());
    }
}
