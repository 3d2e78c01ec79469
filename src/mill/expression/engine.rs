//! The JavaScript engine: QuickJS, as in Windmill's community edition.
//!
//! Always so: an expression runs in a context of its own, within limits of time and memory; by itself it waits for
//! nothing, and what it leaves behind is gone with it.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, Weak, mpsc};
use std::thread;
use std::time::Duration;

use rquickjs::prelude::Func;
use rquickjs::{CatchResultExt, Ctx, Exception, Promise};
use serde_json::Value;
use tokio::sync::oneshot;

use super::memo::Memo;
use super::{ExpressionError, Results, Scope, rewrite};
use crate::javascript::{Machine, STACK, THREAD_STACK, describe};
use crate::mill::project::Project;

const THREADS: usize = 2;
const MEMORY: usize = 256 * 1024 * 1024;
/// The stack that JavaScript may use on a thread that runs a flow as well: what the flow is inside of counts too.
const HERE_STACK: usize = 16 * 1024 * 1024;

/// Makes `results` an object whose parts are promises, and says what is not there.
const PRELUDE: &str = r#"
const results = new Proxy({}, {
    get(_, name) {
        if (typeof name === "symbol") return undefined;
        try {
            return Promise.resolve(JSON.parse(__result(name)));
        } catch (error) {
            return Promise.reject(error);
        }
    },
});
"#;

/// Gives values of the project.
const VALUES: &str = "
async function variable(path) { return __variable(path); }
async function resource(path) { return JSON.parse(__resource(path)); }
";

/// Evaluates expressions.
#[derive(Debug, Clone)]
pub(in crate::mill) enum Engine {
    /// A few threads do it, so that none holds up what else is to be done.
    Threads(mpsc::Sender<Task>),
    /// The calling thread does it, once for all that sees the same. Each expression may take so long.
    Here(Duration),
}

thread_local! {
    /// The calling thread's own runtime, and what it has found so far.
    static HERE: RefCell<(Option<Machine>, Memo)> = RefCell::default();
}

/// An expression that waits for a thread.
pub(in crate::mill) struct Task {
    expression: String,
    scope: Scope,
    answer: oneshot::Sender<Result<Value, ExpressionError>>,
}

impl Engine {
    /// Starts the threads. Each expression may take as long as `limit`.
    pub(in crate::mill) fn start(limit: Duration) -> std::io::Result<Self> {
        let (tasks, receiver) = mpsc::channel();
        let receiver = Arc::new(Mutex::new(receiver));
        for number in 0..THREADS {
            let receiver = Arc::clone(&receiver);
            thread::Builder::new()
                .name(format!("expressions-{number}"))
                .stack_size(THREAD_STACK)
                .spawn(move || evaluate_until_closed(&receiver, limit))?;
        }
        Ok(Self::Threads(tasks))
    }

    /// Evaluates on the calling thread, which needs twice the stack of [`HERE_STACK`].
    pub(in crate::mill) fn on_this_thread(limit: Duration) -> Self {
        Self::Here(limit)
    }

    pub(super) async fn run(
        &self,
        expression: &str,
        scope: &Scope,
    ) -> Result<Value, ExpressionError> {
        let tasks = match self {
            Self::Threads(tasks) => tasks,
            Self::Here(limit) => {
                return HERE.with_borrow_mut(|(machine, memo)| {
                    memo.outcome(expression, scope, |scope| {
                        run_once(machine, HERE_STACK, expression, scope, *limit)
                    })
                });
            }
        };
        let (answer, receiver) = oneshot::channel();
        let task = Task {
            expression: expression.to_owned(),
            scope: scope.clone(),
            answer,
        };
        let gone = || ExpressionError::Threw("the expression engine is gone".to_owned());
        tasks.send(task).map_err(|_| gone())?;
        receiver.await.map_err(|_| gone())?
    }
}

fn evaluate_until_closed(tasks: &Mutex<mpsc::Receiver<Task>>, limit: Duration) {
    let mut machine = None;
    loop {
        let task = tasks
            .lock()
            .expect("no thread panics while it holds the queue")
            .recv();
        let Ok(task) = task else { return };
        let Task {
            expression,
            scope,
            answer,
        } = task;
        let outcome = run_once(&mut machine, STACK, &expression, &scope, limit);
        // First: with the answer the flow may be over, and then nothing of it is kept.
        drop(scope);
        drop(answer.send(outcome));
    }
}

fn run_once(
    machine: &mut Option<Machine>,
    stack: usize,
    expression: &str,
    scope: &Scope,
    limit: Duration,
) -> Result<Value, ExpressionError> {
    let outcome = evaluate(machine, stack, expression, scope, limit);
    if outcome.is_err() {
        // A runtime that ran out of time or memory is not trusted again.
        *machine = None;
    }
    outcome
}

fn evaluate(
    machine: &mut Option<Machine>,
    stack: usize,
    expression: &str,
    scope: &Scope,
    limit: Duration,
) -> Result<Value, ExpressionError> {
    let broken = |error: rquickjs::Error| ExpressionError::Threw(error.to_string());
    let machine = match machine {
        Some(machine) => machine,
        None => machine.insert(Machine::new(MEMORY, stack).map_err(broken)?),
    };
    machine.allow(limit);
    let context = machine.context().map_err(broken)?;
    let outcome = context.with(|ctx| {
        let text = text_of(&ctx, expression, scope).catch(&ctx);
        text.map_err(|error| describe(&error))
    });
    match outcome {
        Err(_) if machine.is_over_time() => Err(ExpressionError::TooLong {
            expression: expression.to_owned(),
            limit,
        }),
        Err(message) => Err(ExpressionError::Threw(message)),
        Ok(text) => serde_json::from_str(&text)
            .map_err(|error| ExpressionError::Threw(format!("Error: no JSON: {error}"))),
    }
}

/// The value of the expression, as JSON text.
fn text_of(ctx: &Ctx<'_>, expression: &str, scope: &Scope) -> rquickjs::Result<String> {
    let globals = ctx.globals();
    for (name, value) in &scope.names {
        if expression.contains(name) {
            globals.set(*name, ctx.json_parse(value.to_string())?)?;
        }
    }
    if expression.contains("flow_input") {
        let text = serde_json::to_string(&*scope.flow_input).unwrap_or_default();
        globals.set("flow_input", ctx.json_parse(text)?)?;
    }
    if expression.contains("flow_env") {
        let text = serde_json::to_string(&*scope.flow_env).unwrap_or_default();
        globals.set("flow_env", ctx.json_parse(text)?)?;
    }
    if expression.contains("variable") || expression.contains("resource") {
        offer_values(ctx, &scope.project)?;
    }
    // Weak: what JavaScript holds goes only when its memory is tidied up.
    let results = Arc::downgrade(&scope.results);
    let find = move |ctx: Ctx<'_>, id: String| result_text(&ctx, &results, &id);
    globals.set("__result", Func::from(find))?;
    ctx.eval::<(), _>(PRELUDE)?;
    let promise: Promise<'_> = ctx.eval(rewrite::function_of(expression))?;
    let value: rquickjs::Value<'_> = match promise.finish() {
        Err(rquickjs::Error::WouldBlock) => {
            return Err(Exception::throw_message(
                ctx,
                "the expression never settles",
            ));
        }
        other => other?,
    };
    let text = ctx.json_stringify(value)?;
    text.map_or_else(|| Ok("null".to_owned()), |text| text.to_string())
}

/// Lets an expression ask for variables and resources.
fn offer_values(ctx: &Ctx<'_>, project: &Arc<Project>) -> rquickjs::Result<()> {
    let variables = Arc::downgrade(project);
    let variable = move |ctx: Ctx<'_>, path: String| {
        let project = variables.upgrade().unwrap_or_default();
        let found = project.resources.variable(&path).map(str::to_owned);
        found.map_err(|reason| Exception::throw_message(&ctx, &reason))
    };
    let resources = Arc::downgrade(project);
    let resource = move |ctx: Ctx<'_>, path: String| {
        let project = resources.upgrade().unwrap_or_default();
        let found = project.resources.resource(&path);
        let text = found.map(|value| value.to_string());
        text.map_err(|reason| Exception::throw_message(&ctx, &reason))
    };
    ctx.globals().set("__variable", Func::from(variable))?;
    ctx.globals().set("__resource", Func::from(resource))?;
    ctx.eval(VALUES)
}

fn result_text(ctx: &Ctx<'_>, results: &Weak<dyn Results>, id: &str) -> rquickjs::Result<String> {
    let over = || Err("the expression is over".to_owned());
    match results
        .upgrade()
        .map_or_else(over, |results| results.result_of(id))
    {
        Ok(value) => Ok(value.to_string()),
        Err(reason) => Err(Exception::throw_message(ctx, &reason)),
    }
}
