//! A Windmill on loopback whose jobs are streams that a test has written, recorded ones among them.
//!
//! Always so: each connection to a stream is the next part that the test wrote for it, and every request is noted.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header::CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// The flow that is deployed, and its jobs in the recordings.
pub(crate) const PATH: &str = "f/clitest/f_slow";
pub(crate) const FLOW: &str = "01a1fda7-8334-096c-e3dd-8e160f251eb2";
pub(crate) const FIRST: &str = "01a1fda7-8352-09e2-033a-5981777c81f4";
pub(crate) const SECOND: &str = "01a1fda7-8f38-6b75-3c91-8c310518b7b1";

/// A Windmill.
#[derive(Clone, Default)]
pub(crate) struct Streams(Arc<Inner>);

#[derive(Default)]
struct Inner {
    held: Mutex<Held>,
    /// Told when a stream is held open.
    open: Notify,
    /// Lets streams that are held open go on.
    resume: Notify,
    serving: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Held {
    /// By job: what each connection to its stream brings.
    streams: BTreeMap<String, VecDeque<Vec<Part>>>,
    asked: Vec<String>,
    /// What is answered to whatever begins so.
    answers: Vec<(&'static str, StatusCode, String)>,
}

/// A part of what a connection brings.
#[derive(Debug, Clone)]
pub(crate) enum Part {
    Bytes(Vec<u8>),
    /// Nothing, until the test lets it go on.
    Hold,
    /// Nothing any more, without an end.
    Break,
    /// No stream: the connection is answered so.
    Answer(StatusCode, &'static str),
}

/// The frames of a recorded stream.
pub(crate) fn recorded(name: &str) -> Vec<String> {
    static STREAMS: LazyLock<BTreeMap<String, Vec<String>>> = LazyLock::new(|| {
        serde_json::from_str(include_str!("../data/windmill/streams.json")).unwrap()
    });
    STREAMS[name].clone()
}

/// The parts of a connection that brings these frames.
pub(crate) fn frames<T: AsRef<str>>(frames: &[T]) -> Vec<Part> {
    let bytes = frames
        .iter()
        .map(|frame| frame.as_ref().as_bytes().to_vec());
    bytes.map(Part::Bytes).collect()
}

impl Streams {
    /// Starts one, and says how it is reached.
    pub(crate) async fn start() -> (Self, String) {
        let streams = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let routes = Router::new().fallback(answer).with_state(streams.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        *streams.0.serving.lock().unwrap() = Some(serving);
        (streams, url)
    }

    /// What the next connection to a job's stream brings.
    pub(crate) fn brings(&self, job: &str, parts: Vec<Part>) {
        let mut held = self.held();
        held.streams
            .entry(job.to_owned())
            .or_default()
            .push_back(parts);
    }

    /// The recorded flow, with its jobs.
    pub(crate) fn bring_recorded(&self) {
        self.brings(FLOW, frames(&recorded("flow_ok")));
        for job in [FIRST, SECOND] {
            self.brings(job, frames(&recorded("job_ok")));
        }
    }

    /// From now on what begins so is answered with this.
    pub(crate) fn answers(&self, route: &'static str, status: StatusCode, text: &str) {
        self.held().answers.push((route, status, text.to_owned()));
    }

    /// The requests so far that begin so.
    pub(crate) fn asked(&self, beginning: &str) -> Vec<String> {
        let held = self.held();
        let asked = held
            .asked
            .iter()
            .filter(|asked| asked.starts_with(beginning));
        asked.cloned().collect()
    }

    /// Waits until a stream is held open.
    pub(crate) async fn held_open(&self) {
        self.0.open.notified().await;
    }

    pub(crate) fn resume(&self) {
        self.0.resume.notify_waiters();
    }

    /// Goes away.
    pub(crate) fn stop(&self) {
        self.0.serving.lock().unwrap().take().unwrap().abort();
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.held.lock().unwrap()
    }
}

async fn answer(State(streams): State<Streams>, request: Request) -> Response {
    let uri = request.uri();
    let path = uri.path_and_query().unwrap().as_str();
    let path = path
        .strip_prefix("/api/w/starter/")
        .unwrap_or(path)
        .to_owned();
    let asked = format!("{} {path}", request.method());
    streams.held().asked.push(asked.clone());
    let told = streams.held().answers.clone();
    if let Some((_, status, text)) = told
        .into_iter()
        .find(|(route, ..)| asked.starts_with(route))
    {
        return (status, text).into_response();
    }
    let (route, rest) = path.rsplit_once('/').unwrap();
    let id = rest.split('?').next().unwrap();
    match route {
        "jobs_u/getupdate_sse" => streams.stream(id),
        "jobs_u/get" => job(id),
        "jobs_u/queue/cancel" => id.to_owned().into_response(),
        "jobs/run/f/f/clitest" => (StatusCode::CREATED, FLOW).into_response(),
        "flows/get/f/clitest" => json!({"path": PATH, "value": {"modules": []}})
            .to_string()
            .into_response(),
        "/api/workspaces" => "true".into_response(),
        _ => (StatusCode::NOT_FOUND, format!("Not found: {path}")).into_response(),
    }
}

/// A job that runs, as the recordings show one.
fn job(id: &str) -> Response {
    let name = if id == FLOW {
        "running_flow"
    } else {
        "queued_job"
    };
    let mut job: Value = crate::windmill_double::recorded(name);
    job["id"] = id.into();
    job["script_path"] = PATH.into();
    if id == FLOW {
        job["flow_status"]["modules"] = json!([]);
    }
    job.to_string().into_response()
}

impl Streams {
    fn stream(&self, job: &str) -> Response {
        let mut held = self.held();
        let parts = held.streams.get_mut(job).and_then(VecDeque::pop_front);
        let parts = parts.unwrap_or_else(|| panic!("nothing was written for {job}"));
        if let [Part::Answer(status, text)] = parts[..] {
            return (status, text).into_response();
        }
        let streams = self.clone();
        let parts = stream::iter(parts).then(move |part| {
            let streams = streams.clone();
            async move { streams.part(part).await }
        });
        let body = Body::from_stream(parts);
        ([(CONTENT_TYPE, "text/event-stream")], body).into_response()
    }

    async fn part(&self, part: Part) -> Result<Bytes, std::io::Error> {
        match part {
            Part::Bytes(bytes) => {
                // So that each part arrives by itself.
                tokio::task::yield_now().await;
                Ok(bytes.into())
            }
            Part::Hold => {
                let resume = self.0.resume.notified();
                self.0.open.notify_one();
                resume.await;
                Ok(Bytes::new())
            }
            Part::Answer(..) => panic!("an answer is a connection's only part"),
            Part::Break => {
                tokio::task::yield_now().await;
                Err(std::io::ErrorKind::BrokenPipe.into())
            }
        }
    }
}
