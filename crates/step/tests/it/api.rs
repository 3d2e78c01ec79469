//! An API on loopback that answers as a test says.
//!
//! Always so: it keeps connections alive, counts them, and writes down every request.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

/// What the API does with a request.
pub(crate) enum Reply {
    /// Answers.
    Json(u16, Value),
    /// Answers with what is no JSON.
    Text(u16, &'static str),
    /// Sends the caller elsewhere.
    Redirect(String),
    /// Closes the connection without an answer.
    Close,
    /// Closes the connection in the middle of the answer.
    HalfAndClose,
    /// Keeps the caller waiting until it goes away.
    Hang,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// `POST /path {"body":…}`
    pub(crate) line: String,
    /// The `Authorization` header.
    pub(crate) authorization: Option<String>,
}

/// A running API.
pub(crate) struct Api {
    pub(crate) url: String,
    accepted: Arc<AtomicUsize>,
    calls: Arc<Mutex<Vec<Call>>>,
    arrivals: mpsc::Receiver<String>,
    departures: mpsc::Receiver<()>,
}

type Answer = dyn Fn(&str) -> Reply + Send + Sync;

impl Api {
    /// An API that answers each request, given as `POST /path`, as `answer` says.
    pub(crate) fn answering(answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let accepted = Arc::new(AtomicUsize::new(0));
        let calls = Arc::new(Mutex::new(Vec::new()));
        let (arrived, arrivals) = mpsc::channel();
        let (left, departures) = mpsc::channel();
        let answer: Arc<Answer> = Arc::new(answer);
        let api = Self {
            url,
            accepted: Arc::clone(&accepted),
            calls: Arc::clone(&calls),
            arrivals,
            departures,
        };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                accepted.fetch_add(1, Ordering::SeqCst);
                let (answer, calls) = (Arc::clone(&answer), Arc::clone(&calls));
                let (arrived, left) = (arrived.clone(), left.clone());
                thread::spawn(move || {
                    // A caller that goes away is what many tests are about.
                    let _ = serve(&stream, &*answer, &calls, &arrived);
                    let _ = left.send(());
                });
            }
        });
        api
    }

    /// An API that takes every run and artifact.
    pub(crate) fn taking_everything() -> Self {
        Self::answering(taken)
    }

    /// What was asked, each as `POST /path {"body":…}`.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.calls
            .lock()
            .unwrap()
            .iter()
            .map(|call| call.line.clone())
            .collect()
    }

    /// The `Authorization` headers that came.
    pub(crate) fn authorizations(&self) -> Vec<Option<String>> {
        self.calls
            .lock()
            .unwrap()
            .iter()
            .map(|call| call.authorization.clone())
            .collect()
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// Waits until a request whose line contains `part` has come.
    pub(crate) fn wait_for(&self, part: &str) {
        while !self
            .arrivals
            .recv_timeout(Duration::from_secs(20))
            .expect(part)
            .contains(part)
        {}
    }

    /// Waits until a connection has ended.
    pub(crate) fn wait_for_departure(&self) {
        self.departures
            .recv_timeout(Duration::from_secs(20))
            .expect("the caller stays");
    }
}

/// The answer of an API that takes every run and artifact.
pub(crate) fn taken(call: &str) -> Reply {
    let run = |status: &str| {
        json!({"run_id": "r", "job_type": "windmill", "status": status,
            "created_at": "2026-01-01 00:00:00", "updated_at": "2026-01-01 00:00:00"})
    };
    if call.ends_with("/codex/runs/start") {
        Reply::Json(200, run("running"))
    } else if call.ends_with("/finish") {
        Reply::Json(200, run("succeeded"))
    } else {
        let artifact = json!({"id": 1, "run_id": "r", "name": "n", "kind": "k", "path": "p", "created_at": "2026-01-01 00:00:00"});
        Reply::Json(200, artifact)
    }
}

fn serve(
    stream: &TcpStream,
    answer: &Answer,
    calls: &Mutex<Vec<Call>>,
    arrived: &mpsc::Sender<String>,
) -> std::io::Result<()> {
    let mut input = BufReader::new(stream.try_clone()?);
    let mut output = stream;
    while let Some((head, call)) = read_call(&mut input)? {
        let line = call.line.clone();
        calls.lock().unwrap().push(call);
        let _ = arrived.send(line);
        match answer(&head) {
            Reply::Json(status, body) => {
                let body = body.to_string();
                write!(
                    output,
                    "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                )?;
            }
            Reply::Text(status, body) => {
                write!(
                    output,
                    "HTTP/1.1 {status} X\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                )?;
            }
            Reply::Redirect(to) => {
                write!(
                    output,
                    "HTTP/1.1 307 X\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n"
                )?;
            }
            Reply::Close => return Ok(()),
            Reply::HalfAndClose => {
                return write!(
                    output,
                    "HTTP/1.1 200 X\r\ncontent-length: 100\r\n\r\n{{\"run_"
                );
            }
            Reply::Hang => while input.read(&mut [0; 64])? > 0 {},
        }
    }
    Ok(())
}

/// The request's first two words, and the whole of it.
fn read_call(input: &mut impl BufRead) -> std::io::Result<Option<(String, Call)>> {
    let mut first = String::new();
    if input.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let head = first
        .rsplit_once(' ')
        .map_or(first.as_str(), |(head, _)| head)
        .to_owned();
    let (mut length, mut authorization) = (0, None);
    loop {
        let mut line = String::new();
        input.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        match name.to_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            "authorization" => authorization = Some(value.to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    input.read_exact(&mut body)?;
    let body = String::from_utf8(body).unwrap();
    let line = format!("{head} {body}").trim_end().to_owned();
    Ok(Some((
        head,
        Call {
            line,
            authorization,
        },
    )))
}
