//! A protocol through a deployed flow: Windmill's workers select, execute and check over the refs API, and every run is on record.
//!
//! Always so: the variable by which jobs find the API stands as it stood before once the suite has ended.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use super::Live;
use super::api::Api;

tests![a_protocol_runs_through_the_deployed_flow];

async fn a_protocol_runs_through_the_deployed_flow(live: &Live) {
    let host = live.target.api_host.as_str();
    let address = if host == "127.0.0.1" { host } else { "0.0.0.0" };
    let api = Api::serve(live, address);
    let seen = api.as_seen_at(host);
    live.keep_environment("TASKSGODZILLA_API_URL").await;
    let folder = live.folder("journey");
    let mut deploy = vec!["deploy", "--folder", &folder, "--apply", "--api-url", &seen];
    if let Some(packaging) = live.target.packaging {
        deploy.extend(["--packaging", packaging]);
    }
    let mut command = live.command(&deploy);
    if address != host {
        command.env("TASKSGODZILLA_API_TOKEN", live.api_token());
    }
    live.run(0, command).await;

    let doctor = api.ends_somehow(&["doctor", "--json"]).await;
    let told: Value = serde_json::from_str(&doctor.stdout).unwrap();
    let checks = told["checks"].as_array().unwrap();
    let reached = checks
        .iter()
        .find(|check| check["name"] == "refs API from a job")
        .unwrap();
    assert_eq!(
        reached["status"], "ok",
        "set MILLWRIGHT_LIVE_API_HOST to this machine's name for the workers: {reached}"
    );

    let protocol = protocol(&api).await;
    let flow = format!("f/{folder}/run_next_step");
    let input = format!("protocol_run_id={protocol}");
    let run = ["run", &flow, "--on", "windmill", "-i", &input];
    let said = live.ends(0, &run).await;
    assert!(
        said.stderr.contains(&format!("✓ {flow}")),
        "{}",
        said.stderr
    );
    let steps = api.get(&format!("/protocols/{protocol}/steps")).await;
    assert_eq!(steps[0]["status"], "completed", "{steps}\n{}", said.stderr);
    assert_eq!(
        fs::read_to_string(api.folder.path().join("work/made.txt")).unwrap(),
        "made\n"
    );

    let runs = api
        .get(&format!("/codex/runs?protocol_run_id={protocol}"))
        .await;
    let runs = runs.as_array().unwrap();
    let of_flow = runs.iter().find(|run| {
        run["job_type"]
            .as_str()
            .is_some_and(|kind| kind.contains("run_next_step"))
    });
    let id = of_flow.unwrap_or_else(|| panic!("{runs:?}"))["run_id"]
        .as_str()
        .unwrap();
    let logs = api.ends(0, &["runs", "logs", id, "-f"]).await;
    assert!(
        logs.stderr.contains("the run has succeeded"),
        "{}",
        logs.stderr
    );
}

/// A protocol that is planned, whose one step writes a file.
async fn protocol(api: &Api<'_>) -> i64 {
    let work = api.folder.path().join("work");
    fs::create_dir(&work).unwrap();
    let script = work.join("make.sh");
    fs::write(&script, "#!/bin/sh\necho made > made.txt\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let project = json!({"name": "live", "local_path": work});
    let project = api.post("/projects", &project).await;
    let step = json!({"id": "01-make", "engine_id": "shell", "prompt_ref": "make.sh", "qa": {"policy": "skip"}});
    let protocol = json!({"protocol_name": "0001-live", "template_config": {"protocol_spec": {"steps": [step]}}});
    let route = format!("/projects/{}/protocols", project["id"]);
    let protocol = api.post(&route, &protocol).await;
    let id = protocol["id"].as_i64().unwrap();
    api.post(&format!("/protocols/{id}/actions/start"), &json!({}))
        .await;
    api.until_planned(id).await;
    id
}
