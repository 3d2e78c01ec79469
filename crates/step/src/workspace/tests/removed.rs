//! Branches that are removed from outside.
//!
//! Always so: what was committed since someone looked is still there.

use super::*;

fn found(project: &Project, name: &str) -> LocalBranch {
    let mut all = local_branches(project.checkout()).unwrap().into_iter();
    all.find(|branch| branch.name == name).unwrap()
}

#[test]
fn a_branch_that_has_moved_or_was_checked_out_since_it_was_looked_at_stays() {
    let project = Project::new();
    let step = project.step("a", "a.txt", "a\n");
    drop(step);
    git(project.checkout(), &["branch", "two", "main"]);
    let looked_at = found(&project, "two");
    git(project.checkout(), &["branch", "--force", "two", BRANCH]);
    let error = delete_branch(project.checkout(), &looked_at).unwrap_err();
    assert!(error.to_string().contains("two has moved"), "{error}");
    let looked_at = found(&project, "two");
    let beside = project.kept.path().join("beside");
    let beside = beside.to_str().unwrap();
    git(
        project.checkout(),
        &["worktree", "add", "--quiet", beside, "two"],
    );
    delete_branch(project.checkout(), &looked_at).unwrap_err();
    assert_eq!(found(&project, "two").commit, looked_at.commit);

    git(project.checkout(), &["worktree", "remove", beside]);
    delete_branch(project.checkout(), &looked_at).unwrap();
    let left = local_branches(project.checkout()).unwrap();
    assert!(!left.contains(&looked_at), "{left:?}");
}
