//! Windmill's job routes, answered from the database.
//!
//! Always so: paths, fields, status codes and texts are those of a Windmill server, so that one client reads both.

mod cancel;
mod error;
mod job;
mod list;
mod logs;
mod result;
mod run;
mod update;

use axum::Router;
use axum::routing::{get, post};

use super::Mill;
use crate::store::Store;

/// What Windmill's `/api/version` says of the server whose behaviour is followed.
const VERSION: &str = "CE v1.592.1";

#[derive(Debug, Clone)]
struct Context {
    store: Store,
}

/// Windmill's job routes over a database: everything but starting jobs. A wish to cancel is noted; the process that
/// runs the job ends it. The routes are served as they are: who mounts them asks for the token.
pub fn routes(store: Store) -> Router {
    reading()
        .route(
            "/api/w/{workspace}/jobs_u/queue/cancel/{id}",
            post(cancel::note),
        )
        .with_state(Context { store })
}

impl Mill {
    /// [`routes`] over this mill's database, with those that start jobs and end them.
    pub fn routes(&self) -> Router {
        let acting = Router::new()
            .route("/jobs_u/queue/cancel/{id}", post(cancel::cancel))
            .route("/jobs/run/f/{*path}", post(run::run_flow))
            .route("/jobs/run/p/{*path}", post(run::run_script));
        let store = self.store().clone();
        Router::new()
            .nest("/api/w/{workspace}", acting)
            .with_state(self.clone())
            .merge(reading().with_state(Context { store }))
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
        .route("/jobs/list", get(list::list));
    Router::new()
        .route("/api/version", get(async || VERSION))
        .nest("/api/w/{workspace}", jobs)
}
