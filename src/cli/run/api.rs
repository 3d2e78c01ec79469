//! The API that a flow's steps call: the one that the environment names, else one inside this process.
//!
//! Always so: the API inside listens on this machine alone and asks for a token that only the job knows.

use std::io;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::cli::{CommandError, Exit};
use crate::mill::{Mill, MillOptions};
use crate::server::{self, App, ServerOptions, WebhookOptions, WorkOptions};

const URL: &str = "TASKSGODZILLA_API_URL";
const TOKEN: &str = "TASKSGODZILLA_API_TOKEN";

/// An API that is about to serve.
pub(super) struct Prepared {
    options: MillOptions,
    listener: Option<(TcpListener, String)>,
}

/// An API that serves; nothing where the environment names another.
pub(super) struct Serving(Option<(oneshot::Sender<()>, JoinHandle<io::Result<()>>)>);

/// Finds out where the API is, or opens a socket for it.
pub(super) async fn prepare(options: MillOptions) -> Result<Prepared, CommandError> {
    let named = options
        .environment
        .iter()
        .any(|(name, value)| name == URL && !value.is_empty());
    if named {
        return Ok(Prepared {
            options,
            listener: None,
        });
    }
    let unavailable = |error| CommandError::new(Exit::Unavailable, error);
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .map_err(unavailable)?;
    let url = format!("http://{}", listener.local_addr().map_err(unavailable)?);
    let token = Uuid::new_v4().to_string();
    let mut options = options
        .with_variable(URL, &url)
        .with_variable(TOKEN, &token);
    options.base_url = url;
    Ok(Prepared {
        options,
        listener: Some((listener, token)),
    })
}

impl Prepared {
    /// How the mill is set up so that its jobs find the API.
    pub(super) fn options(&self) -> MillOptions {
        self.options.clone()
    }

    /// The API that the environment names.
    pub(super) fn named(&self) -> Option<&str> {
        let mut variables = self.options.environment.iter();
        let url = variables.find(|(name, _)| name == URL && self.listener.is_none());
        url.map(|(_, url)| url.as_str())
    }

    /// Serves, on the mill's database.
    pub(super) fn serve(self, mill: &Mill, work: WorkOptions) -> Result<Serving, CommandError> {
        let Some((listener, token)) = self.listener else {
            return Ok(Serving(None));
        };
        let logs = work
            .make_logs()
            .map_err(|error| CommandError::new(Exit::Unavailable, error))?;
        let options = ServerOptions {
            token: Some(token),
            webhooks: WebhookOptions::default(),
            log_roots: vec![logs],
            windmill: None,
            dist: Vec::new(),
            mill: Some(mill.routes()),
            reconcile_every: None,
            keep_alive: None,
            work,
        };
        let app = App::new(mill.store().clone(), options)
            .map_err(|error| CommandError::new(Exit::BadInput, error))?;
        let (close, closed) = oneshot::channel::<()>();
        let told = async { drop(closed.await) };
        Ok(Serving(Some((
            close,
            tokio::spawn(server::serve(listener, app, told)),
        ))))
    }
}

impl Serving {
    /// Ends the API when what is under way has been answered.
    pub(super) async fn close(self) {
        if let Some((close, serving)) = self.0 {
            let _ = close.send(());
            // The job has ended: whether the API ended well says nothing more about it.
            drop(serving.await);
        }
    }
}
