//! `millwright deploy`: planned, applied, applied again, changed by hand, somebody else's, pruned; with a secret.
//!
//! Always so: each deployment has a folder of its own, and what came of it is read from the server.

use millwright::windmill::{ItemKind, ItemPath};
use serde_json::{Map, Value, json};

use super::Live;

/// What stands for the API's token.
const SECRET: &str = "a-secret-of-the-live-suite-4711";

tests![
    a_deployment_from_plan_to_prune,
    what_is_somebody_elses_is_left_alone,
    a_job_is_given_a_secret_by_reference,
];

/// The arguments of a deployment to a folder.
fn deploy<'a>(folder: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["deploy", "--folder", folder], more].concat()
}

fn path(folder: &str, name: &str) -> ItemPath {
    format!("f/{folder}/{name}").parse().unwrap()
}

/// What changes with every change of a deployed thing.
async fn versions(live: &Live, folder: &str) -> Vec<(String, String)> {
    let mut versions = Vec::new();
    for (kind, field) in [(ItemKind::Script, "hash"), (ItemKind::Flow, "edited_at")] {
        for item in live.listed(kind, folder).await {
            let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
            versions.push((text("path"), text(field)));
        }
    }
    versions.sort();
    versions
}

async fn a_deployment_from_plan_to_prune(live: &Live) {
    let folder = live.folder("deploy");
    let plan = live.ends(0, &deploy(&folder, &[])).await;
    assert!(plan.stdout.contains("+ folder "), "{}", plan.stdout);
    let made = live.client.folder(&folder).await.unwrap();
    assert!(made.is_none(), "a plan changes nothing");
    live.ends(1, &deploy(&folder, &["--check"])).await;

    let with_token = |more: &[&str]| {
        let mut command = live.command(&deploy(&folder, more));
        command.env("TASKSGODZILLA_API_TOKEN", SECRET);
        command
    };
    let applied = live.run(0, with_token(&["--apply"])).await;
    assert!(
        applied.stderr.contains("the workspace is as it should be"),
        "{}",
        applied.stderr
    );
    let deployed = versions(live, &folder).await;
    assert_eq!(deployed.len(), 26, "{deployed:?}");

    let again = live.run(0, with_token(&["--apply", "--json"])).await;
    let told: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(told["applied"]["done"], json!([]), "{}", again.stdout);
    assert_eq!(
        versions(live, &folder).await,
        deployed,
        "nothing is written"
    );
    live.run(0, with_token(&["--check"])).await;

    change_by_hand(live, &path(&folder, "open_pr")).await;
    let drift = live.run(1, with_token(&["--check"])).await;
    assert!(drift.stdout.contains("- echo changed"), "{}", drift.stdout);
    live.run(0, with_token(&["--apply"])).await;
    live.run(0, with_token(&["--check"])).await;

    keeps_its_secret(live, &folder).await;
    let from_workers = deploy(&folder, &["--apply", "--env-from-workers"]);
    let said = live.ends(0, &from_workers).await;
    let token = "tasksgodzilla_api_token is no longer wanted";
    assert!(said.stdout.contains(token), "{}", said.stdout);
    live.ends(
        0,
        &deploy(&folder, &["--apply", "--env-from-workers", "--prune"]),
    )
    .await;
    let token = path(&folder, "tasksgodzilla_api_token");
    let left = live.client.item(ItemKind::Variable, &token).await.unwrap();
    assert_eq!(left, None);
    live.ends(0, &deploy(&folder, &["--check", "--env-from-workers"]))
        .await;
}

/// Changes a script as a person does.
async fn change_by_hand(live: &Live, path: &ItemPath) {
    let there = live.client.item(ItemKind::Script, path).await.unwrap();
    let there = there.expect("it was deployed");
    let mut script = json!({"parent_hash": there["hash"], "lock": ""});
    for name in ["path", "summary", "description", "language", "schema"] {
        script[name] = there[name].clone();
    }
    let content = there["content"].as_str().unwrap();
    script["content"] = format!("{content}\necho changed\n").into();
    let changed = live.client.create(ItemKind::Script, path, &script).await;
    changed.unwrap();
}

/// The token is a secret, and what is deployed has the reference alone.
async fn keeps_its_secret(live: &Live, folder: &str) {
    let token = path(folder, "tasksgodzilla_api_token");
    let variable = live.client.item(ItemKind::Variable, &token).await.unwrap();
    assert_eq!(variable.unwrap()["is_secret"], true);
    for kind in [ItemKind::Script, ItemKind::Flow, ItemKind::Schedule] {
        for listed in live.listed(kind, folder).await {
            let path: ItemPath = listed["path"].as_str().unwrap().parse().unwrap();
            let item = live.client.item(kind, &path).await.unwrap().unwrap();
            assert!(!item.to_string().contains(SECRET), "{path}");
        }
    }
    let flow = path(folder, "run_next_step");
    let flow = live.client.item(ItemKind::Flow, &flow).await.unwrap();
    assert!(flow.unwrap().to_string().contains(&format!("$var:{token}")));
}

async fn what_is_somebody_elses_is_left_alone(live: &Live) {
    let folder = live.make_folder("foreign").await;
    let mine = live.script(&folder, "open_pr", "echo mine\n").await;
    let said = live
        .ends(1, &deploy(&folder, &["--apply", "--prune"]))
        .await;
    assert!(said.stdout.contains("! script "), "{}", said.stdout);
    let there = live.client.item(ItemKind::Script, &mine).await.unwrap();
    assert_eq!(there.unwrap()["content"], "echo mine\n");
    let flow = path(&folder, "run_next_step");
    let flow = live.client.item(ItemKind::Flow, &flow).await.unwrap();
    assert!(flow.is_some(), "the rest is deployed");
}

async fn a_job_is_given_a_secret_by_reference(live: &Live) {
    let folder = live.make_folder("secret").await;
    let variable = path(&folder, "word");
    let item =
        json!({"path": variable.as_str(), "value": SECRET, "is_secret": true, "description": ""});
    let kind = ItemKind::Variable;
    live.client.create(kind, &variable, &item).await.unwrap();
    let text = "word=\"$1\"\necho \"${#word}\"\n";
    let script = live.script(&folder, "measure", text).await;
    let reference = format!("$var:{variable}");
    let arguments = Map::from_iter([("word".to_owned(), reference.clone().into())]);
    let job = live.client.run(ItemKind::Script, &script, &arguments).await;
    let ended = live.ended(job.unwrap()).await;
    assert_eq!(ended["result"], SECRET.len().to_string(), "{ended}");
    assert_eq!(ended["args"]["word"], reference, "{ended}");
}
