//! `open_pr` by the forges' own programs, which shell scripts play.
//!
//! Always so: they are asked only where no token is there.

use serde_json::json;

use crate::pull_request_fixture::{BRANCH, Branch};

const PULL: &str = "https://github.com/acme/demo.v2/pull/12";

#[test]
fn without_a_token_and_without_a_program_a_person_is_told_what_to_do() {
    let branch = Branch::github();
    let result = branch.step().run().exits(1).result();
    let message = result["message"].as_str().unwrap();
    let said = "no token is in GITHUB_TOKEN or GH_TOKEN, and gh is not installed; open it by hand: https://github.com/";
    assert!(message.contains(said), "{message}");
    assert!(branch.is_pushed());
    assert_eq!(branch.reported()["outcome"], "failed");

    let other = Branch::at("git@gitlab.example.org:a/b.git");
    let result = other
        .step()
        .env("GITLAB_TOKEN", "hush")
        .run()
        .exits(1)
        .result();
    let message = result["message"].as_str().unwrap();
    let said = "no token is in GITLAB_TOKEN, with the address of its API in GITLAB_API_URL, and glab is not installed";
    assert!(message.contains(said), "{message}");
}

#[test]
fn gh_opens_a_request_with_its_own_login() {
    let script =
        format!("case \"$did\" in 'pr list') echo '[]';; *) echo Creating >&2; echo {PULL};; esac");
    let branch = Branch::github()
        .asking(json!({"title": "--web", "draft": true}))
        .played("gh", &script);
    let result = branch.step().run().exits(0).result();
    assert_eq!(
        (&result["pr_number"], &result["pr_url"]),
        (&json!(12), &json!(PULL))
    );
    let words = branch.words();
    let created = words.iter().position(|word| word == "create").unwrap();
    for word in [
        "--repo=github.com/acme/demo.v2",
        "--base=main",
        &format!("--head={BRANCH}"),
        "--title=--web",
        "--draft",
    ] {
        assert!(
            words[created..].iter().any(|had| had == word),
            "{word}: {words:?}"
        );
    }
    assert_eq!(branch.reported()["outcome"], "opened");
}

#[test]
fn what_gh_lists_is_found_and_nothing_is_opened() {
    let script =
        format!("[ \"$did\" = 'pr list' ] && echo '[{{\"number\":12,\"url\":\"{PULL}\"}}]'");
    let branch = Branch::github().played("gh", &script);
    let result = branch.step().run().exits(0).result();
    assert_eq!(result["pr_number"], 12);
    assert!(!branch.words().contains(&"create".to_owned()));
    assert_eq!(branch.reported()["outcome"], "exists");
}

#[test]
fn glab_opens_a_merge_request() {
    let url = "https://gitlab.example.org/a/b/-/merge_requests/9";
    let script =
        format!("case \"$did\" in 'mr list') echo '[]';; *) echo '!9 x'; echo ' {url}';; esac");
    let branch = Branch::at("git@gitlab.example.org:a/b.git").played("glab", &script);
    let result = branch.step().run().exits(0).result();
    assert_eq!(
        (&result["provider"], &result["pr_number"], &result["pr_url"]),
        (&json!("gitlab"), &json!(9), &json!(url))
    );
    let words = branch.words();
    assert!(
        words.contains(&"--repo=https://gitlab.example.org/a/b".to_owned()),
        "{words:?}"
    );
    assert!(words.contains(&format!("--source-branch={BRANCH}")));
}

#[test]
fn a_program_that_fails_or_talks_nonsense_is_named() {
    for (script, said) in [
        (
            "echo To get started, run gh auth login >&2; exit 4",
            "gh pr list failed with 4: To get started, run",
        ),
        ("echo nonsense", "what gh lists is not understood"),
        (
            "[ \"$did\" = 'pr list' ] && echo '[]'; exit 0",
            "gh opened nothing",
        ),
        (
            "[ \"$did\" = 'pr list' ] && echo '[]' && exit 0; echo aborted >&2; exit 1",
            "gh pr create failed with 1: aborted",
        ),
    ] {
        let branch = Branch::github().played("gh", script);
        let result = branch.step().run().exits(1).result();
        let message = result["message"].as_str().unwrap();
        assert!(message.contains(said), "{script}: {message}");
        assert!(
            message.contains("; or give a token in GITHUB_TOKEN or GH_TOKEN"),
            "{message}"
        );
    }
}
