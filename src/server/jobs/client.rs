//! The client of Windmill's job routes.
//!
//! Always so: a job is asked of the mill first, in process, and of Windmill where the mill does not know it.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Request, StatusCode};
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use millwright_core::refs::JobId;
use serde::de::DeserializeOwned;
use tower::ServiceExt;

use super::error::JobError;
use super::update::Update;
use crate::windmill::{self, Connection, Job, Listed, MaybeResult, reason_of};

/// An answer that is no log is never longer.
pub(in crate::server) const ANSWER_LIMIT: usize = 64 * 1024 * 1024;
/// So many jobs are asked for at once. A server may give fewer.
pub(in crate::server) const PAGE: usize = 1000;
/// The mill has one workspace; its routes take any name.
const MILL_WORKSPACE: &str = "starter";

/// Who knows jobs.
#[derive(Debug, Clone)]
pub(in crate::server) struct JobClient {
    mill: JobServer,
    windmill: Option<JobServer>,
}

/// One server of Windmill's job routes.
#[derive(Debug, Clone)]
pub(in crate::server) struct JobServer(Arc<Transport>);

#[derive(Debug)]
enum Transport {
    Mill(Router),
    Windmill(windmill::Client),
}

/// An answer, as it arrives.
pub(in crate::server) type Content = BoxStream<'static, Result<Bytes, JobError>>;

impl JobClient {
    /// A client of the mill's routes, and of a Windmill where there is one.
    pub(in crate::server) fn new(
        mill: Router,
        windmill: Option<Connection>,
    ) -> Result<Self, reqwest::Error> {
        Ok(Self {
            mill: JobServer(Arc::new(Transport::Mill(mill))),
            windmill: windmill.map(JobServer::windmill).transpose()?,
        })
    }

    /// A job, and who knows it.
    pub(in crate::server) async fn find(&self, id: JobId) -> Result<(JobServer, Job), JobError> {
        match (self.mill.job(id).await, &self.windmill) {
            (Err(JobError::NotFound(_)), None) => Err(JobError::NoWindmill(id)),
            (Err(JobError::NotFound(_)), Some(windmill)) => {
                Ok((windmill.clone(), windmill.job(id).await?))
            }
            (found, _) => Ok((self.mill.clone(), found?)),
        }
    }

    /// Whether a Windmill is asked about jobs that the mill does not know.
    pub(in crate::server) fn has_windmill(&self) -> bool {
        self.windmill.is_some()
    }

    /// Windmill alone, where there is one.
    pub(in crate::server) fn windmill(&self) -> Option<&JobServer> {
        self.windmill.as_ref()
    }

    /// The mill alone.
    pub(in crate::server) fn mill(&self) -> &JobServer {
        &self.mill
    }
}

impl JobServer {
    fn windmill(connection: Connection) -> Result<Self, reqwest::Error> {
        let client = windmill::Client::new(connection)?;
        Ok(Self(Arc::new(Transport::Windmill(client))))
    }

    /// How a job stands, without its log.
    pub(in crate::server) async fn job(&self, id: JobId) -> Result<Job, JobError> {
        let path = format!("jobs_u/get/{id}?no_logs=true&no_code=true");
        let (status, content) = self.ask(&path).await?;
        if status == StatusCode::NOT_FOUND {
            return Err(self.not_found(id, content).await);
        }
        parsed(accepted(status, content, || JobError::NotFound(id))?).await
    }

    /// A job's result, where it has ended; where the answer has more than so many bytes, [`JobError::TooLong`].
    pub(in crate::server) async fn result(
        &self,
        id: JobId,
        limit: usize,
    ) -> Result<MaybeResult, JobError> {
        let path = format!("jobs_u/completed/get_result_maybe/{id}?get_started=true");
        let bytes = whole(self.get(id, &path).await?, limit).await?;
        let result: MaybeResult = from_json(&bytes)?;
        // Windmill answers 200 for a job that it does not know.
        if result.started.is_none() && !result.completed {
            return Err(JobError::NotFound(id));
        }
        Ok(result)
    }

    /// The result alone of a job that has ended, as it arrives.
    pub(in crate::server) async fn result_content(&self, id: JobId) -> Result<Content, JobError> {
        self.get(id, &format!("jobs_u/completed/get_result/{id}"))
            .await
    }

    /// What is new in a job's log since an offset, as it arrives.
    pub(in crate::server) async fn update(
        &self,
        id: JobId,
        offset: u64,
    ) -> Result<Update, JobError> {
        let path = format!("jobs_u/getupdate/{id}?running=true&log_offset={offset}");
        Ok(Update::new(self.get(id, &path).await?))
    }

    /// The older part of a job's log, from the file that Windmill moved it to. `name` is one segment of an address.
    pub(in crate::server) async fn saved_log(
        &self,
        id: JobId,
        name: &str,
    ) -> Result<Content, JobError> {
        self.get(id, &format!("jobs_u/get_log_file/{id}/{name}"))
            .await
    }

    /// A page of the jobs that have not ended, newest first. Pages begin at 1.
    pub(in crate::server) async fn queued(&self, page: usize) -> Result<Vec<JobId>, JobError> {
        let path = format!("jobs/queue/list?per_page={PAGE}&page={page}");
        let (status, content) = self.ask(&path).await?;
        let missing = || JobError::BadAnswer("there is no list of its jobs".to_owned());
        let listed: Vec<Listed> = parsed(accepted(status, content, missing)?).await?;
        Ok(listed.into_iter().map(|job| job.id).collect())
    }

    /// Whether it is this machine's mill.
    pub(in crate::server) fn is_mill(&self) -> bool {
        matches!(&*self.0, Transport::Mill(_))
    }

    /// Whether the workspace is there that is asked about. The mill takes any.
    pub(in crate::server) async fn has_workspace(&self) -> Result<bool, JobError> {
        match &*self.0 {
            Transport::Mill(_) => Ok(true),
            Transport::Windmill(client) => Ok(client.workspace_exists().await?),
        }
    }

    async fn get(&self, id: JobId, path: &str) -> Result<Content, JobError> {
        let (status, content) = self.ask(path).await?;
        accepted(status, content, || JobError::NotFound(id))
    }

    async fn ask(&self, path: &str) -> Result<(StatusCode, Content), JobError> {
        match &*self.0 {
            Transport::Mill(routes) => ask_mill(routes, path).await,
            Transport::Windmill(client) => ask_windmill(client, path).await,
        }
    }

    /// Windmill names the job that it does not know. A 404 that names none comes from something before it.
    async fn not_found(&self, id: JobId, content: Content) -> JobError {
        let said = whole(content, ANSWER_LIMIT).await.unwrap_or_default();
        if String::from_utf8_lossy(&said).contains(&id.to_string()) {
            return JobError::NotFound(id);
        }
        JobError::BadAnswer("a 404 that does not name the job".to_owned())
    }
}

fn accepted(
    status: StatusCode,
    content: Content,
    missing: impl FnOnce() -> JobError,
) -> Result<Content, JobError> {
    match status {
        StatusCode::OK => Ok(content),
        StatusCode::NOT_FOUND => Err(missing()),
        // Without a token Windmill answers 400.
        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Err(JobError::Refused(status))
        }
        other => Err(JobError::BadAnswer(format!("status {other}"))),
    }
}

async fn parsed<T: DeserializeOwned>(content: Content) -> Result<T, JobError> {
    from_json(&whole(content, ANSWER_LIMIT).await?)
}

fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, JobError> {
    serde_json::from_slice(bytes).map_err(|error| JobError::BadAnswer(error.to_string()))
}

async fn whole(mut content: Content, limit: usize) -> Result<Vec<u8>, JobError> {
    let mut bytes = Vec::new();
    while let Some(part) = content.try_next().await? {
        bytes.extend_from_slice(&part);
        if bytes.len() > limit {
            return Err(JobError::TooLong(limit));
        }
    }
    Ok(bytes)
}

async fn ask_mill(routes: &Router, path: &str) -> Result<(StatusCode, Content), JobError> {
    let request = Request::get(format!("/api/w/{MILL_WORKSPACE}/{path}"))
        .body(Body::empty())
        .expect("a job id and plain words make an address");
    let response = match routes.clone().oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    let broken = |error: axum::Error| JobError::BadAnswer(error.to_string());
    let status = response.status();
    let content = response.into_body().into_data_stream().map_err(broken);
    Ok((status, content.boxed()))
}

async fn ask_windmill(
    client: &windmill::Client,
    path: &str,
) -> Result<(StatusCode, Content), JobError> {
    let response = client.answer(path).await?;
    let cut = |error| JobError::Unreachable(reason_of(error));
    let status = response.status();
    Ok((status, response.bytes_stream().map_err(cut).boxed()))
}
