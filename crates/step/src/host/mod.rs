//! The one port to the outside: HTTP, environment, time and log.
//!
//! Always so: what a step asks of the world goes through [`Host`], so the same step runs natively, over
//! JavaScript's `fetch`, and against a double.

pub mod date;
#[cfg(feature = "native")]
pub mod double;
#[cfg(feature = "native")]
mod native;
#[cfg(feature = "native")]
mod process;
#[cfg(feature = "native")]
mod termination;
#[cfg(feature = "native")]
mod tls;
#[cfg(feature = "native")]
mod together;

use std::fmt;
use std::future::Future;
#[cfg(feature = "native")]
use std::pin::pin;
#[cfg(feature = "native")]
use std::task::{Context, Poll, Waker};
use std::time::Duration;

#[cfg(feature = "native")]
pub use native::NativeHost;
#[cfg(feature = "native")]
pub(crate) use native::log;
#[cfg(feature = "native")]
pub use process::{Finished, ProcessError, Processes, Program};
#[cfg(feature = "native")]
pub use termination::{Cleanup, Guard, end_with_parent, on_termination};
#[cfg(feature = "native")]
pub(crate) use termination::{start_guarded, stay_if_ending};

/// What a step may ask of the world.
///
/// Futures need not be `Send`: natively they are done when first polled, in a browser or worker there is one thread.
pub trait Host {
    /// What [`Host::cancel_if_terminated`] and [`Host::hold_termination`] give: they hold while it lives.
    type Guard;

    /// Sends a request and waits for the whole answer, at most `within`.
    ///
    /// # Errors
    /// When no whole answer came. An answer with any status is no error here.
    fn send(
        &self,
        request: &Request,
        within: Duration,
    ) -> impl Future<Output = Result<Response, SendError>>;

    /// A variable of the environment. An empty one counts as absent: Windmill hands over what does not apply as empty.
    fn env(&self, name: &str) -> Option<String>;

    /// The time since some fixed moment; it never runs backwards.
    fn now(&self) -> Duration;

    /// The time since 1970 began, by the clock on the wall; [`date::utc`] writes it.
    fn since_1970(&self) -> Duration;

    /// Waits.
    fn sleep(&self, time: Duration) -> impl Future<Output = ()>;

    /// Writes a line to the job's log.
    fn log(&self, line: &str);

    /// A random id, as 32 hex digits with hyphens.
    fn new_id(&self) -> String;

    /// Has `request` sent if the program is terminated while the guard lives.
    fn cancel_if_terminated(&self, request: Request) -> Self::Guard;

    /// Has a termination wait a little while the guard lives: what is being begun can then be cancelled by its name.
    fn hold_termination(&self) -> Self::Guard;
}

/// The methods that the APIs use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Does.
    Post,
    /// Changes.
    Put,
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The whole address.
    pub url: String,
    /// The token for `Authorization: Bearer`.
    pub token: Option<Secret>,
    /// The body.
    pub body: Option<String>,
    /// What the body is.
    pub media_type: &'static str,
}

/// An answer, of any status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Where a redirect points.
    pub location: Option<String>,
    /// The body.
    pub body: String,
}

/// Why no whole answer came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// No connection was made, so nothing was asked.
    #[error("{0}")]
    NotConnected(String),
    /// The connection ended after it was made: the request may or may not have been carried out.
    #[error("{0}")]
    ConnectionLost(String),
    /// The time was over: the request may or may not have been carried out.
    #[error("no answer within {}.{} s", .0.as_secs(), .0.subsec_millis() / 100)]
    TimedOut(Duration),
    /// The request or the answer cannot be: a bad address, a certificate that is not trusted, an answer that is no HTTP.
    #[error("{0}")]
    Refused(String),
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Method {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Secret {
    /// Hides a text.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself, for the wire alone.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// `text` without the secret in it.
    pub fn strike_from(&self, text: &str) -> String {
        text.replace(&self.0, "***")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Drives a future on this thread. Natively every wait is a blocking call, so one poll is enough.
#[cfg(feature = "native")]
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        std::thread::yield_now();
    }
}
