//! Webhooks of forges: whose deliveries are taken, which protocol they are about, and what follows.
//!
//! Always so: a delivery is signed as its forge signs it, and what came of it is read from the protocol's events.

use hmac::{Hmac, KeyInit, Mac};
use millwright::server::{ServerOptions, WebhookOptions};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::api_fixture::{Answer, Api};
use crate::git_fixture::{commit_all, git};
use crate::protocol_fixture::{Project, checked_by, shell_step};
use crate::wait::until;

const TOKEN: &str = "hush-hush";
const VARIABLES: [(&str, &str); 1] = [("TASKSGODZILLA_WEBHOOK_TOKEN", TOKEN)];
const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

/// A project with a repository, whose server takes webhooks.
pub(crate) async fn project(address: &str, more: &[(&str, &str)]) -> Project {
    let variables = [&VARIABLES, more].concat();
    Project::told(&json!({"git_url": address}), &variables).await
}

/// A planned protocol, and its branch.
async fn planned(project: &Project) -> (i64, String) {
    project
        .script("work.sh", "echo done")
        .script("check.sh", "echo VERDICT: PASS");
    let step = shell_step("01-work", "work.sh", checked_by("check.sh"));
    let protocol = project.planned(json!([step])).await;
    (protocol, format!("millwright/{protocol}-0001-demo"))
}

fn signature(body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(TOKEN.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let digits = mac.finalize().into_bytes();
    let digits: Vec<String> = digits.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={}", digits.concat())
}

async fn sent(api: &Api, forge: &str, headers: &[(&str, &str)], body: String) -> Answer {
    let mut request = api.request(Method::POST, &format!("/webhooks/{forge}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    api.send(request.body(body)).await
}

/// Delivers an event of GitHub, and says what became of it.
async fn github(project: &Project, event: &str, delivery: &str, body: &Value) -> String {
    let mut body = body.clone();
    body["repository"] = json!({
        "full_name": "acme/demo", "clone_url": "https://github.com/acme/demo.git",
    });
    let body = body.to_string();
    let headers = [
        ("x-github-event", event),
        ("x-github-delivery", delivery),
        ("x-hub-signature-256", &signature(&body)),
    ];
    status(&sent(&project.api, "github", &headers, body).await)
}

/// Delivers an event of GitLab.
async fn gitlab(project: &Project, event: &str, delivery: &str, body: &Value) -> String {
    let mut body = body.clone();
    body["project"] = json!({"git_http_url": "https://gitlab.com/acme/demo.git"});
    let headers = [
        ("x-gitlab-event", event),
        ("idempotency-key", delivery),
        ("x-gitlab-event-uuid", "of-several"),
        ("x-gitlab-token", TOKEN),
    ];
    status(&sent(&project.api, "gitlab", &headers, body.to_string()).await)
}

#[track_caller]
fn status(answer: &Answer) -> String {
    let taken = answer.expect(202);
    taken["status"].as_str().unwrap().to_owned()
}

fn merged(branch: &str) -> Value {
    json!({"action": "closed", "number": 7, "pull_request": {
        "merged": true, "state": "closed",
        "head": {"ref": branch, "sha": SHA, "repo": {"full_name": "acme/demo"}},
    }})
}

fn check_run(branch: &str, status: &str) -> Value {
    json!({"action": "created", "check_run": {
        "id": 11, "name": "build", "status": status, "conclusion": null, "head_sha": SHA,
        "check_suite": {"id": 12, "head_branch": branch}, "pull_requests": [{"number": 7}],
    }})
}

fn workflow_run(branch: &str, conclusion: &str) -> Value {
    json!({"action": "completed", "workflow_run": {
        "id": 13, "name": "CI", "status": "completed", "conclusion": conclusion, "head_sha": SHA,
        "head_branch": branch, "head_repository": {"full_name": "acme/demo"}, "pull_requests": [],
    }})
}

/// The types of a protocol's events since it was planned.
async fn since_planned(project: &Project, protocol: i64) -> Vec<String> {
    let events = project.events(protocol).await;
    let names = events.iter().map(|event| &event["event_type"]);
    let names = names.map(|name| name.as_str().unwrap().to_owned());
    names
        .skip_while(|name| *name != "planned")
        .skip(1)
        .collect()
}

/// Delivers one event of every kind that GitHub and GitLab are listened to for.
pub(crate) async fn of_every_kind() -> [Project; 2] {
    let hub = project("git@github.com:acme/demo.git", &[]).await;
    let (_, branch) = planned(&hub).await;
    let suite = json!({"check_suite": {"head_branch": branch, "status": "queued"}});
    let state = json!({"state": "pending", "context": "ci", "branches": [{"name": branch}]});
    for (event, body) in [
        ("pull_request", merged(&branch)),
        ("check_run", check_run(&branch, "queued")),
        ("check_suite", suite),
        ("workflow_run", workflow_run(&branch, "failure")),
        ("status", state),
    ] {
        assert_eq!(github(&hub, event, event, &body).await, "taken", "{event}");
    }
    let lab = project("https://gitlab.com/acme/demo", &[]).await;
    let (_, branch) = planned(&lab).await;
    for (event, body) in of_gitlab(&branch) {
        assert_eq!(gitlab(&lab, event, event, &body).await, "taken", "{event}");
    }
    [hub, lab]
}

fn of_gitlab(branch: &str) -> [(&'static str, Value); 3] {
    let request = json!({"object_attributes": {
        "id": 5, "iid": 3, "action": "merge", "state": "merged", "source_branch": branch,
        "source_project_id": 1, "target_project_id": 1, "last_commit": {"id": SHA},
    }});
    let pipeline = json!({"object_attributes": {
        "id": 6, "ref": branch, "tag": false, "sha": SHA, "status": "running",
    }, "merge_request": {"iid": 3, "source_project_id": 1, "target_project_id": 1}});
    let job = json!({"ref": branch, "tag": false, "sha": SHA, "build_id": 8, "build_name": "unit",
        "build_status": "failed", "pipeline_id": 6});
    [
        ("Merge Request Hook", request),
        ("Pipeline Hook", pipeline),
        ("Job Hook", job),
    ]
}

#[tokio::test]
async fn a_merged_pull_request_is_told_once_however_often_it_is_delivered() {
    let project = project("https://github.com/Acme/Demo", &[]).await;
    let (protocol, branch) = planned(&project).await;
    let body = merged(&branch);
    assert_eq!(
        github(&project, "pull_request", "d-1", &body).await,
        "taken"
    );
    assert_eq!(
        github(&project, "pull_request", "d-1", &body).await,
        "repeated"
    );
    let expected = ["github_pull_request", "pr_merged"];
    assert_eq!(since_planned(&project, protocol).await, expected);
    let event = project.event(protocol, "pr_merged").await;
    let told = &event["metadata"];
    assert_eq!(told["pr_number"], 7);
    assert_eq!(told["branch"], branch);
    assert_eq!(told["sha"], SHA);
    assert_eq!(project.status(protocol).await, "planned");
    let mut closed = body;
    closed["pull_request"]["merged"] = json!(false);
    assert_eq!(
        github(&project, "pull_request", "d-2", &closed).await,
        "taken"
    );
    assert_eq!(since_planned(&project, protocol).await.len(), 3);
}

#[tokio::test]
async fn what_gitlab_delivers_is_told_too() {
    let [_, lab] = of_every_kind().await;
    let protocol = 2;
    let expected = [
        "gitlab_merge_request",
        "mr_merged",
        "gitlab_pipeline",
        "ci_triggered",
        "gitlab_job",
    ];
    assert_eq!(since_planned(&lab, protocol).await, expected);
    let [request, pipeline, job] = of_gitlab(&format!("millwright/{protocol}-0001-demo"));
    // One that has an id is known by that alone, one that has none by what it says.
    assert_eq!(
        gitlab(&lab, "Job Hook", "Job Hook", &job.1).await,
        "repeated"
    );
    for became in ["taken", "repeated"] {
        assert_eq!(gitlab(&lab, request.0, "", &request.1).await, became);
        assert_eq!(gitlab(&lab, pipeline.0, "", &pipeline.1).await, became);
    }
    let merged = lab.event(protocol, "mr_merged").await;
    assert_eq!(merged["metadata"]["pr_number"], 3);
    let job = lab.event(protocol, "gitlab_job").await;
    assert_eq!(job["metadata"]["check_name"], "unit");
    assert_eq!(job["metadata"]["status"], "failed");
    assert_eq!(job["metadata"]["build_id"], 8);
}

#[tokio::test]
async fn continuous_integration_begins_once_for_each_commit_of_a_pull_request() {
    let project = project("https://github.com/acme/demo.git", &[]).await;
    let (protocol, branch) = planned(&project).await;
    let mut alone = check_run(&branch, "queued");
    alone["check_run"]["pull_requests"] = json!([]);
    let queued = check_run(&branch, "queued");
    let mut next = check_run(&branch, "in_progress");
    next["check_run"]["head_sha"] = json!("f00");
    for (delivery, body) in [("1", &alone), ("2", &queued), ("3", &queued), ("4", &next)] {
        assert_eq!(github(&project, "check_run", delivery, body).await, "taken");
    }
    let events = project.events(protocol).await;
    let begun = events
        .iter()
        .filter(|event| event["event_type"] == "ci_triggered");
    let commits: Vec<&Value> = begun.map(|event| &event["metadata"]["sha"]).collect();
    assert_eq!(commits, [&json!(SHA), &json!("f00")]);
    let told = project.event(protocol, "github_check_run").await;
    assert_eq!(told["metadata"]["check_name"], "build");
    assert_eq!(told["metadata"]["check_run_id"], 11);
    assert_eq!(told["metadata"]["action"], "created");
}

#[tokio::test]
async fn a_step_that_waits_for_its_check_gets_it_when_ci_has_passed_and_that_is_wanted() {
    for wanted in ["true", "false"] {
        let auto = [("TASKSGODZILLA_AUTO_QA_ON_CI", wanted)];
        let project = project("https://github.com/acme/demo.git", &auto).await;
        let (protocol, branch) = planned(&project).await;
        let step = project.next(protocol, "flow").await;
        project.execute(&step).await;
        let passed = workflow_run(&branch, "success");
        // Whoever executed the step is about to check it.
        assert_eq!(
            github(&project, "workflow_run", "1", &passed).await,
            "taken"
        );
        assert_eq!(project.steps(protocol).await, ["needs_qa"]);
        project.later(std::time::Duration::from_mins(6));
        let failed = workflow_run(&branch, "failure");
        assert_eq!(
            github(&project, "workflow_run", "2", &failed).await,
            "taken"
        );
        assert_eq!(project.steps(protocol).await, ["needs_qa"]);
        assert_eq!(
            github(&project, "workflow_run", "3", &passed).await,
            "taken"
        );
        if wanted == "false" {
            assert_eq!(project.steps(protocol).await, ["needs_qa"]);
            continue;
        }
        let told = project.event(protocol, "qa_enqueued").await;
        assert_eq!(told["metadata"]["source"], "ci");
        assert_eq!(told["metadata"]["provider"], "github");
        project
            .ended(told["metadata"]["job_id"].as_str().unwrap())
            .await;
        until("the protocol is completed", async || {
            (project.status(protocol).await == "completed").then_some(())
        })
        .await;
    }
}

/// A step that is executed and waits for a check, that nobody has claimed when time has passed.
async fn executed(project: &Project, protocol: i64) {
    let step = project.next(protocol, "flow").await;
    project.execute(&step).await;
}

async fn is_checked(project: &Project, protocol: i64) -> bool {
    let types = since_planned(project, protocol).await;
    types.contains(&"qa_enqueued".to_owned())
}

const AUTO: [(&str, &str); 1] = [("TASKSGODZILLA_AUTO_QA_ON_CI", "true")];

#[tokio::test]
async fn a_check_that_did_not_begin_begins_when_the_delivery_is_repeated() {
    let project = project("https://github.com/acme/demo.git", &AUTO).await;
    let (protocol, branch) = planned(&project).await;
    executed(&project, protocol).await;
    let passed = workflow_run(&branch, "success");
    for became in ["taken", "repeated"] {
        assert!(!is_checked(&project, protocol).await);
        assert_eq!(github(&project, "workflow_run", "1", &passed).await, became);
        project.later(std::time::Duration::from_mins(6));
    }
    assert!(is_checked(&project, protocol).await);
    let told = since_planned(&project, protocol).await.into_iter();
    let told = told.filter(|name| name == "github_workflow_run");
    assert_eq!(told.count(), 1);
}

#[tokio::test]
async fn ci_of_another_commit_than_the_branchs_begins_no_check() {
    let project = project("https://github.com/acme/demo.git", &AUTO).await;
    project
        .script("work.sh", "echo done")
        .script("check.sh", "echo VERDICT: PASS");
    commit_all(&project.workspace);
    let (protocol, branch) = planned(&project).await;
    executed(&project, protocol).await;
    project.later(std::time::Duration::from_mins(6));
    let mut passed = workflow_run(&branch, "success");
    let became = github(&project, "workflow_run", "1", &passed).await;
    assert_eq!(became, "taken");
    assert!(!is_checked(&project, protocol).await);
    let tip = git(&project.workspace, &["rev-parse", &branch]);
    passed["workflow_run"]["head_sha"] = tip.into();
    github(&project, "workflow_run", "2", &passed).await;
    assert!(is_checked(&project, protocol).await);
}

#[tokio::test]
async fn a_delivery_reads_of_other_protocols_only_what_their_branches_follow_from() {
    let project = project("https://github.com/acme/demo.git", &[]).await;
    let (protocol, branch) = planned(&project).await;
    let other = project
        .planned(json!([shell_step("b", "work.sh", json!({}))]))
        .await;
    let database = rusqlite::Connection::open(project.api.folder.path().join("test.db")).unwrap();
    let odd = "UPDATE protocol_runs SET template_source = 'not JSON' WHERE id = ?1";
    database.execute(odd, [other]).unwrap();
    let became = github(&project, "pull_request", "1", &merged(&branch)).await;
    assert_eq!(became, "taken");
    project.event(protocol, "pr_merged").await;
}

#[tokio::test]
async fn what_is_about_no_protocol_leaves_nothing_behind() {
    let project = project("https://github.com/acme/demo.git", &[]).await;
    let (protocol, branch) = planned(&project).await;
    let mut of_fork = merged(&branch);
    of_fork["pull_request"]["head"]["repo"]["full_name"] = json!("eve/demo");
    for (event, body) in [
        ("ping", json!({"zen": "Keep it logically awesome."})),
        ("push", json!({"ref": format!("refs/heads/{branch}")})),
        ("pull_request", merged("main")),
        ("pull_request", of_fork),
        ("pull_request", json!({})),
        (
            "check_run",
            json!({"check_run": {"check_suite": {"head_branch": 7}}}),
        ),
    ] {
        let became = github(&project, event, event, &body).await;
        assert_eq!(became, "ignored", "{event} {body}");
    }
    let elsewhere = gitlab(&project, "Job Hook", "1", &of_gitlab(&branch)[2].1).await;
    assert_eq!(elsewhere, "ignored");
    assert!(since_planned(&project, protocol).await.is_empty());
}

#[tokio::test]
async fn a_delivery_that_proves_nothing_is_refused() {
    let project = project("https://github.com/acme/demo.git", &[]).await;
    let (protocol, branch) = planned(&project).await;
    let mut body = merged(&branch);
    body["repository"] =
        json!({"full_name": "acme/demo", "clone_url": "https://github.com/acme/demo.git"});
    let text = body.to_string();
    let changed = text.replace('7', "8");
    let right = signature(&text);
    for (headers, body) in [
        (vec![], &text),
        (vec![("x-hub-signature-256", "sha256=00")], &text),
        (vec![("x-hub-signature-256", right.as_str())], &changed),
        (vec![("authorization", "Bearer hush-hush")], &text),
    ] {
        let headers = [&[("x-github-event", "pull_request")], headers.as_slice()].concat();
        let refused = sent(&project.api, "github", &headers, body.clone()).await;
        refused.expect(401);
    }
    for token in ["", "hush", "hush-hush-hush"] {
        let headers = [("x-gitlab-event", "Job Hook"), ("x-gitlab-token", token)];
        let refused = sent(&project.api, "gitlab", &headers, text.clone()).await;
        refused.expect(401);
    }
    assert!(since_planned(&project, protocol).await.is_empty());
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_the_reason() {
    let project = project("https://github.com/acme/demo.git", &[]).await;
    let form = "payload=%7B%7D".to_owned();
    let signed = signature(&form);
    let headers = [("x-hub-signature-256", signed.as_str())];
    let refused = sent(&project.api, "github", &headers, form)
        .await
        .expect(400);
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("application/json"), "{detail}");
    let headers = [("x-gitlab-token", TOKEN)];
    let large = "x".repeat(4 * 1024 * 1024 + 1);
    let refused = sent(&project.api, "gitlab", &headers, large).await;
    refused.expect(413);
}

#[tokio::test]
async fn webhooks_have_a_token_of_their_own_or_are_not_taken() {
    let variable = |name: &str| (name == VARIABLES[0].0).then(|| TOKEN.to_owned());
    let api = Api::start_with(|_| ServerOptions {
        token: Some("of-the-api".to_owned()),
        webhooks: WebhookOptions::read(variable),
        ..ServerOptions::default()
    })
    .await;
    let bare = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/webhooks/gitlab", api.address);
    let request = bare.post(&url).header("x-gitlab-token", TOKEN).body("{}");
    assert_eq!(request.send().await.unwrap().status(), 202);
    let of_api = bare.post(&url).bearer_auth("of-the-api").body("{}");
    assert_eq!(of_api.send().await.unwrap().status(), 401);

    let none = Api::start().await;
    for forge in ["github", "gitlab"] {
        let headers = [("x-gitlab-token", "")];
        let refused = sent(&none, forge, &headers, "{}".to_owned()).await;
        let detail = refused.expect(503)["detail"].to_string();
        assert!(detail.contains("TASKSGODZILLA_WEBHOOK_TOKEN"), "{detail}");
    }
    let shown = format!("{:?}", WebhookOptions::read(variable));
    assert!(!shown.contains(TOKEN), "{shown}");
}
