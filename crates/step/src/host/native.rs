//! The host of a worker's machine: HTTP over `ureq`, the process's environment and clock, stderr as the log.
//!
//! Always so: one agent for each scheme, so calls to one API share one kept-alive connection; TLS is set up only for an
//! `https` address.

use std::cell::OnceCell;
use std::io::Write;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use ureq::config::{Config, ConfigBuilder};
use ureq::http::{Response as Answer, Uri};
use ureq::typestate::{AgentScope, WithBody};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{Connector, DefaultConnector, NextTimeout};
use ureq::{Agent, Body, Error, RequestBuilder, Timeout};

use super::together::Together;
use super::{Cleanup, Guard, Host, Method, Request, Response, SendError, on_termination, tls};

/// An answer may be this long; a protocol with its spec is far below it.
const LONGEST_ANSWER: u64 = 32 * 1024 * 1024;

/// A connection that takes longer than this will not come.
const LONGEST_CONNECT: Duration = Duration::from_secs(5);

/// The machine that the program runs on.
#[derive(Debug)]
pub struct NativeHost {
    plain: OnceCell<Agent>,
    secure: OnceCell<Result<Agent, SendError>>,
    begun: Instant,
}

impl NativeHost {
    /// A host whose clock starts now. Nothing is opened before the first request.
    pub fn new() -> Self {
        Self {
            plain: OnceCell::new(),
            secure: OnceCell::new(),
            begun: Instant::now(),
        }
    }
}

impl Default for NativeHost {
    fn default() -> Self {
        Self::new()
    }
}

impl Host for NativeHost {
    type Guard = Guard;

    async fn send(&self, request: &Request, within: Duration) -> Result<Response, SendError> {
        if is_secure(request) {
            let agent = self.secure.get_or_init(secure_agent);
            send(agent.as_ref().map_err(SendError::clone)?, request, within)
        } else {
            send(self.plain.get_or_init(plain_agent), request, within)
        }
    }

    fn env(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }

    fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    fn since_1970(&self) -> Duration {
        // A clock that stands before 1970 is not set.
        SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default()
    }

    async fn sleep(&self, time: Duration) {
        std::thread::sleep(time);
    }

    fn log(&self, line: &str) {
        log(line);
    }

    fn new_id(&self) -> String {
        uuid::Uuid::new_v4().to_string()
    }

    fn cancel_if_terminated(&self, request: Request) -> Guard {
        on_termination(Cleanup::Request(request))
    }

    fn hold_termination(&self) -> Guard {
        on_termination(Cleanup::Wait)
    }
}

/// Writes a line to stderr, which is the job's log.
pub(crate) fn log(line: &str) {
    // A log that cannot be written must not end the step.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Sends one request with an agent of its own, from any thread.
pub(super) fn send_alone(request: &Request, within: Duration) -> Result<Response, SendError> {
    let agent = if is_secure(request) {
        secure_agent()?
    } else {
        plain_agent()
    };
    send(&agent, request, within)
}

fn is_secure(request: &Request) -> bool {
    request.url.starts_with("https:")
}

fn plain_agent() -> Agent {
    agent(settings().build())
}

fn secure_agent() -> Result<Agent, SendError> {
    Ok(agent(settings().tls_config(tls::config()?).build()))
}

fn agent(config: Config) -> Agent {
    let connector = DefaultConnector::default().chain(Together);
    Agent::with_parts(config, connector, AddressFirst::default())
}

fn settings() -> ConfigBuilder<AgentScope> {
    Agent::config_builder()
        .http_status_as_error(false)
        // A redirect would lose a POST's body or carry the token elsewhere: the caller is told instead.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("millwright-step/", env!("CARGO_PKG_VERSION")))
        // Requests and answers are small, and a buffer is cleared before it is used.
        .input_buffer_size(16 * 1024)
        .output_buffer_size(16 * 1024)
        // An execution is waited for in calls of 30 s; the connection is to outlive the pauses between calls.
        .max_idle_age(Duration::from_mins(1))
        .timeout_connect(Some(LONGEST_CONNECT))
}

fn send(agent: &Agent, request: &Request, within: Duration) -> Result<Response, SendError> {
    let answer = match request.method {
        Method::Get => {
            let call = agent.get(&request.url).config();
            authorized(call.timeout_global(Some(within)).build(), request).call()
        }
        Method::Post => send_body(agent.post(&request.url), request, within),
        Method::Put => send_body(agent.put(&request.url), request, within),
    };
    let mut answer = answer.map_err(|error| reason(error, within))?;
    let location = answer.headers().get("location");
    let location = location.and_then(|value| value.to_str().ok().map(str::to_owned));
    let status = answer.status().as_u16();
    let body = answer.body_mut().with_config().limit(LONGEST_ANSWER);
    let body = body.lossy_utf8(true).read_to_string();
    let body = body.map_err(|error| reason(error, within))?;
    Ok(Response {
        status,
        location,
        body,
    })
}

fn send_body(
    call: RequestBuilder<WithBody>,
    request: &Request,
    within: Duration,
) -> Result<Answer<Body>, Error> {
    let call = call.config().timeout_global(Some(within)).build();
    let call = authorized(call, request).header("content-type", request.media_type);
    call.send(request.body.as_deref().unwrap_or("{}"))
}

fn authorized<B>(call: RequestBuilder<B>, request: &Request) -> RequestBuilder<B> {
    match &request.token {
        Some(token) => call.header("authorization", format!("Bearer {}", token.reveal())),
        None => call,
    }
}

fn reason(error: Error, within: Duration) -> SendError {
    match error {
        Error::HostNotFound => SendError::NotConnected("the host is not known".to_owned()),
        Error::ConnectionFailed => SendError::NotConnected("no connection".to_owned()),
        Error::ConnectProxyFailed(text) => SendError::NotConnected(format!("the proxy: {text}")),
        Error::Timeout(Timeout::Resolve | Timeout::Connect) => SendError::NotConnected(format!(
            "no connection within {} s",
            LONGEST_CONNECT.as_secs()
        )),
        Error::Timeout(_) => SendError::TimedOut(within),
        Error::Io(error) => io_reason(&error),
        other => SendError::Refused(other.to_string()),
    }
}

fn io_reason(error: &std::io::Error) -> SendError {
    use std::io::ErrorKind as Kind;
    match error.kind() {
        Kind::ConnectionRefused => SendError::NotConnected("connection refused".to_owned()),
        Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::AddrNotAvailable => {
            SendError::NotConnected(error.to_string())
        }
        Kind::UnexpectedEof => SendError::ConnectionLost(
            "the connection was closed before the whole answer came".to_owned(),
        ),
        _ => SendError::ConnectionLost(error.to_string()),
    }
}

/// Resolves addresses that are numbers without `getaddrinfo`, for which `ureq` would start a thread.
#[derive(Debug, Default)]
struct AddressFirst(DefaultResolver);

impl Resolver for AddressFirst {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let Some(address) = literal_address(uri) else {
            let found = self.0.resolve(uri, config, timeout);
            // `getaddrinfo` fails with an error of no kind of its own: name it here, where it is known.
            return found.map_err(|error| match error {
                Error::Io(_) => Error::HostNotFound,
                other => other,
            });
        };
        let mut found = self.empty();
        found.push(address);
        Ok(found)
    }
}

fn literal_address(uri: &Uri) -> Option<SocketAddr> {
    let host = uri.host()?;
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    let default = if uri.scheme_str() == Some("https") {
        443
    } else {
        80
    };
    Some(SocketAddr::new(
        host.parse().ok()?,
        uri.port_u16().unwrap_or(default),
    ))
}
