//! A host for tests of steps: answers are written down beforehand, time passes only by waiting.
//!
//! Always so: nothing leaves the process, and every request and log line is kept to be looked at.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::{Finished, Host, ProcessError, Processes, Program, Request, Response, SendError};

/// A host that answers what it was told to.
#[derive(Debug, Default)]
pub struct Double {
    answers: RefCell<VecDeque<Result<Response, SendError>>>,
    programs: RefCell<VecDeque<Finished>>,
    environment: BTreeMap<String, String>,
    clock: RefCell<Duration>,
    requests: RefCell<Vec<Request>>,
    ran: RefCell<Vec<Program>>,
    lines: RefCell<Vec<String>>,
    cancels: RefCell<Vec<Request>>,
}

impl Double {
    /// A host with nothing to say.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a variable of the environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Gives this answer to the next request that has none yet.
    #[must_use]
    pub fn answer(self, status: u16, body: &serde_json::Value) -> Self {
        self.outcome(Ok(Response {
            status,
            location: None,
            body: body.to_string(),
        }))
    }

    /// Lets the next request that has no answer yet fail so.
    #[must_use]
    pub fn fail(self, error: SendError) -> Self {
        self.outcome(Err(error))
    }

    /// Lets the next program end so.
    #[must_use]
    pub fn program(self, finished: Finished) -> Self {
        self.programs.borrow_mut().push_back(finished);
        self
    }

    /// What was sent.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.borrow().clone()
    }

    /// What was sent, each as `POST /path {"body":…}`, without scheme and host.
    pub fn calls(&self) -> Vec<String> {
        self.requests.borrow().iter().map(call).collect()
    }

    /// What programs were run.
    pub fn ran(&self) -> Vec<Program> {
        self.ran.borrow().clone()
    }

    /// What was logged.
    pub fn lines(&self) -> Vec<String> {
        self.lines.borrow().clone()
    }

    /// What would have been sent at termination, each as in [`Double::calls`].
    pub fn cancels(&self) -> Vec<String> {
        self.cancels.borrow().iter().map(call).collect()
    }

    fn outcome(self, outcome: Result<Response, SendError>) -> Self {
        self.answers.borrow_mut().push_back(outcome);
        self
    }
}

fn call(request: &Request) -> String {
    let path = request.url.splitn(4, '/').nth(3).unwrap_or_default();
    let body = request.body.as_ref().map(|body| format!(" {body}"));
    format!("{} /{path}{}", request.method, body.unwrap_or_default())
}

impl Host for Double {
    type Guard = ();

    async fn send(&self, request: &Request, within: Duration) -> Result<Response, SendError> {
        self.requests.borrow_mut().push(request.clone());
        let none_left = || {
            Err(SendError::Refused(
                "the double has no answer left".to_owned(),
            ))
        };
        let answer = self
            .answers
            .borrow_mut()
            .pop_front()
            .unwrap_or_else(none_left);
        if matches!(answer, Err(SendError::TimedOut(_))) {
            *self.clock.borrow_mut() += within;
        }
        answer
    }

    fn env(&self, name: &str) -> Option<String> {
        self.environment
            .get(name)
            .filter(|value| !value.is_empty())
            .cloned()
    }

    fn now(&self) -> Duration {
        *self.clock.borrow()
    }

    fn since_1970(&self) -> Duration {
        Duration::from_secs(1_795_256_193) + self.now()
    }

    async fn sleep(&self, time: Duration) {
        *self.clock.borrow_mut() += time;
    }

    fn log(&self, line: &str) {
        self.lines.borrow_mut().push(line.to_owned());
    }

    fn new_id(&self) -> String {
        "00000000-0000-4000-8000-000000000000".to_owned()
    }

    fn cancel_if_terminated(&self, request: Request) {
        self.cancels.borrow_mut().push(request);
    }

    fn hold_termination(&self) {}
}

impl Processes for Double {
    async fn run(&self, program: &Program) -> Result<Finished, ProcessError> {
        self.ran.borrow_mut().push(program.clone());
        self.programs
            .borrow_mut()
            .pop_front()
            .ok_or_else(|| ProcessError::NotStarted {
                name: program.name,
                reason: std::io::Error::other("the double has no program left"),
            })
    }
}
