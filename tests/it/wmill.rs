//! Windmill's official command line, and what it makes of the layout that is generated for it.
//!
//! Always so: it runs in a folder and a home of its own, and asks nobody but the workspace on loopback.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::deploy_fixture::{Deployment, Said, run};
use crate::process::millwright;
use crate::windmill_double::TOKEN;

/// The program, which `make test` installs.
fn wmill() -> PathBuf {
    let program =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/javascript/node_modules/.bin/wmill");
    assert!(
        program.exists(),
        "windmill-cli is not installed: run `npm ci --prefix tests/javascript`, as `make test` does"
    );
    program
}

/// The folder with the generated layout.
async fn layout(deployment: &Deployment) -> PathBuf {
    let out = deployment.folder().join("layout");
    let words = ["flows", "generate", "--layout", "wmill", "--out"];
    let mut command = millwright(deployment.folder(), &words);
    command.arg(&out);
    let said = run(command).await;
    assert_eq!(said.exit, 0, "{}", said.stderr);
    out
}

async fn push(deployment: &Deployment, layout: &Path) -> Said {
    let mut command = Command::new(wmill());
    command.args(["sync", "push", "--yes", "--workspace", "starter"]);
    command.args(["--token", TOKEN, "--base-url", &deployment.workspace.url]);
    command.current_dir(layout).env("HOME", deployment.folder());
    command.env("NO_COLOR", "1").env_remove("WMILL_CONFIG_DIR");
    let said = run(command).await;
    assert_eq!(said.exit, 0, "{}{}", said.stdout, said.stderr);
    said
}

#[tokio::test]
async fn it_pushes_the_layout_once_and_finds_nothing_to_change_then() {
    let deployment = Deployment::new().await;
    let layout = layout(&deployment).await;
    push(&deployment, &layout).await;
    let keys: Vec<String> = deployment.workspace.held().items.keys().cloned().collect();
    let count = |kind: &str| keys.iter().filter(|key| key.starts_with(kind)).count();
    assert_eq!((count("scripts "), count("flows ")), (19, 7), "{keys:?}");
    assert!(
        deployment
            .workspace
            .held()
            .folders
            .contains_key("devgodzilla")
    );
    for key in keys.iter().filter(|key| key.starts_with("scripts ")) {
        let item = deployment.workspace.item(key);
        let ending = if item["language"] == "bun" {
            "ts"
        } else {
            "sh"
        };
        let path = layout.join(item["path"].as_str().unwrap());
        let text = fs::read_to_string(path.with_extension(ending)).unwrap();
        assert_eq!(item["content"], text.as_str(), "{key}");
        assert_ne!(item["schema"]["properties"], Value::Null, "{key}");
    }
    deployment.workspace.take_asked();
    let again = push(&deployment, &layout).await;
    assert!(
        again.stdout.contains("0 changes to apply"),
        "{}",
        again.stdout
    );
    assert_eq!(deployment.workspace.take_writes(), [""; 0]);
}

#[tokio::test]
async fn what_it_pushed_is_what_deploy_would_have_made() {
    let deployment = Deployment::new().await;
    let layout = layout(&deployment).await;
    push(&deployment, &layout).await;
    let plan = deployment.says("").await.stdout;
    let changed = plan
        .lines()
        .filter(|line| line.starts_with(['~', '!']) || line.starts_with("+ script"));
    assert_eq!(changed.collect::<Vec<_>>(), [""; 0], "{plan}");
    deployment.says("--apply").await;
    deployment.says("--check").await;
}
