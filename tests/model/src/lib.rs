//! A stand-in on this machine for the models that coding agents ask: for tests and for the demo.
//!
//! Always so: it listens on loopback alone, and each answer counts the same tokens: 11 in, 3 of them from a cache, and 7
//! out, 2 of them for reasoning.

mod codex;
mod speech;

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use serde_json::Value;

pub use codex::{KEY_VARIABLE, settings_of_codex};
use speech::Speech;

/// What the model does when it is asked.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Says this.
    Say(&'static str),
    /// Has this command run. Only Codex is told so.
    Run(String),
    /// Says this, and breaks off.
    BreakOff(&'static str),
    /// Refuses with this HTTP status.
    Refuse(u16),
    /// Gives up.
    GiveUp,
    /// Never answers.
    Silence,
}

/// A model on this machine, for as long as the process lives.
pub struct Model {
    address: SocketAddr,
    state: Arc<State>,
}

type Play = Box<dyn FnMut(&Value) -> Answer + Send>;

struct State {
    play: Mutex<Play>,
    asked: Mutex<Vec<Value>>,
    was_asked: Condvar,
}

impl Model {
    /// One that gives these answers in order, and the last from then on. Without any it gives up.
    ///
    /// # Errors
    /// What the system says where there is no port to listen on.
    pub fn saying(answers: impl IntoIterator<Item = Answer>) -> io::Result<Self> {
        let mut answers: VecDeque<Answer> = answers.into_iter().collect();
        Self::playing(move |_| {
            let next = answers.pop_front().unwrap_or(Answer::GiveUp);
            if answers.is_empty() {
                answers.push_back(next.clone());
            }
            next
        })
    }

    /// One that finds its answer in what it is asked: the body of the request.
    ///
    /// # Errors
    /// What the system says where there is no port to listen on.
    pub fn playing(play: impl FnMut(&Value) -> Answer + Send + 'static) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            play: Mutex::new(Box::new(play)),
            asked: Mutex::default(),
            was_asked: Condvar::new(),
        });
        let served = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&served);
                // An agent that is killed closes its connection in the middle.
                thread::spawn(move || state.serve(&stream).ok());
            }
        });
        Ok(Self { address, state })
    }

    /// Where it listens, without a path.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it was asked, oldest first.
    pub fn asked(&self) -> Vec<Value> {
        held(&self.state.asked).clone()
    }

    /// Waits until it is asked.
    pub fn wait_until_asked(&self) {
        let asked = held(&self.state.asked);
        let wait = self
            .state
            .was_asked
            .wait_while(asked, |asked| asked.is_empty());
        drop(wait);
    }
}

impl State {
    fn serve(&self, stream: &TcpStream) -> io::Result<()> {
        let mut reader = BufReader::new(stream);
        let mut first = String::new();
        reader.read_line(&mut first)?;
        let mut body = vec![0; content_length(&mut reader)?];
        reader.read_exact(&mut body)?;
        let path = first.split(' ').nth(1).unwrap_or_default();
        let speech = Speech::of(path).filter(|_| first.starts_with("POST "));
        let Some(speech) = speech else {
            return answer(stream, 404, "text/plain", "");
        };
        match self.next(serde_json::from_slice(&body).unwrap_or_default()) {
            // The agent ends the wait.
            Answer::Silence => reader.read_to_end(&mut Vec::new()).map(drop),
            Answer::Refuse(status) => {
                answer(stream, status, "application/json", &speech::refusal(status))
            }
            said => answer(stream, 200, "text/event-stream", &speech.say(&said)),
        }
    }

    fn next(&self, question: Value) -> Answer {
        let answer = (held(&self.play))(&question);
        held(&self.asked).push(question);
        self.was_asked.notify_all();
        answer
    }
}

fn content_length(reader: &mut impl BufRead) -> io::Result<usize> {
    let mut length = 0;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        let (name, value) = line.split_once(':').unwrap_or_default();
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
        line.clear();
    }
    Ok(length)
}

fn answer(mut stream: &TcpStream, status: u16, media_type: &str, body: &str) -> io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 {status} Played\r\ncontent-type: {media_type}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// What is played may panic, in a test; the others that ask are answered all the same.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
