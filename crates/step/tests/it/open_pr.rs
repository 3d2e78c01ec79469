//! `open_pr` by the APIs of forges, with a bare repository as the remote.
//!
//! Always so: whatever the forge answers, the checkout and its branch are as they were, and the token is seen nowhere.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::api::{Api, Reply};
use crate::git_fixture::git;
use crate::pull_request_fixture::{BRANCH, Branch, FORGE_TOKEN};

const PULLS: &str = "/repos/acme/demo.v2/pulls";
const URL: &str = "https://github.com/acme/demo.v2/pull/7";

fn opened() -> Value {
    json!({"number": 7, "html_url": URL})
}

/// A forge with no open requests that answers the opening of one so.
fn forge(status: u16, answer: Value) -> Api {
    Api::answering(move |call| {
        if call.starts_with("GET ") {
            Reply::Json(200, json!([]))
        } else {
            Reply::Json(status, answer.clone())
        }
    })
}

fn created(forge: &Api) -> Value {
    let calls = forge.calls();
    let start = format!("POST {PULLS} ");
    let body = calls.iter().find_map(|call| call.strip_prefix(&start));
    serde_json::from_str(body.unwrap_or_else(|| panic!("nothing: {calls:?}"))).unwrap()
}

#[test]
fn a_branch_is_pushed_and_a_request_opened_at_github() {
    let branch = Branch::github();
    fs::write(branch.checkout().join("mine.txt"), "mine").unwrap();
    let before = git(&branch.checkout(), &["rev-parse", BRANCH]);
    let forge = forge(201, opened());
    let result = branch.open(&forge).exits(0).result();
    assert_eq!(
        (
            &result["success"],
            &result["provider"],
            &result["pr_number"],
            &result["pr_url"],
            &result["status"]
        ),
        (
            &json!(true),
            &json!("github"),
            &json!(7),
            &json!(URL),
            &json!("open")
        )
    );
    assert!(branch.is_pushed());
    let body = created(&forge);
    assert_eq!(body["title"], "[DevGodzilla] 0001-demo");
    assert_eq!(body["body"], "# Plan\nMake it\nbetter.\n4\n5");
    assert_eq!(
        (&body["head"], &body["base"], &body["draft"]),
        (&json!(BRANCH), &json!("main"), &json!(false))
    );
    let tokens = forge.authorizations();
    assert!(
        tokens
            .iter()
            .all(|sent| sent.as_deref() == Some(&format!("Bearer {FORGE_TOKEN}")))
    );
    let reported = branch.reported();
    assert_eq!(
        (&reported["outcome"], &reported["branch"]),
        (&json!("opened"), &json!(BRANCH))
    );
    assert_eq!(reported["pushed"], true);
    assert_eq!(
        (&reported["number"], &reported["url"]),
        (&json!(7), &json!(URL))
    );
    // Nothing foreign is committed, and nothing is left behind.
    assert_eq!(git(&branch.checkout(), &["rev-parse", BRANCH]), before);
    assert_eq!(
        git(&branch.checkout(), &["status", "--porcelain"]),
        "?? mine.txt"
    );
    let config = fs::read_to_string(branch.checkout().join(".git/config")).unwrap();
    assert!(
        !config.contains("credential") && !config.contains(FORGE_TOKEN),
        "{config}"
    );
}

#[test]
fn title_text_and_draft_are_the_callers() {
    let long = "x".repeat(70_000);
    let branch =
        Branch::github().asking(json!({"title": "One\ntwo", "description": long, "draft": true}));
    let forge = forge(201, opened());
    branch.open(&forge).exits(0);
    let body = created(&forge);
    assert_eq!(
        (&body["title"], &body["draft"]),
        (&json!("One two"), &json!(true))
    );
    assert_eq!(body["body"].as_str().unwrap().len(), 60_000 + "…".len());
}

#[test]
fn a_request_that_is_open_is_found_and_not_doubled() {
    let branch = Branch::github();
    let forge = Api::answering(|_| Reply::Json(200, json!([opened()])));
    let result = branch.open(&forge).exits(0).result();
    assert_eq!(result["pr_number"], 7);
    let head = "acme:millwright%2F3-0001-demo";
    assert_eq!(
        forge.calls(),
        [format!("GET {PULLS}?state=open&head={head}&base=main")]
    );
    assert!(
        branch.is_pushed(),
        "what is new goes to the request that is open"
    );
    assert_eq!(branch.reported()["outcome"], "exists");
}

#[test]
fn one_that_someone_else_opened_meanwhile_is_found_too() {
    let branch = Branch::github();
    let asked = AtomicUsize::new(0);
    let forge = Api::answering(move |call| {
        if call.starts_with("POST ") {
            let message = json!({"message": "A pull request already exists for acme:x."});
            return Reply::Json(422, message);
        }
        match asked.fetch_add(1, Ordering::SeqCst) {
            0 => Reply::Json(200, json!([])),
            _ => Reply::Json(200, json!([opened()])),
        }
    });
    assert_eq!(branch.open(&forge).exits(0).result()["pr_number"], 7);
}

#[test]
fn what_the_forge_refuses_is_told_with_the_way_to_do_it_by_hand() {
    let text = |status, body| Api::answering(move |_| Reply::Text(status, body));
    let invalid = json!({"message": "Validation Failed", "errors": [{"message": "No base"}]});
    let cases = [
        (
            Api::answering(|_| Reply::Json(401, json!({"message": "Bad credentials"}))),
            "it does not take the token in GITHUB_TOKEN (401): Bad credentials",
        ),
        (
            forge(422, invalid),
            "it answered 422: Validation Failed; No base",
        ),
        (
            forge(403, json!({"message": FORGE_TOKEN})),
            "it answered 403: ***; the token in GITHUB_TOKEN may lack the right",
        ),
        (forge(500, json!({})), "it answered 500: no reason given"),
        (
            text(502, "<html>Bad gateway</html>"),
            "it answered 502: its answer is no JSON",
        ),
        (
            text(200, "<html>Sign in</html>"),
            "it answered 200 with no JSON",
        ),
        (
            forge(201, json!({"number": 7})),
            "its answer has no html_url",
        ),
        (
            Api::answering(|_| Reply::Redirect("https://elsewhere/x?y".to_owned())),
            "it redirects to https://elsewhere/x (307)",
        ),
    ];
    for (forge, said) in cases {
        let branch = Branch::github();
        let result = branch.open(&forge).exits(1).result();
        let message = result["message"].as_str().unwrap();
        assert!(message.contains(said), "{said}: {message}");
        let compare = format!("https://github.com/acme/demo.v2/compare/main...{BRANCH}?expand=1");
        assert_eq!(result["compare_url"], compare);
        assert!(
            message.ends_with(&format!("; open it by hand: {compare}")),
            "{message}"
        );
        let reported = branch.reported();
        assert_eq!(
            (&reported["outcome"], &reported["branch"]),
            (&json!("failed"), &json!(BRANCH))
        );
        assert_eq!(reported["pushed"], true);
        assert!(
            reported["message"].as_str().unwrap().contains(said),
            "{reported}"
        );
        assert!(branch.is_pushed());
    }
}

#[test]
fn a_forge_that_is_away_is_named() {
    let branch = Branch::github();
    let ended = branch
        .step()
        .env("GITHUB_API_URL", "http://127.0.0.1:1")
        .env("GITHUB_TOKEN", FORGE_TOKEN)
        .run()
        .exits(1);
    let message = ended.result()["message"].to_string();
    assert!(
        message.contains("github at http://127.0.0.1:1: "),
        "{message}"
    );
    let cut = Api::answering(|_| Reply::HalfAndClose);
    branch.open(&cut).exits(1);
}

#[test]
fn a_merge_request_is_opened_at_gitlab() {
    let url = "https://gitlab.com/a/b/demo/-/merge_requests/4";
    let branch = Branch::at("git@gitlab.com:a/b/demo.git").asking(json!({"draft": true}));
    let forge = forge(201, json!({"iid": 4, "web_url": url}));
    let result = branch.open(&forge).exits(0).result();
    assert_eq!(
        (&result["provider"], &result["pr_number"], &result["pr_url"]),
        (&json!("gitlab"), &json!(4), &json!(url))
    );
    let calls = forge.calls();
    let path = "/projects/a%2Fb%2Fdemo/merge_requests";
    assert!(calls[0].starts_with(&format!(
        "GET {path}?state=opened&source_branch=millwright%2F3"
    )));
    assert!(calls[1].starts_with(&format!("POST {path} ")));
    assert!(
        calls[1].contains(r#""title":"Draft: [DevGodzilla] 0001-demo""#),
        "{calls:?}"
    );
    assert!(
        calls[1].contains(&format!(r#""source_branch":"{BRANCH}""#)),
        "{calls:?}"
    );

    let taken = Branch::at("https://gitlab.com/a/demo.git");
    let conflict = json!({"message": ["Another open merge request already exists"]});
    let refused = self::forge(409, conflict);
    let result = taken.open(&refused).exits(1).result();
    assert!(
        result["message"]
            .to_string()
            .contains("409: Another open merge request")
    );
    assert!(
        result["compare_url"]
            .to_string()
            .contains("/-/merge_requests/new?")
    );
}

#[test]
fn a_push_that_is_refused_opens_nothing_and_moves_nothing() {
    let branch = Branch::github();
    let hook = branch.remote().join("hooks/pre-receive");
    fs::write(
        &hook,
        "#!/bin/sh\necho the branch is protected >&2\nexit 1\n",
    )
    .unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    let forge = forge(201, opened());
    let result = branch.open(&forge).exits(1).result();
    let message = result["message"].as_str().unwrap();
    assert!(
        message.contains("git push") && message.contains("the branch is protected"),
        "{message}"
    );
    assert!(forge.calls().is_empty());
    let reported = branch.reported();
    assert_eq!(
        (&reported["outcome"], &reported["pushed"]),
        (&json!("failed"), &json!(null))
    );
    fs::remove_file(&hook).unwrap();

    // Someone else has pushed to it: that stays.
    let main = git(
        &branch.checkout(),
        &["commit-tree", "-m", "Other", "main^{tree}"],
    );
    let there = format!("{main}:refs/heads/{BRANCH}");
    git(&branch.checkout(), &["push", "--quiet", "origin", &there]);
    let result = branch.open(&forge).exits(1).result();
    assert!(
        result["message"].to_string().contains("rejected"),
        "{result}"
    );
    assert_eq!(git(&branch.remote(), &["rev-parse", BRANCH]), main);
}

#[test]
fn where_there_is_nothing_to_open_it_from_that_is_said() {
    let forge = forge(201, opened());
    let branch = Branch::github();
    git(&branch.checkout(), &["remote", "remove", "origin"]);
    let result = branch.open(&forge).exits(1).result();
    assert!(
        result["message"]
            .to_string()
            .contains("no remote to push to"),
        "{result}"
    );
    let reported = branch.reported();
    assert_eq!(reported["outcome"], "skipped");
    assert_eq!(reported["pushed"], false);
    assert_eq!(reported["git_url"], "https://github.com/acme/demo.v2.git");

    let branch = Branch::github();
    git(&branch.checkout(), &["branch", "-f", BRANCH, "main"]);
    let result = branch.open(&forge).exits(1).result();
    assert!(
        result["message"]
            .to_string()
            .contains("has no commits that main has not")
    );

    let branch = Branch::github();
    git(&branch.checkout(), &["branch", "-D", BRANCH]);
    let result = branch.open(&forge).exits(1).result();
    assert!(
        result["message"]
            .to_string()
            .contains("there is no branch of this protocol here")
    );
    assert_eq!(branch.reported()["outcome"], "skipped");

    let branch = Branch::at("https://bitbucket.org/a/b.git");
    let result = branch.open(&forge).exits(1).result();
    assert!(
        result["message"]
            .to_string()
            .contains("no forge is known at bitbucket.org"),
        "{result}"
    );
    assert!(branch.is_pushed());

    let unknown = Branch::github().asking(json!({"protocol_run_id": 99}));
    let result = unknown.open(&forge).exits(3).result();
    assert_eq!(result["status_code"], 404);
    assert!(forge.calls().is_empty());
}
