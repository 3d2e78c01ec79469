//! Windmill's job routes, answered from the database.
//!
//! Always so: paths, fields, status codes and texts are those of a Windmill server, so that one client reads both.

mod cancel;
mod error;
mod job;
mod list;
mod logs;
mod result;
mod resume;
mod run;
mod update;
mod wait;

use axum::Router;
use axum::http::{HeaderMap, header};
use axum::routing::{get, post};

use super::Mill;
use super::answers::Answers;
use crate::store::Store;

/// What Windmill's `/api/version` says of the server whose behaviour is followed.
const VERSION: &str = "CE v1.592.1";

#[derive(Debug, Clone)]
struct Context {
    store: Store,
    /// Wakes the flows of this process that wait for people.
    answers: Answers,
    /// The address of the server that mounts the routes, where that is known.
    base_url: String,
}

impl Context {
    /// The address of this server, as whoever asks knows it.
    fn base_url(&self, headers: &HeaderMap) -> String {
        let host = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok());
        match host {
            Some(host) if self.base_url.is_empty() => format!("http://{host}"),
            _ => self.base_url.clone(),
        }
    }
}

/// Windmill's job routes over a database: everything but starting jobs. A wish to cancel is noted; the process that
/// runs the job ends it. The routes are served as they are: who mounts them asks for the token.
pub fn routes(store: Store) -> Router {
    reading()
        .route(
            "/api/w/{workspace}/jobs_u/queue/cancel/{id}",
            post(cancel::note),
        )
        .with_state(Context {
            store,
            answers: Answers::default(),
            base_url: String::new(),
        })
}

impl Mill {
    /// [`routes`] over this mill's database, with those that start jobs and end them.
    pub fn routes(&self) -> Router {
        let acting = Router::new()
            .route("/jobs_u/queue/cancel/{id}", post(cancel::cancel))
            .route("/jobs/run/f/{*path}", post(run::run_flow))
            .route("/jobs/run/p/{*path}", post(run::run_script))
            .route("/jobs/run_wait_result/f/{*path}", post(wait::run_flow))
            .route("/jobs/run_wait_result/p/{*path}", post(wait::run_script));
        let context = Context {
            store: self.store().clone(),
            answers: self.answers().clone(),
            base_url: self.base_url().to_owned(),
        };
        Router::new()
            .nest("/api/w/{workspace}", acting)
            .with_state(self.clone())
            .merge(reading().with_state(context))
    }
}

fn reading() -> Router<Context> {
    let jobs = Router::new()
        .route("/jobs_u/get/{id}", get(job::get))
        .route("/jobs_u/get_logs/{id}", get(logs::get_logs))
        .route("/jobs_u/getupdate/{id}", get(update::get_update))
        .route("/jobs_u/getupdate_sse/{id}", get(update::follow))
        .route("/jobs_u/completed/get/{id}", get(job::get_completed))
        .route("/jobs_u/completed/get_result/{id}", get(result::get_result))
        .route(
            "/jobs_u/completed/get_result_maybe/{id}",
            get(result::get_result_maybe),
        )
        .route("/jobs/list", get(list::list))
        .route(
            "/jobs_u/resume/{id}/{resume_id}/{signature}",
            get(resume::resume).post(resume::resume),
        )
        .route(
            "/jobs_u/cancel/{id}/{resume_id}/{signature}",
            get(resume::cancel).post(resume::cancel),
        )
        .route(
            "/jobs_u/get_flow/{id}/{resume_id}/{signature}",
            get(resume::get_flow),
        )
        .route("/jobs/flow/resume/{id}", post(resume::resume_flow))
        .route(
            "/jobs/job_signature/{id}/{resume_id}",
            get(resume::signature),
        )
        .route("/jobs/resume_urls/{id}/{resume_id}", get(resume::urls));
    Router::new()
        .route("/api/version", get(async || VERSION))
        .nest("/api/w/{workspace}", jobs)
}
