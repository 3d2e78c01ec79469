//! The host of a script in JavaScript: what it lends at once is called, what takes time is asked for.
//!
//! Always so: a step asks for one thing at a time, so there is one place for what it asks and one for the answer.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use millwright_step::host::{Host, Request, Response, SendError};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::failure;
use crate::message::{Answer, Asked, AtTheEnd, Outgoing, text};

#[wasm_bindgen]
extern "C" {
    /// What the script lends the module: an object with these functions.
    pub type World;

    /// A variable of the environment.
    #[wasm_bindgen(method)]
    fn env(this: &World, name: &str) -> Option<String>;

    /// Milliseconds since some fixed moment.
    #[wasm_bindgen(method)]
    fn now(this: &World) -> f64;

    /// Milliseconds since 1970 began.
    #[wasm_bindgen(method, js_name = since1970)]
    fn since_1970(this: &World) -> f64;

    /// Writes a line to the job's log.
    #[wasm_bindgen(method)]
    fn log(this: &World, line: &str);

    /// A random UUID.
    #[wasm_bindgen(method, js_name = newId)]
    fn new_id(this: &World) -> String;
}

/// The script as a host.
pub(crate) struct ScriptHost {
    world: World,
    asked: RefCell<Option<Asked>>,
    answer: RefCell<Option<Answer>>,
    cleanups: Rc<Cleanups>,
}

/// What has to be done when the program is ended early, each with a number of its own. `None` only waits.
#[derive(Default)]
struct Cleanups {
    next: Cell<u64>,
    ready: RefCell<Vec<(u64, Option<Request>)>>,
}

/// Keeps a cleanup ready for as long as it lives.
pub(crate) struct Guard(u64, Rc<Cleanups>);

impl ScriptHost {
    pub(crate) fn new(world: World) -> Self {
        Self {
            world,
            asked: RefCell::default(),
            answer: RefCell::default(),
            cleanups: Rc::default(),
        }
    }

    /// Takes the script's answer.
    pub(crate) fn take(&self, answer: Option<String>) {
        let parsed = answer.map(|text| serde_json::from_str(&text));
        *self.answer.borrow_mut() = parsed
            .transpose()
            .expect("the script is rendered with the module and speaks its language");
    }

    /// What the step waits for.
    pub(crate) fn asked(&self) -> String {
        let asked = self.asked.borrow_mut().take();
        text(&asked.expect("a step waits only for what it has asked"))
    }

    pub(crate) fn at_the_end(&self) -> String {
        let ready = self.cleanups.ready.borrow();
        text(&AtTheEnd {
            wait: ready.iter().any(|(_, request)| request.is_none()),
            requests: ready
                .iter()
                .filter_map(|(_, request)| request.as_ref().map(Outgoing::from))
                .collect(),
        })
    }

    async fn ask(&self, asked: Asked) -> Answer {
        *self.asked.borrow_mut() = Some(asked);
        let answered = || self.answer.borrow_mut().take();
        poll_fn(|_| answered().map_or(Poll::Pending, Poll::Ready)).await
    }

    fn prepare(&self, request: Option<Request>) -> Guard {
        let id = self.cleanups.next.get();
        self.cleanups.next.set(id + 1);
        self.cleanups.ready.borrow_mut().push((id, request));
        Guard(id, Rc::clone(&self.cleanups))
    }
}

impl Host for ScriptHost {
    type Guard = Guard;

    async fn send(&self, request: &Request, within: Duration) -> Result<Response, SendError> {
        let asked = Asked::Send {
            request: request.into(),
            within: milliseconds(within),
        };
        match self.ask(asked).await {
            Answer::Answered {
                status,
                location,
                body,
            } => Ok(Response {
                status,
                location,
                body,
            }),
            Answer::TimedOut | Answer::Slept => Err(SendError::TimedOut(within)),
            Answer::Lost { reason } => Err(failure::named(reason)),
        }
    }

    fn env(&self, name: &str) -> Option<String> {
        self.world.env(name).filter(|value| !value.is_empty())
    }

    fn now(&self) -> Duration {
        time(self.world.now())
    }

    fn since_1970(&self) -> Duration {
        time(self.world.since_1970())
    }

    async fn sleep(&self, time: Duration) {
        let time = milliseconds(time);
        self.ask(Asked::Sleep { time }).await;
    }

    fn log(&self, line: &str) {
        self.world.log(line);
    }

    fn new_id(&self) -> String {
        self.world.new_id()
    }

    fn cancel_if_terminated(&self, request: Request) -> Guard {
        self.prepare(Some(request))
    }

    fn hold_termination(&self) -> Guard {
        self.prepare(None)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.1.ready.borrow_mut().retain(|(id, _)| *id != self.0);
    }
}

/// A clock that shows no time shows its beginning.
fn time(milliseconds: f64) -> Duration {
    Duration::try_from_secs_f64(milliseconds / 1000.0).unwrap_or_default()
}

/// At least one: a limit of nothing would mean none.
fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1)
}
