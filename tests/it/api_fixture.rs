//! A refs API on a socket of its own, with a database of its own.
//!
//! Always so: it listens on loopback, on a port that the system chose, and is gone with the fixture.

use std::path::Path;

use millwright::server::{self, App, AppState, ServerOptions};
use millwright::store::{Store, StoreOptions};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A running API.
pub(crate) struct Api {
    pub(crate) app: AppState,
    pub(crate) address: String,
    pub(crate) folder: TempDir,
    client: reqwest::Client,
    token: Option<String>,
    serving: JoinHandle<std::io::Result<()>>,
}

/// A client of loopback.
pub(crate) fn client() -> reqwest::Client {
    // Another test has installed it already: then this one has it too.
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Api {
    /// An API without a token.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| ServerOptions::default()).await
    }

    /// An API with what `options` makes of its folder.
    pub(crate) async fn start_with(options: impl FnOnce(&Path) -> ServerOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = options(folder.path());
        Self::on(&folder.path().join("test.db"), folder, options).await
    }

    /// An API on a database that another may have too.
    pub(crate) async fn on(database: &Path, folder: TempDir, options: ServerOptions) -> Self {
        let token = options.token.clone();
        let store = Store::open(&StoreOptions::file(database)).unwrap();
        let app = App::new(store, options).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let ended = std::future::pending();
        let serving = tokio::spawn(server::serve(listener, app.clone(), ended));
        Self {
            app,
            address,
            folder,
            client: client(),
            token,
            serving,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PUT, path).json(body)).await
    }

    /// A request with the API's token.
    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self
            .client
            .request(method, format!("{}{path}", self.address));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        Answer {
            status: response.status(),
            headers: response.headers().clone(),
            text: response.text().await.unwrap(),
        }
    }

    /// Tells the server to end and waits until it has.
    pub(crate) async fn stop(self) -> TempDir {
        self.app.closing.cancel();
        self.serving.await.unwrap().unwrap();
        self.folder
    }
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {} {}", self.status, self.text))
    }

    /// The body as JSON, of an answer with this status.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self.json()
    }
}
