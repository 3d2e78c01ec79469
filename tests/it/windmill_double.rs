//! A Windmill on loopback that gives the recorded answers, with the test's own jobs in them.
//!
//! Always so: offsets count characters from 1, the whole rest of a log is one answer, and every request and every character
//! given is counted.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use futures_util::{StreamExt, stream};
use millwright::windmill::Connection;
use millwright_core::refs::JobId;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::windmill_oddities::{self, Oddities};

pub(crate) const TOKEN: &str = "windmill-token";

/// A Windmill.
#[derive(Clone, Default)]
pub(crate) struct Windmill(Arc<Inner>);

#[derive(Default)]
struct Inner {
    jobs: Mutex<BTreeMap<JobId, Job>>,
    files: Mutex<BTreeMap<String, String>>,
    given: AtomicU64,
    oddities: Oddities,
    address: Mutex<Option<SocketAddr>>,
    asked: Mutex<Vec<Asked>>,
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked {
    /// How a job stands.
    Job(JobId),
    /// A job's log from a character on.
    Log(JobId, u64),
    /// A file of a job's older text.
    File(String),
    /// A page of the jobs that have not ended.
    Queue(usize),
    /// A page of all jobs.
    List,
    /// Whether there is the workspace.
    Workspace,
    /// Anything, while every request fails.
    Failed,
}

/// A job as the test wants it.
#[derive(Clone, Default)]
pub(crate) struct Job {
    pub(crate) log: String,
    /// How often the log is repeated.
    pub(crate) times: usize,
    /// Characters that were moved to files.
    pub(crate) moved: u64,
    /// The result, once the job has ended.
    pub(crate) ended: Option<Value>,
    pub(crate) failed: bool,
    pub(crate) flow_status: Option<Value>,
    /// What else its answer says, such as `canceled`.
    pub(crate) said: Value,
    /// Asking how the job stands is answered so.
    pub(crate) broken: Option<StatusCode>,
    /// The log's answer breaks off before its end.
    pub(crate) cut: bool,
    /// The log's answer waits until it is notified.
    pub(crate) held: Option<Arc<Notify>>,
}

pub(crate) type Refusal = (StatusCode, String);

#[derive(Deserialize)]
struct Since {
    log_offset: u64,
}

/// A recorded answer.
pub(crate) fn recorded(name: &str) -> Value {
    static ANSWERS: LazyLock<Value> = LazyLock::new(|| {
        serde_json::from_str(include_str!("../data/windmill/answers.json")).unwrap()
    });
    ANSWERS[name].clone()
}

impl Windmill {
    /// Starts one, and says how it is reached.
    pub(crate) async fn start() -> (Self, String) {
        let windmill = Self::default();
        windmill.serve_at(([127, 0, 0, 1], 0).into()).await;
        let url = windmill.url();
        (windmill, url)
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.0.address.lock().unwrap().unwrap())
    }

    /// Listens at an address.
    pub(crate) async fn serve_at(&self, address: SocketAddr) {
        let windmill = self.clone();
        let routes = Router::new()
            .route("/jobs_u/get/{id}", get(show))
            .route("/jobs_u/getupdate/{id}", get(update))
            .route("/jobs_u/completed/get_result_maybe/{id}", get(result))
            .route("/jobs_u/get_log_file/{*path}", get(file))
            .with_state(windmill.clone());
        let listener = TcpListener::bind(address).await.unwrap();
        *self.0.address.lock().unwrap() = listener.local_addr().ok();
        let service = Router::new().nest("/api/w/starter", routes);
        let service = windmill_oddities::around(service, &windmill);
        tokio::spawn(async move { axum::serve(listener, service).await });
    }

    pub(crate) fn put(&self, job: Job) -> JobId {
        let id = JobId(Uuid::now_v7());
        self.0.jobs.lock().unwrap().insert(
            id,
            Job {
                times: job.times.max(1),
                ..job
            },
        );
        id
    }

    /// A job under an id that a recorded answer has.
    pub(crate) fn put_as(&self, id: &str, job: Job) -> JobId {
        let id = id.parse().unwrap();
        let job = Job {
            times: job.times.max(1),
            ..job
        };
        self.0.jobs.lock().unwrap().insert(id, job);
        id
    }

    pub(crate) fn change(&self, id: JobId, change: impl FnOnce(&mut Job)) {
        change(self.0.jobs.lock().unwrap().get_mut(&id).unwrap());
    }

    /// Windmill forgets a job.
    pub(crate) fn delete(&self, id: JobId) {
        self.0.jobs.lock().unwrap().remove(&id).unwrap();
    }

    /// What is odd about it.
    pub(crate) fn oddities(&self) -> &Oddities {
        &self.0.oddities
    }

    /// Its jobs.
    pub(crate) fn jobs(&self) -> BTreeMap<JobId, Job> {
        self.0.jobs.lock().unwrap().clone()
    }

    pub(crate) fn put_file(&self, path: String, text: String) {
        self.0.files.lock().unwrap().insert(path, text);
    }

    /// Moves a job's text to a file, with text that nobody could read before, and leaves the line that names the file.
    pub(crate) fn move_away(&self, id: JobId, unseen: &str) {
        let mut files = self.0.files.lock().unwrap();
        self.change(id, |job| {
            job.log.push_str(unseen);
            job.moved += job.log.chars().count() as u64;
            let name = format!("{}_{}.txt", files.len(), job.moved);
            let text = std::mem::replace(&mut job.log, names_file(id, &name));
            files.insert(format!("{id}/{name}"), text);
        });
    }

    /// How many characters of logs were given.
    pub(crate) fn given(&self) -> u64 {
        self.0.given.load(Ordering::Relaxed)
    }

    /// The requests since they were last taken.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.0.asked.lock().unwrap().clone()
    }

    /// The requests since this was last called.
    pub(crate) fn take_asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.0.asked.lock().unwrap())
    }

    pub(crate) fn note(&self, asked: Asked) {
        self.0.asked.lock().unwrap().push(asked);
    }

    /// A job, for who has the token.
    pub(crate) fn job(&self, id: &str, headers: &HeaderMap) -> Result<Job, Refusal> {
        if headers
            .get("authorization")
            .is_none_or(|sent| sent != &format!("Bearer {TOKEN}"))
        {
            return Err((
                StatusCode::UNAUTHORIZED,
                "Not authorized: Unauthorized".into(),
            ));
        }
        let known = self
            .0
            .jobs
            .lock()
            .unwrap()
            .get(&id.parse().unwrap())
            .cloned();
        let missing = format!("Not found: Job not found at name {id} (jobs.rs:1140)");
        known.ok_or((StatusCode::NOT_FOUND, missing))
    }
}

/// The line that stands where text was moved to a file.
pub(crate) fn names_file(job: JobId, name: &str) -> String {
    format!("\n[windmill] Previous logs have been saved to disk at logs/{job}/{name}")
}

/// What the API needs to reach one.
pub(crate) fn options(url: &str, token: &str) -> Connection {
    let timeout = Duration::from_secs(2);
    Connection::new(url, Some(token.to_owned()), "starter", timeout).unwrap()
}

async fn show(
    State(windmill): State<Windmill>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let job = windmill.job(&id, &headers)?;
    windmill.note(Asked::Job(id.parse().unwrap()));
    if let Some(status) = job.broken {
        return Err((status, format!("nothing of the job {id}")));
    }
    let mut answer = recorded(match (&job.ended, &job.flow_status) {
        (None, None) => "queued_job",
        (Some(_), None) => "completed_job",
        (None, Some(_)) => "running_flow",
        (Some(_), Some(_)) => "completed_flow",
    });
    answer["id"] = id.into();
    answer.as_object_mut().unwrap().remove("logs");
    if let Some(result) = job.ended {
        answer["success"] = (!job.failed).into();
        answer["result"] = result;
    }
    if let Some(status) = job.flow_status {
        answer["flow_status"] = status;
    }
    for (name, value) in job.said.as_object().into_iter().flatten() {
        answer[name] = value.clone();
    }
    Ok(Json(answer))
}

async fn update(
    State(windmill): State<Windmill>,
    Path(id): Path<String>,
    Query(since): Query<Since>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let job = windmill.job(&id, &headers)?;
    windmill.note(Asked::Log(id.parse().unwrap(), since.log_offset));
    if let Some(held) = &job.held {
        held.notified().await;
    }
    let length = job.log.chars().count() * job.times;
    let skip =
        usize::try_from(since.log_offset.saturating_sub(job.moved).saturating_sub(1)).unwrap();
    let mut answer = recorded(if job.ended.is_some() {
        "last_update"
    } else {
        "update"
    });
    answer.as_object_mut().unwrap().remove("new_logs");
    if skip >= length {
        answer.as_object_mut().unwrap().remove("log_offset");
        return Ok(Json(answer).into_response());
    }
    answer["log_offset"] = json!(job.moved + length as u64 + 1);
    let tail = answer.to_string().replacen('{', ",", 1);
    let one = job.log.chars().count();
    let (mut times, mut within) = (skip / one, skip % one);
    let parts = std::iter::from_fn(move || {
        if times >= job.times {
            return None;
        }
        // Many short repetitions make one part.
        let mut part = String::new();
        while part.len() < 100_000 && times < job.times {
            let begin = job.log.char_indices().nth(within).map_or(0, |(at, _)| at);
            part.push_str(&job.log[begin..]);
            (times, within) = (times + 1, 0);
        }
        windmill
            .0
            .given
            .fetch_add(part.chars().count() as u64, Ordering::Relaxed);
        let quoted = serde_json::to_string(&part).unwrap();
        Some(quoted[1..quoted.len() - 1].to_owned())
    });
    let whole = std::iter::once("{\"new_logs\":\"".to_owned())
        .chain(parts)
        .chain([format!("\"{tail}")]);
    let whole = whole.map(Ok::<_, std::io::Error>);
    let body = if job.cut {
        // What came before is sent while the end waits.
        let end = stream::once(async {
            tokio::task::yield_now().await;
            Err(std::io::ErrorKind::BrokenPipe.into())
        });
        Body::from_stream(stream::iter(whole.take(2)).chain(end))
    } else {
        Body::from_stream(stream::iter(whole))
    };
    Ok(([("content-type", "application/json")], body).into_response())
}

async fn result(
    State(windmill): State<Windmill>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let Ok(job) = windmill.job(&id, &headers) else {
        return Ok(Json(recorded("unknown_result")));
    };
    let mut answer = recorded("result");
    match job.ended {
        Some(result) => {
            answer["success"] = (!job.failed).into();
            answer["result"] = result;
        }
        None => {
            answer = json!({"started": true, "success": null, "completed": false, "result": null});
        }
    }
    Ok(Json(answer))
}

async fn file(
    State(windmill): State<Windmill>,
    Path(path): Path<String>,
) -> Result<String, StatusCode> {
    windmill.note(Asked::File(path.clone()));
    let text = windmill
        .0
        .files
        .lock()
        .unwrap()
        .get(&path)
        .cloned()
        .ok_or(StatusCode::NOT_FOUND)?;
    windmill
        .0
        .given
        .fetch_add(text.chars().count() as u64, Ordering::Relaxed);
    Ok(text)
}
