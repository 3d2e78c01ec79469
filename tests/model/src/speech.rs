//! How the agents' providers speak.
//!
//! Always so: what is sent is the least that the agents take for a whole answer.

use serde_json::{Value, json};

use crate::Answer;

/// How a provider speaks.
#[derive(Clone, Copy)]
pub(crate) enum Speech {
    OpenAiResponses,
    OpenAiChat,
    Anthropic,
    Google,
}

impl Speech {
    /// The one of a request's path.
    pub(crate) fn of(path: &str) -> Option<Self> {
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

    /// The whole answer's body.
    pub(crate) fn say(self, answer: &Answer) -> String {
        match self {
            Self::OpenAiResponses => responses(answer),
            Self::OpenAiChat => chat(answer),
            Self::Anthropic => messages(answer),
            Self::Google => generated(answer),
        }
    }
}

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

fn spoken(answer: &Answer) -> &str {
    match answer {
        Answer::Say(text) => text,
        _ => "only Codex is told to do anything else",
    }
}

fn named_event(event: &Value) -> String {
    let name = event["type"].as_str().unwrap_or_default();
    format!("event: {name}\ndata: {event}\n\n")
}

/// The body of a refusal.
pub(crate) fn refusal(status: u16) -> String {
    let message = format!("the stub says {status}");
    json!({"error": {"type": "stub", "message": message, "code": status, "status": "STUB"}})
        .to_string()
}
