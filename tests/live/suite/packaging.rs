//! A script in each of its packagings: deployed, and run by a worker of the server against a refs API that is started here.
//!
//! Always so: the workspace's own environment stays as it is; what a script is told stands in a copy of it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use millwright::windmill::{ItemKind, ItemPath};
use serde_json::{Map, Value};
use tempfile::TempDir;

use super::Live;

tests![
    a_script_on_the_path_runs_where_the_executable_is,
    a_native_script_runs_on_any_worker,
    a_script_with_its_module_runs_on_any_worker,
];

/// Where the API listens, and its address as the workers reach it, where they do not run on this machine.
const LISTEN: &str = "MILLWRIGHT_LIVE_API_LISTEN";
const URL: &str = "MILLWRIGHT_LIVE_API_URL";
/// A script that asks the API alone, and works in every packaging.
const SCRIPT: &str = "spec_audit";
const TOKEN: &str = "the-live-suites-own";

/// A refs API.
struct Api {
    server: Child,
    url: String,
    _folder: TempDir,
}

impl Api {
    fn start(live: &Live) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listen = std::env::var(LISTEN).unwrap_or_else(|_| "127.0.0.1:0".to_owned());
        let database = format!("sqlite://{}", folder.path().join("live.db").display());
        let words = ["serve", "--listen", &listen, "--database", &database];
        let mut command = live.command(&words);
        command.env("TASKSGODZILLA_API_TOKEN", TOKEN);
        let server = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut server = server.unwrap();
        let mut said = String::new();
        let stdout = server.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut said).unwrap();
        let mut words = said.split_whitespace();
        let own = words.find(|word| word.starts_with("http://")).unwrap();
        let url = std::env::var(URL).unwrap_or_else(|_| own.trim_end_matches('/').to_owned());
        Self {
            server,
            url,
            _folder: folder,
        }
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

/// Deploys everything in a packaging, and gives what became of one script's job.
async fn ran(live: &Live, packaging: &str) -> Value {
    let api = Api::start(live);
    let folder = live.folder(packaging);
    let words = [
        "deploy",
        "--folder",
        &folder,
        "--apply",
        "--env-from-workers",
    ];
    let choice = ["--packaging", packaging];
    live.ends(0, &[&words[..], &choice].concat()).await;
    let path: ItemPath = format!("f/{folder}/{SCRIPT}").parse().unwrap();
    let told = told(live, &path, &api).await;
    let job = live.client.run(ItemKind::Script, &told, &Map::new()).await;
    live.ended(job.unwrap()).await
}

/// A copy that knows the API.
async fn told(live: &Live, path: &ItemPath, api: &Api) -> ItemPath {
    let there = live.client.item(ItemKind::Script, path).await.unwrap();
    let mut script = there.expect("it was deployed");
    let content = script["content"].as_str().unwrap();
    let variables = [
        ("TASKSGODZILLA_API_URL", api.url.as_str()),
        ("TASKSGODZILLA_API_TOKEN", TOKEN),
    ];
    let is_bash = script["language"] == "bash";
    let lines = variables.map(|(name, value)| {
        if is_bash {
            format!("export {name}='{value}'\n")
        } else {
            format!("process.env.{name} = '{value}';\n")
        }
    });
    script["content"] = format!("{}{content}", lines.concat()).into();
    let path: ItemPath = format!("{path}_told").parse().unwrap();
    script["path"] = path.as_str().into();
    let made = live.client.create(ItemKind::Script, &path, &script).await;
    let hash = made.unwrap();
    let status = live.client.script_deployment(&hash).await.unwrap();
    if let Some(job) = status.job_id {
        live.ended(job.parse().unwrap()).await;
    }
    path
}

fn audited(ended: &Value) {
    assert_eq!(
        ended["success"], true,
        "{ended}\nwhere the workers are on other machines, {LISTEN} says where the API listens, and {URL} how they reach it"
    );
    assert!(ended["result"].is_object(), "{ended}");
}

async fn a_script_on_the_path_runs_where_the_executable_is(live: &Live) {
    let ended = ran(live, "path").await;
    if ended["success"] == false {
        let told = ended.to_string();
        assert!(told.contains("millwright-step"), "{told}");
    } else {
        audited(&ended);
    }
}

async fn a_native_script_runs_on_any_worker(live: &Live) {
    audited(&ran(live, "native").await);
}

async fn a_script_with_its_module_runs_on_any_worker(live: &Live) {
    audited(&ran(live, "wasm").await);
}
