//! A Windmill that is there, and what a test makes on it.
//!
//! Always so: everything is in folders whose name begins with this run's own, and [`Live::clean_up`] removes all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Output};
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use millwright::windmill::{Client, Connection, ItemKind, ItemPath};
use millwright_core::refs::JobId;
use reqwest::Method;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use super::Patience;

/// How long a dependency job or a short job may take on a server that has other work.
const PATIENCE: Patience = Patience {
    whole: Duration::from_mins(3),
    pause: Duration::from_millis(200),
};

/// What every run's folders begin with, before the second at which it began.
const PREFIX: &str = "millwright_live_";
/// No run takes so long.
const LEFT_OVER: Duration = Duration::from_hours(3);

/// Which Windmill.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) url: String,
    pub(crate) token: String,
    pub(crate) workspace: String,
    /// By which name workers reach this machine.
    pub(crate) api_host: String,
    /// How scripts are packaged that are run; nothing for what is usual.
    pub(crate) packaging: Option<&'static str>,
}

/// A Windmill with folders of this run's own.
pub(crate) struct Live {
    pub(crate) target: Target,
    pub(crate) client: Client,
    http: reqwest::Client,
    /// What the names of this run's folders begin with.
    name: String,
    folders: Mutex<BTreeSet<String>>,
    /// How variables of the workspace's environment stood before.
    environment: Mutex<BTreeMap<String, Option<String>>>,
    /// What stands for the refs API's token.
    api_token: String,
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
            api_host: variable("MILLWRIGHT_LIVE_API_HOST")
                .filter(|host| !host.is_empty())
                .unwrap_or_else(|| "127.0.0.1".to_owned()),
            packaging: None,
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
            ..
        } = &target;
        let timeout = Duration::from_secs(30);
        let connection = Connection::new(url, Some(token.clone()), workspace, timeout);
        let client = Client::new(connection.expect("an address and a workspace")).unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let nonce = Uuid::new_v4().simple().to_string();
        let live = Self {
            client,
            http: reqwest::Client::new(),
            name: format!("{PREFIX}{}_{}", now.as_secs(), &nonce[..6]),
            folders: Mutex::default(),
            environment: Mutex::default(),
            api_token: Uuid::new_v4().simple().to_string(),
            here: tempfile::tempdir().unwrap(),
            target,
        };
        let (status, said) = live.ask(Method::GET, "users/whoami", None).await;
        assert_eq!(status, 200, "the server does not let the token in: {said}");
        live.take_over(now).await;
        live
    }

    /// Folders that a run has left which was killed some hours ago are this run's to remove.
    async fn take_over(&self, now: Duration) {
        let (status, listed) = self.ask(Method::GET, "folders/listnames", None).await;
        let names: Vec<String> = serde_json::from_str(&listed).unwrap_or_default();
        assert_eq!(status, 200, "{listed}");
        let is_old = |name: &String| {
            let made = name
                .strip_prefix(PREFIX)
                .and_then(|rest| rest.split('_').next());
            let made = made.and_then(|seconds| seconds.parse().ok());
            made.is_some_and(|made| now.saturating_sub(Duration::from_secs(made)) > LEFT_OVER)
        };
        let mut folders = self.folders.lock().unwrap();
        folders.extend(names.into_iter().filter(is_old));
    }

    /// What stands for the refs API's token.
    pub(crate) fn api_token(&self) -> &str {
        &self.api_token
    }

    /// Has a variable of the workspace's environment stand as it stands now once the suite has ended.
    pub(crate) async fn keep_environment(&self, name: &str) {
        let all = self.client.environment().await.unwrap();
        let own = all
            .into_iter()
            .find(|one| one.is_custom && one.name == name);
        let before = own.map(|one| one.value);
        let mut kept = self.environment.lock().unwrap();
        kept.entry(name.to_owned()).or_insert(before);
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

    /// Starts what was made, without arguments.
    pub(crate) async fn begin(&self, kind: ItemKind, path: &ItemPath) -> JobId {
        self.client.run(kind, path, &Map::new()).await.unwrap()
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
        PATIENCE.until(what, look).await
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
    pub(crate) async fn run(&self, exit: i32, command: Command) -> Said {
        let shown = format!("{:?}", command.get_args().collect::<Vec<_>>());
        let said = self.run_to_its_end(command).await;
        let Said { stdout, stderr, .. } = &said;
        assert_eq!(said.exit, exit, "{shown}: {stdout}\n{stderr}");
        said
    }

    /// Runs a command, which tells no secret.
    pub(crate) async fn run_to_its_end(&self, mut command: Command) -> Said {
        let shown = format!("{:?}", command.get_args().collect::<Vec<_>>());
        let output = tokio::task::spawn_blocking(move || command.output());
        let said = Said::from(output.await.unwrap().unwrap());
        let Said { stdout, stderr, .. } = &said;
        for stream in [stdout, stderr] {
            let secrets = [&self.target.token, &self.api_token];
            assert!(
                !secrets
                    .iter()
                    .any(|secret| stream.contains(secret.as_str())),
                "{shown} tells the token"
            );
        }
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
            ..
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
        let mut problems = self.put_environment_back().await;
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

    async fn put_environment_back(&self) -> Vec<String> {
        let kept = std::mem::take(&mut *self.environment.lock().unwrap());
        let mut problems = Vec::new();
        for (name, value) in kept {
            let body = json!({"name": name, "value": value});
            let route = "workspaces/set_environment_variable";
            let (status, said) = self.ask(Method::POST, route, Some(&body)).await;
            if status != 200 {
                problems.push(format!("the environment's {name}: {said}"));
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
