//! A Windmill that is there, and what a test makes on it.
//!
//! Always so: everything is in folders whose name begins with this run's own, and [`Live::clean_up`] removes all of them.

use std::collections::BTreeSet;
use std::process::{Command, Output};
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use millwright::windmill::{Client, Connection, ItemKind, ItemPath};
use millwright_core::refs::JobId;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

/// How long a dependency job or a short job may take on a server that has other work.
const PATIENCE: Duration = Duration::from_mins(3);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(200);

/// Which Windmill.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) url: String,
    pub(crate) token: String,
    pub(crate) workspace: String,
}

/// A Windmill with folders of this run's own.
pub(crate) struct Live {
    pub(crate) target: Target,
    pub(crate) client: Client,
    http: reqwest::Client,
    /// What the names of this run's folders begin with.
    name: String,
    folders: Mutex<BTreeSet<String>>,
    /// Where commands run.
    here: TempDir,
}

/// What a command said, and how it ended.
pub(crate) struct Said {
    pub(crate) exit: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Target {
    /// The one that the environment names.
    pub(crate) fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let named = |name: &str| {
            let value = variable(&format!("MILLWRIGHT_LIVE_WINDMILL_{name}"));
            value.filter(|value| !value.is_empty())
        };
        Some(Self {
            url: named("URL")?.trim_end_matches('/').to_owned(),
            token: named("TOKEN")?,
            workspace: named("WORKSPACE")?,
        })
    }
}

impl Live {
    /// Reaches the server, which lets the token in.
    pub(crate) async fn start(target: Target) -> Self {
        let Target {
            url,
            token,
            workspace,
        } = &target;
        let timeout = Duration::from_secs(30);
        let connection = Connection::new(url, Some(token.clone()), workspace, timeout);
        let client = Client::new(connection.expect("an address and a workspace")).unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let nonce = Uuid::new_v4().simple().to_string();
        let live = Self {
            client,
            http: reqwest::Client::new(),
            name: format!("millwright_live_{}_{}", now.as_secs(), &nonce[..6]),
            folders: Mutex::default(),
            here: tempfile::tempdir().unwrap(),
            target,
        };
        let (status, said) = live.ask(Method::GET, "users/whoami", None).await;
        assert_eq!(status, 200, "the server does not let the token in: {said}");
        live
    }

    /// The name of a folder of this run's own, which is removed in the end, if anybody makes it.
    pub(crate) fn folder(&self, name: &str) -> String {
        let folder = format!("{}_{name}", self.name);
        self.folders.lock().unwrap().insert(folder.clone());
        folder
    }

    /// Makes a folder of this run's own.
    pub(crate) async fn make_folder(&self, name: &str) -> String {
        let folder = self.folder(name);
        let wish = json!({"name": folder, "summary": "Made by a test of millwright; it can go."});
        self.client.create_folder(&wish).await.unwrap();
        folder
    }

    /// Makes a flow out of its value, and waits until it can be run.
    pub(crate) async fn flow(&self, folder: &str, name: &str, flow: &Value) -> ItemPath {
        let path: ItemPath = format!("f/{folder}/{name}").parse().unwrap();
        let mut item = json!({"path": path.as_str(), "summary": name, "description": "",
            "schema": {"type": "object", "properties": {}, "required": []}});
        item.as_object_mut()
            .unwrap()
            .extend(flow.as_object().unwrap().clone());
        self.client
            .create(ItemKind::Flow, &path, &item)
            .await
            .unwrap();
        let status = self.client.flow_deployment(&path).await.unwrap();
        if let Some(job) = status.job_id {
            self.ended(job.parse().unwrap()).await;
        }
        path
    }

    /// Makes a script in bash.
    pub(crate) async fn script(&self, folder: &str, name: &str, text: &str) -> ItemPath {
        let path: ItemPath = format!("f/{folder}/{name}").parse().unwrap();
        let item = json!({"path": path.as_str(), "summary": name, "description": "", "language": "bash",
            "content": text, "lock": "", "schema": {"type": "object", "properties": {}, "required": []}});
        self.client
            .create(ItemKind::Script, &path, &item)
            .await
            .unwrap();
        path
    }

    /// Waits for a job's end, and gives the job.
    pub(crate) async fn ended(&self, job: JobId) -> Value {
        self.until(&format!("the job {job} has ended"), async || {
            let found = self.client.job(job).await.unwrap();
            (found["type"] == "CompletedJob").then_some(found)
        })
        .await
    }

    /// Looks again and again until there is something to see.
    pub(crate) async fn until<T>(&self, what: &str, look: impl AsyncFn() -> Option<T>) -> T {
        let wait = async {
            loop {
                if let Some(seen) = look().await {
                    return seen;
                }
                tokio::time::sleep(PAUSE).await;
            }
        };
        let seen = tokio::time::timeout(PATIENCE, wait).await;
        seen.unwrap_or_else(|_| panic!("waited in vain until {what}"))
    }

    /// The command, which is told of this server and of no other.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_millwright"));
        command.current_dir(self.here.path()).args(arguments);
        for variable in ["API_URL", "API_TOKEN"] {
            command.env_remove(format!("TASKSGODZILLA_{variable}"));
        }
        command
            .env("WMILL_CONFIG_DIR", self.here.path())
            .env_remove("WMILL_TOKEN")
            .env("TASKSGODZILLA_WINDMILL_URL", &self.target.url)
            .env("TASKSGODZILLA_WINDMILL_TOKEN", &self.target.token)
            .env("TASKSGODZILLA_WINDMILL_WORKSPACE", &self.target.workspace);
        command
    }

    /// Runs the command, which ends with this code.
    pub(crate) async fn ends(&self, exit: i32, arguments: &[&str]) -> Said {
        self.run(exit, self.command(arguments)).await
    }

    /// Runs a command, which ends with this code and tells no secret.
    pub(crate) async fn run(&self, exit: i32, mut command: Command) -> Said {
        let shown = format!("{:?}", command.get_args().collect::<Vec<_>>());
        let output = tokio::task::spawn_blocking(move || command.output());
        let said = Said::from(output.await.unwrap().unwrap());
        let Said { stdout, stderr, .. } = &said;
        for stream in [stdout, stderr] {
            assert!(
                !stream.contains(&self.target.token),
                "{shown} tells the token"
            );
        }
        assert_eq!(said.exit, exit, "{shown}: {stdout}\n{stderr}");
        said
    }

    /// Asks the server for anything below the workspace.
    pub(crate) async fn ask(
        &self,
        method: Method,
        route: &str,
        body: Option<&Value>,
    ) -> (u16, String) {
        let Target {
            url,
            token,
            workspace,
        } = &self.target;
        let request = self
            .http
            .request(method, format!("{url}/api/w/{workspace}/{route}"));
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        let answer = request.bearer_auth(token).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Removes every folder of this run's own with all that is in it, and gives what could not be removed.
    pub(crate) async fn clean_up(&self) -> Vec<String> {
        let folders: Vec<String> = self.folders.lock().unwrap().iter().cloned().collect();
        let mut problems = Vec::new();
        for folder in folders {
            for kind in [
                ItemKind::Schedule,
                ItemKind::Flow,
                ItemKind::Script,
                ItemKind::Variable,
            ] {
                problems.extend(self.remove_all(kind, &folder).await);
            }
            let route = format!("folders/delete/{folder}");
            let (status, said) = self.ask(Method::DELETE, &route, None).await;
            if status != 200 && status != 404 {
                problems.push(format!("the folder f/{folder}: {said}"));
            }
        }
        problems
    }

    /// The things of a kind in a folder.
    pub(crate) async fn listed(&self, kind: ItemKind, folder: &str) -> Vec<Value> {
        let beginning = format!("f/{folder}/");
        let mut listed = self.client.list(kind, &beginning).await.unwrap();
        // An older server lists everything.
        let path = |item: &Value| item["path"].as_str().unwrap_or_default().to_owned();
        listed.retain(|item| path(item).starts_with(&beginning));
        listed
    }

    async fn remove_all(&self, kind: ItemKind, folder: &str) -> Vec<String> {
        let mut problems = Vec::new();
        for item in self.listed(kind, folder).await {
            let path = item["path"].as_str().unwrap_or_default();
            if let Some(problem) = self.remove(kind, &path.parse().unwrap()).await {
                problems.push(problem);
            }
        }
        problems
    }

    async fn remove(&self, kind: ItemKind, path: &ItemPath) -> Option<String> {
        if kind == ItemKind::Script {
            // Only an administrator may delete one; anyone may archive his own.
            let route = format!("scripts/delete/p/{path}");
            let (status, _) = self.ask(Method::POST, &route, Some(&json!({}))).await;
            if status == 200 {
                return None;
            }
        }
        let removed = self.client.remove(kind, path).await;
        removed.err().map(|error| error.to_string())
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self {
            exit: output.status.code().unwrap(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}
