//! A stand-in for the models of all agents.
//!
//! Always so: it answers in the order in which it was told to, and with the last answer from then on; each answer counts
//! the same tokens.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use serde_json::{Value, json};

/// What the model does when it is asked.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// Says this.
    Say(&'static str),
    /// Has this command run.
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

/// A model on this machine.
pub(crate) struct Stub {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    answers: Mutex<VecDeque<Answer>>,
    asked: Mutex<Vec<Value>>,
    was_asked: Condvar,
}

impl Stub {
    pub(crate) fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            answers: Mutex::new(answers.into_iter().collect()),
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
        Self { address, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What the model was asked, oldest first.
    pub(crate) fn asked(&self) -> Vec<Value> {
        self.state.asked.lock().unwrap().clone()
    }

    /// Waits until the model is asked.
    pub(crate) fn wait_until_asked(&self) {
        let asked = self.state.asked.lock().unwrap();
        let wait = self
            .state
            .was_asked
            .wait_while(asked, |asked| asked.is_empty());
        drop(wait.unwrap());
    }
}

impl State {
    fn serve(&self, stream: &TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream);
        let mut first = String::new();
        reader.read_line(&mut first)?;
        let length = content_length(&mut reader)?;
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
        let speech = Speech::of(&path);
        let Some(speech) = speech.filter(|_| first.starts_with("POST ")) else {
            return write!(
                &*stream,
                "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            );
        };
        let answer = self.next(serde_json::from_slice(&body).unwrap_or_default());
        if matches!(answer, Answer::Silence) {
            // The agent ends the wait.
            reader.read_to_end(&mut Vec::new())?;
            return Ok(());
        }
        let (status, media_type, body) = match answer {
            Answer::Refuse(status) => (status, "application/json", refusal(status)),
            answer => (200, "text/event-stream", speech.say(&answer)),
        };
        write!(
            &*stream,
            "HTTP/1.1 {status} Stub\r\ncontent-type: {media_type}\r\nconnection: close\r\n\r\n{body}"
        )
    }

    fn next(&self, question: Value) -> Answer {
        self.asked.lock().unwrap().push(question);
        self.was_asked.notify_all();
        let mut answers = self.answers.lock().unwrap();
        if answers.len() > 1 {
            answers.pop_front().unwrap()
        } else {
            answers.front().cloned().unwrap()
        }
    }
}

fn content_length(reader: &mut impl BufRead) -> std::io::Result<usize> {
    let mut length = 0;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        let (name, value) = line.split_once(':').unwrap_or_default();
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    Ok(length)
}

fn refusal(status: u16) -> String {
    let message = format!("the stub says {status}");
    json!({"error": {"type": "stub", "message": message, "code": status, "status": "STUB"}})
        .to_string()
}

/// How an agent's provider speaks.
#[derive(Clone, Copy)]
enum Speech {
    OpenAiResponses,
    OpenAiChat,
    Anthropic,
    Google,
}

impl Speech {
    fn of(path: &str) -> Option<Self> {
        let path = path.split('?').next()?;
        if path.ends_with("/responses") {
            Some(Self::OpenAiResponses)
        } else if path.ends_with("/chat/completions") {
            Some(Self::OpenAiChat)
        } else if path.ends_with("/v1/messages") {
            Some(Self::Anthropic)
        } else {
            path.ends_with(":streamGenerateContent")
                .then_some(Self::Google)
        }
    }

    fn say(self, answer: &Answer) -> String {
        match self {
            Self::OpenAiResponses => responses(answer),
            Self::OpenAiChat => chat(answer),
            Self::Anthropic => messages(answer),
            Self::Google => generated(answer),
        }
    }
}

/// 11 tokens in, 3 of them cached; 7 out, 2 of them for reasoning.
fn responses(answer: &Answer) -> String {
    let usage = json!({"input_tokens": 11, "input_tokens_details": {"cached_tokens": 3},
        "output_tokens": 7, "output_tokens_details": {"reasoning_tokens": 2}, "total_tokens": 18});
    let completed = json!({"type": "response.completed", "response": {"id": "r", "usage": usage}});
    let item =
        |item: Value| json!({"type": "response.output_item.done", "output_index": 0, "item": item});
    let message = |text: &str| {
        item(json!({"type": "message", "id": "m", "role": "assistant",
            "content": [{"type": "output_text", "text": text, "annotations": []}]}))
    };
    let call = |command: &str| {
        item(
            json!({"type": "function_call", "id": "f", "call_id": "c", "name": "exec_command",
            "arguments": json!({"cmd": command}).to_string()}),
        )
    };
    let gave_up = json!({"type": "response.failed",
        "response": {"id": "r", "error": {"code": "stub", "message": "the stub gives up"}}});
    let events = match answer {
        Answer::Say(text) => vec![message(text), completed],
        Answer::Run(command) => vec![call(command), completed],
        Answer::BreakOff(text) => vec![message(text)],
        _ => vec![gave_up],
    };
    events.iter().map(named_event).collect()
}

fn chat(answer: &Answer) -> String {
    let chunk = |delta: Value, finish: Value| {
        json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
            "usage": {"prompt_tokens": 11, "prompt_tokens_details": {"cached_tokens": 3}, "completion_tokens": 7,
                "completion_tokens_details": {"reasoning_tokens": 2}, "total_tokens": 18}})
    };
    let said = chunk(
        json!({"role": "assistant", "content": spoken(answer)}),
        Value::Null,
    );
    let end = chunk(json!({}), "stop".into());
    format!("data: {said}\n\ndata: {end}\n\ndata: [DONE]\n\n")
}

fn messages(answer: &Answer) -> String {
    let usage = json!({"input_tokens": 8, "cache_read_input_tokens": 3, "output_tokens": 1});
    let message = json!({"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [],
        "stop_reason": null, "usage": usage});
    [
        json!({"type": "message_start", "message": message}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": spoken(answer)}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}}),
        json!({"type": "message_stop"}),
    ]
    .iter()
    .map(named_event)
    .collect()
}

fn generated(answer: &Answer) -> String {
    let content = json!({"role": "model", "parts": [{"text": spoken(answer)}]});
    let event = json!({"candidates": [{"content": content, "finishReason": "STOP", "index": 0}], "modelVersion": "m",
        "usageMetadata": {"promptTokenCount": 11, "cachedContentTokenCount": 3, "candidatesTokenCount": 5,
            "thoughtsTokenCount": 2, "totalTokenCount": 18}});
    format!("data: {event}\n\n")
}

fn spoken(answer: &Answer) -> &'static str {
    match answer {
        Answer::Say(text) => text,
        other => panic!("only Codex is told to do {other:?}"),
    }
}

fn named_event(event: &Value) -> String {
    let name = event["type"].as_str().unwrap_or_default();
    format!("event: {name}\ndata: {event}\n\n")
}
