//! Starts what was deployed, or finds a job that runs.
//!
//! Always so: the inputs are looked at by the deployed schema before anything runs, and what is not there is not guessed
//! at.

use millwright_core::refs::JobId;
use serde_json::{Map, Value};

use crate::cli::run::{RunArgs, target};
use crate::cli::{CommandError, Exit};
use crate::mill::Sources;
use crate::windmill::{Client, ItemKind, ItemPath, WindmillError};

/// A job that runs on Windmill.
pub(super) struct Begun {
    pub(super) job: JobId,
    /// What it is called.
    pub(super) label: String,
    pub(super) path: Option<String>,
    /// Of a flow, its value.
    pub(super) definition: Option<Value>,
}

/// What is about to be started, or runs.
pub(super) enum Ready {
    Runs(Begun),
    Starts {
        deployed: Deployed,
        path: ItemPath,
        inputs: Map<String, Value>,
    },
}

/// Something that was deployed.
pub(super) struct Deployed {
    kind: ItemKind,
    item: Value,
}

/// Finds what the arguments name: what was deployed, with its inputs, or a job.
pub(super) async fn prepare(args: &RunArgs, client: &Client) -> Result<Ready, CommandError> {
    if let Some(job) = args.follow {
        return Ok(Ready::Runs(again(client, job).await?));
    }
    let name = args.target.as_deref().unwrap_or_default();
    let sources = Sources::of_project(&args.root);
    let path = path_of(name, &sources)?;
    let Some(deployed) = find(client, &path).await? else {
        return Err(not_deployed(client, &path).await);
    };
    // One without properties may be one that nobody has written.
    let says_something = |schema: &&Value| {
        let properties = schema["properties"].as_object();
        properties.is_some_and(|properties| !properties.is_empty())
    };
    let schema = Some(&deployed.item["schema"]).filter(says_something);
    let inputs = args.inputs(schema)?;
    Ok(Ready::Starts {
        deployed,
        path,
        inputs,
    })
}

/// Starts it, where it does not run.
pub(super) async fn begin(ready: Ready, client: &Client) -> Result<Begun, CommandError> {
    let (deployed, path, inputs) = match ready {
        Ready::Runs(begun) => return Ok(begun),
        Ready::Starts {
            deployed,
            path,
            inputs,
        } => (deployed, path, inputs),
    };
    let started = client.run(deployed.kind, &path, &inputs).await;
    Ok(Begun {
        job: started.map_err(|error| not_started(error, client))?,
        label: path.to_string(),
        path: Some(path.to_string()),
        definition: deployed.definition(),
    })
}

impl Deployed {
    fn definition(mut self) -> Option<Value> {
        (self.kind == ItemKind::Flow).then(|| self.item["value"].take())
    }
}

/// A request without an answer may have been heard.
fn not_started(error: WindmillError, client: &Client) -> CommandError {
    let is_unheard = matches!(error, WindmillError::Unreachable { .. });
    let CommandError { exit, message } = error.into();
    if !is_unheard {
        return CommandError::new(exit, message);
    }
    let runs = client.connection().address();
    CommandError::new(
        exit,
        format!("{message}\nit may have been started all the same: see {runs}/runs"),
    )
}

async fn again(client: &Client, job: JobId) -> Result<Begun, WindmillError> {
    let found = client.standing(job).await?;
    let path: Option<ItemPath> = found
        .script_path
        .as_ref()
        .and_then(|path| path.parse().ok());
    let deployed = match &path {
        Some(path) if found.flow_status.is_some() => find(client, path).await?,
        _ => None,
    };
    let path = path.map(|path| path.to_string());
    Ok(Begun {
        job,
        label: path.clone().unwrap_or_else(|| job.to_string()),
        path,
        definition: deployed.and_then(Deployed::definition),
    })
}

/// A path as it is; a bare name means the flow that it means here, else ours.
fn path_of(name: &str, sources: &Sources) -> Result<ItemPath, CommandError> {
    let bad = |message: String| CommandError::new(Exit::BadInput, message);
    if target::is_file(name) {
        return Err(bad(format!(
            "{name} is a file, and Windmill runs what was deployed: name its path there, such as f/team/flow"
        )));
    }
    let path = if name.contains('/') {
        name.to_owned()
    } else {
        let known = sources.flow_named(name);
        known.unwrap_or_else(|| format!("f/devgodzilla/{name}"))
    };
    path.parse().map_err(|error| bad(format!("{error}")))
}

/// The flow at a path, else the script.
async fn find(client: &Client, path: &ItemPath) -> Result<Option<Deployed>, WindmillError> {
    for kind in [ItemKind::Flow, ItemKind::Script] {
        if let Some(item) = client.item(kind, path).await? {
            return Ok(Some(Deployed { kind, item }));
        }
    }
    Ok(None)
}

async fn not_deployed(client: &Client, path: &ItemPath) -> CommandError {
    let connection = client.connection();
    let (workspace, address) = (connection.workspace(), connection.address());
    let message = match client.workspace_exists().await {
        Ok(false) => format!("Windmill at {address} has no workspace {workspace:?}"),
        _ => format!(
            "there is no flow or script {path} in the workspace {workspace} of {address}: `millwright deploy --apply` deploys ours"
        ),
    };
    CommandError::new(Exit::BadInput, message)
}
