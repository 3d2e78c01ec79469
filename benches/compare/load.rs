//! A load generator: connections that each send one request after the other.
//!
//! Always so: it takes part of the same cores as the server that it measures, so what it prints is a lower bound.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

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
    request: impl Fn(usize, usize) -> Vec<u8> + Sync,
) -> Load {
    let begin = Instant::now();
    let outcomes: Vec<Connection> = thread::scope(|scope| {
        let request = &request;
        let threads: Vec<_> = (0..connections)
            .map(|index| {
                scope.spawn(move || drive(address, begin + time, |number| request(index, number)))
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("a connection's thread ended well"))
            .collect()
    });
    let elapsed = begin.elapsed().as_secs_f64();
    let answered: Vec<usize> = outcomes
        .iter()
        .map(|outcome| outcome.latencies.len())
        .collect();
    let mut latencies: Vec<Duration> = outcomes
        .iter()
        .flat_map(|outcome| outcome.latencies.clone())
        .collect();
    latencies.sort_unstable();
    Load {
        per_second: ratio(latencies.len(), 1) / elapsed,
        p99: latencies
            .get(latencies.len() * 99 / 100)
            .copied()
            .unwrap_or_default(),
        errors: outcomes.iter().map(|outcome| outcome.errors).sum(),
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

#[derive(Default)]
struct Connection {
    latencies: Vec<Duration>,
    errors: usize,
}

fn drive(address: &str, end: Instant, request: impl Fn(usize) -> Vec<u8>) -> Connection {
    let mut outcome = Connection::default();
    let Ok(mut stream) = TcpStream::connect(address) else {
        return Connection {
            errors: 1,
            ..outcome
        };
    };
    drop(stream.set_nodelay(true));
    let mut buffer = vec![0; 16 * 1024];
    while Instant::now() < end {
        let sent = Instant::now();
        match exchange(&mut stream, &request(outcome.latencies.len()), &mut buffer) {
            Ok(true) => outcome.latencies.push(sent.elapsed()),
            Ok(false) => outcome.errors += 1,
            Err(_) => {
                return Connection {
                    errors: outcome.errors + 1,
                    ..outcome
                };
            }
        }
    }
    outcome
}

/// Sends a request and reads its whole answer; whether it was a 200.
fn exchange(stream: &mut TcpStream, request: &[u8], buffer: &mut Vec<u8>) -> std::io::Result<bool> {
    stream.write_all(request)?;
    let mut filled = 0;
    loop {
        if filled == buffer.len() {
            buffer.resize(filled * 2, 0);
        }
        match stream.read(&mut buffer[filled..])? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            count => filled += count,
        }
        if let Some(length) = whole_answer(&buffer[..filled])
            && filled >= length
        {
            return Ok(buffer.starts_with(b"HTTP/1.1 200"));
        }
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
