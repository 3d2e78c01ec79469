//! A load generator: connections that each send one request after the other, on one thread.
//!
//! Always so: it takes part of the same cores as the server that it measures, so what it prints is a lower bound.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};

/// What a load found.
pub(crate) struct Load {
    /// Requests answered with 200, a second.
    pub(crate) per_second: f64,
    /// The latency that 99 of 100 requests stayed below.
    pub(crate) p99: Duration,
    /// Answers that were no 200, and connections that broke.
    pub(crate) errors: usize,
    /// Each connection's count of answered requests.
    pub(crate) answered: Vec<usize>,
}

/// Sends requests over `connections` connections for `time`; `request(connection, number)` makes each.
pub(crate) fn load(
    address: &str,
    connections: usize,
    time: Duration,
    request: impl Fn(usize, usize) -> Vec<u8>,
) -> std::io::Result<Load> {
    let mut poll = Poll::new()?;
    let mut all: Vec<Connection> = (0..connections)
        .map(|index| Connection::open(address, &poll, Token(index)))
        .collect::<Result<_, _>>()?;
    let begin = Instant::now();
    for (index, connection) in all.iter_mut().enumerate() {
        connection.send(&request(index, 0));
    }
    let mut events = Events::with_capacity(connections);
    while begin.elapsed() < time && all.iter().any(Connection::is_open) {
        poll.poll(&mut events, Some(Duration::from_millis(100)))?;
        for event in &events {
            let index = event.token().0;
            let connection = &mut all[index];
            if connection.receive() {
                connection.send(&request(index, connection.latencies.len()));
            }
        }
    }
    Ok(summary(&all, begin.elapsed()))
}

fn summary(all: &[Connection], elapsed: Duration) -> Load {
    let answered: Vec<usize> = all.iter().map(|one| one.latencies.len()).collect();
    let mut latencies: Vec<Duration> = all.iter().flat_map(|one| one.latencies.clone()).collect();
    latencies.sort_unstable();
    let p99 = latencies.get(latencies.len() * 99 / 100);
    Load {
        per_second: ratio(latencies.len(), 1) / elapsed.as_secs_f64(),
        p99: p99.copied().unwrap_or_default(),
        errors: all.iter().map(|one| one.errors).sum(),
        answered,
    }
}

/// A request with a body, kept alive.
pub(crate) fn post(path: &str, token: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A request without a body, kept alive.
pub(crate) fn get(path: &str, token: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n\r\n")
        .into_bytes()
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
fn ratio(count: usize, of: usize) -> f64 {
    count as f64 / of as f64
}

struct Connection {
    /// `None` once it broke.
    stream: Option<mio::net::TcpStream>,
    sent: Instant,
    buffer: Vec<u8>,
    filled: usize,
    latencies: Vec<Duration>,
    errors: usize,
}

impl Connection {
    fn open(address: &str, poll: &Poll, token: Token) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut stream = mio::net::TcpStream::from_std(stream);
        poll.registry()
            .register(&mut stream, token, Interest::READABLE)?;
        Ok(Self {
            stream: Some(stream),
            sent: Instant::now(),
            buffer: vec![0; 64 * 1024],
            filled: 0,
            latencies: Vec::new(),
            errors: 0,
        })
    }

    fn is_open(&self) -> bool {
        self.stream.is_some()
    }

    /// Requests are small: one that the socket does not take whole counts as an error.
    fn send(&mut self, request: &[u8]) {
        self.sent = Instant::now();
        self.filled = 0;
        let written = self
            .stream
            .as_mut()
            .map(|stream| stream.write(request))
            .transpose();
        if !matches!(written, Ok(Some(count)) if count == request.len()) {
            self.fail();
        }
    }

    /// Takes what has come; whether the next request may be sent.
    fn receive(&mut self) -> bool {
        let Some(stream) = &mut self.stream else {
            return false;
        };
        match stream.read(&mut self.buffer[self.filled..]) {
            Ok(0) => self.fail(),
            Ok(count) => self.filled += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => self.fail(),
        }
        let whole = whole_answer(&self.buffer[..self.filled]);
        if whole.is_none_or(|length| self.filled < length) {
            return false;
        }
        if self.buffer.starts_with(b"HTTP/1.1 200") {
            self.latencies.push(self.sent.elapsed());
            true
        } else {
            self.fail();
            false
        }
    }

    fn fail(&mut self) {
        self.errors += 1;
        self.stream = None;
    }
}

/// The length of the answer that begins here, once its head is whole.
fn whole_answer(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&bytes[..head]).ok()?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse::<usize>().ok())?
    });
    Some(head + length.unwrap_or(0))
}
