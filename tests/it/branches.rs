//! `/projects/{id}/branches`: a checkout's branches, listed and removed.
//!
//! Always so: what stays is asked of git itself.

use serde_json::{Value, json};

use crate::api_fixture::Answer;
use crate::git_fixture::{commit_all, git};
use crate::protocol_fixture::{Project, shell_step};

/// A project whose workspace is a checkout with these branches beside `main`.
pub(crate) async fn with_branches(branches: &[&str]) -> Project {
    let project = Project::new().await;
    project.script("work.sh", "echo done");
    commit_all(&project.workspace);
    for branch in branches {
        git(&project.workspace, &["branch", branch]);
    }
    project
}

async fn removed(project: &Project, branch: &str) -> Answer {
    let path = path(project, branch);
    project.api.post(&path, &json!({"confirm": true})).await
}

fn path(project: &Project, branch: &str) -> String {
    let branch = branch.replace('/', "%2F").replace(' ', "%20");
    format!("/projects/{}/branches/{branch}/delete", project.id)
}

async fn listed(project: &Project) -> Value {
    let path = format!("/projects/{}/branches", project.id);
    project.api.get(&path).await.expect(200)["branches"].clone()
}

/// The protocol that sets the project up.
const SETUP: i64 = 1;

/// Lists, removes, and fails to remove.
pub(crate) async fn of_every_kind() -> Project {
    let project = with_branches(&["old/one"]).await;
    listed(&project).await;
    removed(&project, "old/one").await.expect(200);
    removed(&project, "main").await.expect(409);
    project
}

#[tokio::test]
async fn branches_are_listed_and_removed_and_both_are_told() {
    let project = with_branches(&["old/one", "two"]).await;
    assert_eq!(listed(&project).await, json!(["main", "old/one", "two"]));
    let commit = git(&project.workspace, &["rev-parse", "two"]);
    let answer = removed(&project, "old/one").await.expect(200);
    let expected = json!({
        "status": "deleted", "project_id": project.id, "branch": "old/one", "commit": commit,
    });
    assert_eq!(answer, expected);
    assert_eq!(listed(&project).await, json!(["main", "two"]));
    removed(&project, "old/one").await.expect(404);
    let event = project.event(SETUP, "branches_listed").await;
    assert_eq!(
        event["metadata"]["branches"],
        json!(["main", "old/one", "two"])
    );
    assert_eq!(event["metadata"]["project_id"], project.id);
    let event = project.event(SETUP, "branch_deleted").await;
    assert_eq!(event["metadata"]["branch"], "old/one");
    assert_eq!(event["metadata"]["commit"], commit);
}

#[tokio::test]
async fn a_branch_that_someone_needs_stays_and_that_is_told() {
    let project = with_branches(&["out", "from"]).await;
    let beside = project.api.folder.path().join("beside");
    let beside = beside.to_str().unwrap();
    git(
        &project.workspace,
        &["worktree", "add", "--quiet", beside, "out"],
    );
    let steps = json!([shell_step("01-work", "work.sh", json!({}))]);
    let body = json!({"protocol_name": "p", "base_branch": "from",
        "template_config": {"protocol_spec": {"steps": steps}}});
    let protocols = format!("/projects/{}/protocols", project.id);
    let made = project.api.post(&protocols, &body).await.expect(200);
    let protocol = made["id"].as_i64().unwrap();
    let own = format!("millwright/{protocol}-p");
    git(&project.workspace, &["branch", &own]);
    let needs = format!("protocol {protocol} (p) needs");
    for (branch, why) in [
        ("main", "work begins from"),
        ("out", "checked out"),
        ("from", needs.as_str()),
        (own.as_str(), needs.as_str()),
    ] {
        let refused = removed(&project, branch).await.expect(409);
        let detail = refused["detail"].as_str().unwrap();
        assert!(detail.contains(why), "{branch}: {detail}");
        git(&project.workspace, &["rev-parse", "--verify", branch]);
    }
    let event = project.event(SETUP, "branch_delete_failed").await;
    assert_eq!(event["metadata"]["branch"], "main");
    project.action(protocol, "cancel").await.expect(200);
    removed(&project, &own).await.expect(200);
}

#[tokio::test]
async fn a_project_of_an_older_database_has_its_branches_on_record_too() {
    let project = with_branches(&["two"]).await;
    let database = rusqlite::Connection::open(project.api.folder.path().join("test.db")).unwrap();
    let old = "UPDATE protocol_runs SET protocol_name = 'old', template_source = 'not JSON' WHERE id = ?1";
    database.execute(old, [SETUP]).unwrap();
    removed(&project, "two").await.expect(200);
    let event = project.event(SETUP + 1, "branch_deleted").await;
    assert_eq!(event["metadata"]["branch"], "two");
}

#[tokio::test]
async fn what_is_no_branch_or_not_meant_is_refused_before_git_is_asked() {
    let project = with_branches(&["two"]).await;
    for odd in ["-D", "a..b", "a b", "HEAD"] {
        let refused = removed(&project, odd).await.expect(422);
        assert_eq!(
            refused["detail"][0]["loc"],
            json!(["path", "branch"]),
            "{odd}"
        );
    }
    for body in [
        json!({}),
        json!({"confirm": false}),
        json!({"confirm": "no"}),
    ] {
        let path = path(&project, "two");
        project.api.post(&path, &body).await.expect(422);
    }
    assert_eq!(listed(&project).await, json!(["main", "two"]));
    project.api.get("/projects/99/branches").await.expect(404);
}

#[tokio::test]
async fn a_project_without_a_checkout_has_no_branches() {
    let project = Project::new().await;
    let path = format!("/projects/{}/branches", project.id);
    let refused = project.api.get(&path).await.expect(409);
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("no git checkout"), "{detail}");
    removed(&project, "two").await.expect(409);
}
