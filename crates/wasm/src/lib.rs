//! The steps that need the API alone, as a WebAssembly module for workers that run JavaScript.
//!
//! The module waits for nothing: a [`Job`] goes on until something has to be sent or time has to pass, says so, and is
//! called again with what came of it. The script around it, which `deploy` of the root package renders, does both.
//!
//! Always so: arguments, results and errors are those of the step executable, since they are made by the same code.

mod failure;
mod host;
mod message;

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use millwright_step::portable_steps;
use millwright_step::steps::{StepError, portable};
use serde_json::Value;
use wasm_bindgen::prelude::wasm_bindgen;

use host::ScriptHost;
pub use host::World;
use message::{Asked, text};

/// One call of a step.
#[wasm_bindgen]
pub struct Job {
    words: String,
    host: Rc<ScriptHost>,
    /// The step at work. It is no `dyn Future`, through which every step would be in each script's module.
    work: Option<Box<dyn Any>>,
}

/// A function for each step, by which a job of that step goes on.
macro_rules! exports {
    ($($step:ident,)*) => { $(
        /// Goes on with the answer to what was asked last, none at first, and says what is to be done next: a request to
        /// send, a time to wait, or, at the end, the result or the error. Both are JSON; `message.rs` has their types.
        #[wasm_bindgen]
        pub fn $step(job: &mut Job, answer: Option<String>) -> String {
            job.go_on(answer, |words, host| async move { portable::$step(&words, &*host).await })
        }
    )* };
}

portable_steps!(exports);

#[wasm_bindgen]
impl Job {
    /// A call with a JSON list of the arguments' text, as bash would pass it. Nothing is done yet.
    #[wasm_bindgen(constructor)]
    pub fn new(words: String, world: World) -> Self {
        Self {
            words,
            host: Rc::new(ScriptHost::new(world)),
            work: None,
        }
    }

    /// What has to be done when the program is ended early: JSON, whether to wait a little because something is being
    /// begun, and the requests that end what was begun.
    #[wasm_bindgen(js_name = atTheEnd)]
    pub fn at_the_end(&self) -> String {
        self.host.at_the_end()
    }
}

impl Job {
    fn go_on<W: Future<Output = Result<Value, StepError>> + 'static>(
        &mut self,
        answer: Option<String>,
        step: impl Fn(Vec<String>, Rc<ScriptHost>) -> W,
    ) -> String {
        self.host.take(answer);
        if self.work.is_none() {
            let words = match serde_json::from_str(&self.words) {
                Ok(words) => words,
                Err(error) => return text(&refused(&error)),
            };
            let work: Pin<Box<W>> = Box::pin(step(words, Rc::clone(&self.host)));
            self.work = Some(Box::new(work));
        }
        let work = self
            .work
            .as_mut()
            .and_then(|work| work.downcast_mut::<Pin<Box<W>>>());
        let work = work.expect("a job goes on with the step that it began with");
        let mut context = Context::from_waker(Waker::noop());
        match work.as_mut().poll(&mut context) {
            Poll::Pending => self.host.asked(),
            Poll::Ready(Ok(result)) => text(&Asked::Done { result }),
            Poll::Ready(Err(error)) => text(&Asked::Failed {
                error: error.to_json(),
            }),
        }
    }
}

/// A text may hold halves of characters in JavaScript, which no request can carry.
fn refused(error: &serde_json::Error) -> Asked {
    let message = format!("an argument is no text that can be sent: {error}");
    let error = StepError::BadArguments(message).to_json();
    Asked::Failed { error }
}
