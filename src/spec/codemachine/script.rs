//! A workspace's programs, run for what they export.
//!
//! Always so: a program sees `path`, where it lies, and what CodeMachine injects; it is bounded in time, memory, size
//! and depth; and nothing but data comes out of it.

use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rquickjs::{CatchResultExt, CaughtError, Ctx, Function, Module, Object, Value as JsValue};
use serde_json::Value;

use crate::javascript::{Machine, STACK, THREAD_STACK, describe};

/// How long a program may run.
const LIMIT: Duration = Duration::from_secs(2);
/// How long a program is waited for that QuickJS cannot interrupt.
const PATIENCE: Duration = Duration::from_secs(10);
const MEMORY: usize = 64 * 1024 * 1024;
/// How much it may export, as JSON.
const OUTPUT: usize = 1024 * 1024;
/// How deep what it exports may be.
const DEPTH: usize = 32;

const GLOBALS: &str = include_str!("globals.js");

/// What a program exports: by `module.exports`, by `export default`, or by being a literal.
///
/// # Errors
/// Why it exports nothing, as the rest of a sentence that begins with the file.
pub(super) fn evaluate(file: &Path, text: &str) -> Result<Value, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if let Ok(value) = serde_json::from_str(text) {
        return bounded(value);
    }
    let file = file.to_path_buf();
    let program = text.to_owned();
    let (answer, wait) = mpsc::channel();
    let spawned = thread::Builder::new()
        .name("workspace".to_owned())
        .stack_size(THREAD_STACK)
        .spawn(move || drop(answer.send(run(&file, &program))));
    spawned.map_err(|reason| format!("it cannot be run: {reason}"))?;
    let json = match wait.recv_timeout(PATIENCE) {
        Ok(outcome) => outcome?,
        Err(RecvTimeoutError::Timeout) => return Err(too_long()),
        Err(RecvTimeoutError::Disconnected) => return Err("it ended the engine".to_owned()),
    };
    if json.len() > OUTPUT {
        return Err(format!("it exports more than {OUTPUT} bytes"));
    }
    let value = serde_json::from_str(&json);
    bounded(value.map_err(|error| match error.to_string() {
        deep if deep.starts_with("recursion") => too_deep(),
        other => format!("it exports no data: {other}"),
    })?)
}

fn run(file: &Path, text: &str) -> Result<String, String> {
    let machine = Machine::new(MEMORY, STACK).map_err(|error| error.to_string())?;
    machine.allow(LIMIT);
    let exported = attempt(&machine, file, |ctx| of_program(ctx, text));
    let is_program = match &exported {
        Ok(exported) => exported.is_some(),
        Err(message) => !message.contains("SyntaxError"),
    };
    let exported = match literal(text).filter(|_| !is_program) {
        Some(literal) => attempt(&machine, file, |ctx| of_literal(ctx, literal)).or(exported),
        None => exported,
    };
    exported?.ok_or_else(|| {
        "it exports nothing: it needs `module.exports = …` or `export default …`".to_owned()
    })
}

/// Runs something in a fresh context, beside the globals.
fn attempt(
    machine: &Machine,
    file: &Path,
    work: impl FnOnce(&Ctx<'_>) -> rquickjs::Result<Option<String>>,
) -> Result<Option<String>, String> {
    let context = machine.context().map_err(|error| error.to_string())?;
    let outcome = context.with(|ctx| {
        let work = || {
            let set_up: Function<'_> = ctx.eval(GLOBALS)?;
            let folder = file.parent().unwrap_or(file).display().to_string();
            set_up.call::<_, ()>((ctx.globals(), folder, file.display().to_string()))?;
            work(&ctx)
        };
        work().catch(&ctx).map_err(|error| match error {
            // Where there is no memory for an error, QuickJS throws null.
            CaughtError::Value(thrown) if thrown.is_null() => "out of memory".to_owned(),
            error => describe(&error),
        })
    });
    outcome.map_err(|message| match message {
        _ if machine.is_over_time() => too_long(),
        memory if memory.contains("out of memory") => {
            format!("it needs more than {} MiB of memory", MEMORY >> 20)
        }
        other => format!("it cannot be run: {other}"),
    })
}

/// Every program is run as a module, also one that sets `module.exports`, since `module` is a global here.
fn of_program(ctx: &Ctx<'_>, text: &str) -> rquickjs::Result<Option<String>> {
    let (module, done) = Module::declare(ctx.clone(), "workspace", text)?.eval()?;
    done.finish::<()>()?;
    let exports: Object<'_> = module.namespace()?;
    if exports.contains_key("default")? {
        return json_of(ctx, exports.get("default")?);
    }
    if !exports.is_empty() {
        return json_of(ctx, exports.into_value());
    }
    let common: Object<'_> = ctx.globals().get("module")?;
    let exported: JsValue<'_> = common.get("exports")?;
    let is_untouched = exported.as_object().is_some_and(Object::is_empty) && !exported.is_array();
    if is_untouched {
        Ok(None)
    } else {
        json_of(ctx, exported)
    }
}

fn of_literal(ctx: &Ctx<'_>, literal: &str) -> rquickjs::Result<Option<String>> {
    let value = ctx.eval(format!("({literal}\n)"))?;
    json_of(ctx, value)
}

fn json_of<'js>(ctx: &Ctx<'js>, value: JsValue<'js>) -> rquickjs::Result<Option<String>> {
    let json = ctx.json_stringify(value)?;
    json.map(|text| text.to_string()).transpose()
}

/// A literal that the file is: bare, or the value of its only constant.
fn literal(text: &str) -> Option<&str> {
    let mut rest = without_comments(text);
    for word in ["const", "let", "var"] {
        if let Some(declared) = rest.strip_prefix(word)
            && declared.starts_with(char::is_whitespace)
        {
            rest = declared.split_once('=')?.1.trim_start();
            break;
        }
    }
    let rest = rest.trim_end().trim_end_matches(';');
    rest.starts_with(['[', '{']).then_some(rest)
}

fn without_comments(text: &str) -> &str {
    let mut rest = text.trim_start();
    loop {
        let after = if let Some(line) = rest.strip_prefix("//") {
            line.split_once('\n').map(|(_, after)| after)
        } else if let Some(block) = rest.strip_prefix("/*") {
            block.split_once("*/").map(|(_, after)| after)
        } else {
            return rest;
        };
        rest = after.unwrap_or_default().trim_start();
    }
}

fn bounded(value: Value) -> Result<Value, String> {
    if depth_within(&value, DEPTH) {
        Ok(value)
    } else {
        Err(too_deep())
    }
}

fn depth_within(value: &Value, left: usize) -> bool {
    match value {
        Value::Array(items) => left > 0 && items.iter().all(|item| depth_within(item, left - 1)),
        Value::Object(map) => left > 0 && map.values().all(|item| depth_within(item, left - 1)),
        _ => true,
    }
}

fn too_long() -> String {
    format!("it runs for more than {} s", LIMIT.as_secs())
}

fn too_deep() -> String {
    format!("what it exports is more than {DEPTH} levels deep")
}
