//! What the handlers share.
//!
//! Always so: it is made once, before the first request, and holds no state of a request.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::auth::Access;
use crate::store::Store;

/// The application, as handlers take it: `State(app): State<AppState>`.
pub type AppState = Arc<App>;

/// What the handlers share.
#[derive(Debug)]
pub struct App {
    /// The database.
    pub store: Store,
    /// Who may call.
    pub access: Access,
    /// Cancelled when the server closes: streams and waiting requests end.
    pub closing: CancellationToken,
}

/// What a server needs besides its database.
#[derive(Debug, Clone, Default)]
pub struct ServerOptions {
    /// The bearer token that every request except `/health` must bring; without one, only this machine is served.
    pub token: Option<String>,
}

impl App {
    /// An application on an open database.
    pub fn new(store: Store, options: ServerOptions) -> AppState {
        Arc::new(Self {
            store,
            access: Access::new(options.token),
            closing: CancellationToken::new(),
        })
    }
}
