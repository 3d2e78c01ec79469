//! Windmill's job routes, answered from the database.
//!
//! Always so: paths, fields, status codes and texts are those of a Windmill server, so that one client reads both.

mod cancel;
mod error;
mod job;
mod list;
mod logs;
mod result;
mod update;

use axum::Router;
use axum::routing::{get, post};

use crate::store::Store;

/// What Windmill's `/api/version` says of the server whose behaviour is followed.
const VERSION: &str = "CE v1.592.1";

#[derive(Debug, Clone)]
struct Context {
    store: Store,
}

/// Windmill's job routes over a database: everything but starting jobs. They are served as they are; who mounts
/// them asks for the token.
pub fn routes(store: Store) -> Router {
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
        .route("/jobs_u/queue/cancel/{id}", post(cancel::cancel))
        .route("/jobs/list", get(list::list));
    Router::new()
        .route("/api/version", get(async || VERSION))
        .nest("/api/w/{workspace}", jobs)
        .with_state(Context { store })
}
