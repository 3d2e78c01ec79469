//! `/codex/runs/{run_id}/logs`: a run's log, whole, in parts, and as it comes.
//!
//! Always so: an offset counts bytes, and a part never splits a character.

mod ansi;
mod append;
mod beneath;
mod chapter;
mod file;
mod follow;
mod job_log;
mod marks;
mod of_job;
mod parked;
mod saved;
mod source;
mod story;
mod stream;
mod whole;

use axum::Json;
use axum::extract::State;
use millwright_core::refs::LogTail;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use ansi::Ansi;
pub(super) use beneath::{Found, LogRoots};
use follow::Chunk;
pub use of_job::{JobLogReader, LogText, Unreadable};
pub(super) use parked::Parked;
use source::{Choice, LogSource};
pub(super) use whole::log_at;

use super::error::{ApiError, ErrorBody, InvalidBody};
use super::extract::{PathParams, QueryParams};
use super::runs::RunPath;
use super::state::AppState;

/// How much one part holds, where it is not said.
const PART: u32 = 64 * 1024;

/// What stands for bytes that are no character: as many, so that offsets stay true.
fn question_marks(bad: usize) -> String {
    "?".repeat(bad)
}

/// The routes of this room.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(whole::show_log, append::append_log))
        .routes(routes!(tail_log))
        .routes(routes!(stream::stream_log))
}

/// Which part of which log.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct TailParams {
    /// Where it begins, in bytes; from the log's beginning where it is not said.
    #[serde(default)]
    #[param(minimum = 0)]
    offset: Option<u64>,
    /// How many bytes at most; 65536 where it is not said.
    #[param(minimum = 1024, maximum = 1_048_576)]
    max_bytes: Option<u32>,
    /// `flow`: the flow's log, where the run has one; `job`: that of the run's own job; `agent`: what its agent says.
    #[param(inline)]
    source: Option<Choice>,
    /// `strip`: without the codes that colour a terminal. Offsets count them all the same.
    #[param(inline)]
    ansi: Option<Ansi>,
}

impl TailParams {
    fn most(&self) -> usize {
        self.max_bytes.unwrap_or(PART) as usize
    }
}

/// A part of a run's log.
///
/// Ask for the next with `offset=<next_offset>`. An offset past the end is taken back to it, one inside a character to the
/// character's beginning.
#[utoipa::path(get, path = "/codex/runs/{run_id}/logs/tail", tag = "logs", params(RunPath, TailParams), responses(
    (status = 200, body = LogTail),
    (status = 404, body = ErrorBody),
    (status = 422, body = InvalidBody),
    (status = 502, description = "Windmill cannot be reached", body = ErrorBody),
    (status = 503, description = "No Windmill is configured", body = ErrorBody),
))]
async fn tail_log(
    State(app): State<AppState>,
    PathParams(path): PathParams<RunPath>,
    QueryParams(params): QueryParams<TailParams>,
) -> Result<Json<LogTail>, ApiError> {
    let choice = params.source.unwrap_or_default();
    let source = LogSource::of_run(&app, path.run_id, choice).await?;
    let offset = params.offset.unwrap_or_default();
    let mut follower = source.reader(&app, offset).await?;
    follower.seek(offset).await?;
    let ansi = params.ansi.unwrap_or_default();
    let chunk = ansi.read(&mut follower, params.most()).await?;
    source.park(&app, follower);
    Ok(Json(tail_of(&source.run.run_id, chunk)))
}

fn tail_of(run_id: &str, chunk: Chunk) -> LogTail {
    LogTail {
        run_id: run_id.to_owned(),
        offset: chunk.offset,
        next_offset: chunk.next_offset,
        eof: chunk.eof,
        chunk: chunk.text,
    }
}
