//! Reading a process's output while it runs, and what is left of it when it is over.
//!
//! Always so: once it is said that the process is over, only what is in the pipe at that moment is read, whoever else
//! holds the pipe open and writes on.

use std::io::{ErrorKind, PipeReader, Read};
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, ioctl_fionread};

use super::LineSink;

/// A line that is longer reaches the log in pieces.
const LONGEST_LINE: usize = 16 * 1024;

/// A line that is longer is not handed on where lines are events: no part of one means anything.
const LONGEST_EVENT: usize = 8 * 1024 * 1024;

/// A line that comes in pieces, and is handed on whole or not at all.
#[derive(Default)]
struct Line {
    bytes: Vec<u8>,
    is_too_long: bool,
}

/// How output is read.
#[derive(Clone, Copy)]
pub(super) struct Reading<'a> {
    /// Its writing end is closed when the process is over.
    pub(super) over: &'a PipeReader,
    /// Takes the lines.
    pub(super) log: &'a (dyn LineSink + Sync),
}

impl Reading<'_> {
    /// Keeps everything up to a bound; says so when there is more.
    pub(super) fn all(
        self,
        pipe: Option<impl Read + AsFd>,
        bound: usize,
        too_much: impl Fn(),
    ) -> Vec<u8> {
        let mut kept = Vec::new();
        self.logged(pipe, |chunk| {
            if kept.len() + chunk.len() > bound {
                too_much();
            } else {
                kept.extend_from_slice(chunk);
            }
        });
        kept
    }

    /// Keeps the end.
    pub(super) fn tail(self, pipe: Option<impl Read + AsFd>, bound: usize) -> Vec<u8> {
        let mut kept: Vec<u8> = Vec::new();
        self.logged(pipe, |chunk| {
            kept.extend_from_slice(chunk);
            let surplus = kept.len().saturating_sub(bound);
            kept.drain(..surplus);
        });
        kept
    }

    /// Hands on each line and keeps none; says so when all of them together are longer than a bound. One that is itself
    /// longer than a line may be is left out.
    pub(super) fn each_line(
        self,
        pipe: Option<impl Read + AsFd>,
        bound: usize,
        too_much: impl Fn(),
        mut take: impl FnMut(&[u8]),
    ) {
        let mut line = Line::default();
        let mut length = 0_usize;
        self.read(pipe, |chunk| {
            length = length.saturating_add(chunk.len());
            if length > bound {
                too_much();
            } else {
                line.pass_whole(chunk, &mut take);
            }
        });
        line.pass_rest(&mut take);
    }

    fn logged(self, pipe: Option<impl Read + AsFd>, mut keep: impl FnMut(&[u8])) {
        let mut line = Vec::new();
        self.read(pipe, |chunk| {
            keep(chunk);
            pass_lines(chunk, &mut line, self.log);
        });
        if !line.is_empty() {
            self.log.line(&String::from_utf8_lossy(&line));
        }
    }

    fn read(self, pipe: Option<impl Read + AsFd>, mut take: impl FnMut(&[u8])) {
        let Some(mut pipe) = pipe else { return };
        while self.is_going_on(&pipe) {
            if read_once(&mut pipe, usize::MAX, &mut take) == 0 {
                break;
            }
        }
        let mut left = is_there(&pipe);
        while left > 0 {
            match read_once(&mut pipe, left, &mut take) {
                0 => break,
                length => left -= length,
            }
        }
    }

    /// Waits until there is output, which includes its end, or the process is over. False where it is over.
    fn is_going_on(self, pipe: &impl AsFd) -> bool {
        loop {
            let mut both = [
                PollFd::new(pipe, PollFlags::IN),
                PollFd::new(self.over, PollFlags::IN),
            ];
            match poll(&mut both, None) {
                Ok(_) => return both[1].revents().is_empty(),
                Err(Errno::INTR) => {}
                Err(_) => return false,
            }
        }
    }
}

/// Hands on what one read gives, and says how much it was: nothing at the end.
fn read_once(pipe: &mut impl Read, most: usize, take: &mut impl FnMut(&[u8])) -> usize {
    let mut chunk = [0; 8192];
    let most = most.min(chunk.len());
    loop {
        match pipe.read(&mut chunk[..most]) {
            Ok(length) => {
                take(&chunk[..length]);
                return length;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return 0,
        }
    }
}

/// How many bytes can be read without waiting.
fn is_there(pipe: &impl AsFd) -> usize {
    let length = ioctl_fionread(pipe).unwrap_or_default();
    usize::try_from(length).unwrap_or_default()
}

fn pass_lines(chunk: &[u8], line: &mut Vec<u8>, log: &(dyn LineSink + Sync)) {
    for piece in chunk.split_inclusive(|byte| *byte == b'\n') {
        line.extend_from_slice(piece);
        let ends = line.ends_with(b"\n");
        if ends {
            line.pop();
        }
        if ends || line.len() > LONGEST_LINE {
            log.line(&String::from_utf8_lossy(line));
            line.clear();
        }
    }
}

impl Line {
    fn pass_whole(&mut self, chunk: &[u8], take: &mut impl FnMut(&[u8])) {
        for piece in chunk.split_inclusive(|byte| *byte == b'\n') {
            let content = piece.strip_suffix(b"\n");
            self.extend(content.unwrap_or(piece));
            if content.is_some() {
                self.pass_rest(take);
            }
        }
    }

    fn pass_rest(&mut self, take: &mut impl FnMut(&[u8])) {
        if !self.is_too_long && !self.bytes.is_empty() {
            take(&self.bytes);
        }
        self.bytes.clear();
        self.is_too_long = false;
    }

    fn extend(&mut self, piece: &[u8]) {
        self.is_too_long |= self.bytes.len() + piece.len() > LONGEST_EVENT;
        if !self.is_too_long {
            self.bytes.extend_from_slice(piece);
        }
    }
}
