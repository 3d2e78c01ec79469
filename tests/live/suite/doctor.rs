//! `millwright doctor` against the server: what it finds is what the server says.
//!
//! Always so: nothing is changed but for the doctor's own job.

use serde_json::Value;

use super::Live;

tests![what_is_found_is_so, a_wrong_token_is_found];

/// The status and the sentence of a check.
fn check<'a>(told: &'a Value, name: &str) -> (&'a str, &'a str) {
    let mut checks = told["checks"].as_array().unwrap().iter();
    let found = checks.find(|check| check["name"] == name);
    let found = found.unwrap_or_else(|| panic!("no {name} in {told}"));
    let text = |key: &str| found[key].as_str().unwrap_or_default();
    (text("status"), text("says"))
}

/// What the command tells of this server, whatever else is wrong.
async fn told(live: &Live, token: &str) -> Value {
    let mut command = live.command(&["doctor", "--json", "--api", "http://127.0.0.1:1"]);
    command.env("TASKSGODZILLA_WINDMILL_TOKEN", token);
    let said = live.run(1, command).await;
    serde_json::from_str(&said.stdout).unwrap()
}

async fn what_is_found_is_so(live: &Live) {
    let told = told(live, &live.target.token).await;
    let version = live.client.version().await.unwrap();
    let (status, says) = check(&told, "Windmill");
    assert!(status == "ok" && says.contains(&version), "{says}");
    assert_eq!(check(&told, "Windmill's workspace").0, "ok", "{told}");
    let (status, says) = check(&told, "Windmill's workers");
    assert!(["ok", "skipped"].contains(&status), "{says}");
    let (status, says) = check(&told, "a job on Windmill");
    assert_eq!(status, "ok", "{says}");
    assert_eq!(
        check(&told, "refs API").0,
        "wrong",
        "there is none at that address"
    );
}

async fn a_wrong_token_is_found(live: &Live) {
    let told = told(live, "not-the-token").await;
    let (status, says) = check(&told, "Windmill's workspace");
    assert_eq!(status, "wrong", "{says}");
}
