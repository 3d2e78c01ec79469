//! The server's life: it takes requests until it is told to end, and ends what is under way.
//!
//! Always so: it ends at most [`GRACE`] after it was told to, and has then told all that it executes to end.

use std::io;
use std::time::Duration;

use axum::serve::ListenerExt;
use tokio::net::TcpListener;

use super::metrics;
use super::reconcile::reconcile;
use super::router::router;
use super::state::AppState;

/// How long requests under way may still take.
const GRACE: Duration = Duration::from_secs(10);

/// Serves until `shutdown` ends or [`App::closing`](super::App) is cancelled, then lets requests under way finish; streams end at once.
///
/// # Errors
/// What the listener reports.
pub async fn serve(
    listener: TcpListener,
    app: AppState,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let closing = app.closing.clone();
    app.work
        .take_up(closing.clone())
        .await
        .map_err(io::Error::other)?;
    metrics::recorder();
    tokio::spawn(keep_house(app.clone()));
    let reconciling = tokio::spawn(reconcile(app.clone()));
    let listener = listener.tap_io(|connection| {
        // Where it cannot be set, small answers take longer, no more.
        drop(connection.set_nodelay(true));
    });
    let told = {
        let closing = closing.clone();
        async move {
            tokio::select! {
                () = shutdown => closing.cancel(),
                () = closing.cancelled() => {}
            }
        }
    };
    let serving = axum::serve(listener, router(&app)).with_graceful_shutdown(told);
    let outcome = tokio::select! {
        outcome = serving.into_future() => outcome,
        () = async { closing.cancelled().await; tokio::time::sleep(GRACE).await } => Ok(()),
    };
    // The task that does it may never have its turn: the runtime ends now, and waits for what is executed.
    app.work.close();
    // It gives back what other servers would wait for; where it cannot, they wait.
    drop(tokio::time::timeout(GRACE, reconciling).await);
    outcome
}

/// Lets go, every few seconds, of what only takes room.
async fn keep_house(app: AppState) {
    let mut every = tokio::time::interval(Duration::from_secs(5));
    while app
        .closing
        .run_until_cancelled(every.tick())
        .await
        .is_some()
    {
        metrics::recorder().run_upkeep();
        app.parked.tidy();
    }
}
