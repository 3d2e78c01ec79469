//! A protocol whose branch is to become a pull request: a checkout, a bare repository behind its remote, and two APIs.
//!
//! Always so: the forge's host is a real one's name, and git finds the bare repository in its place; nothing leaves this machine.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::api::{Api, Reply, taken};
use crate::git_fixture::{commit_all, git};
use crate::step::JOB;
use crate::step::{Ended, Step};

/// The token, which nobody may see but the forge.
pub(crate) const FORGE_TOKEN: &str = "f0rge-t0ken";
/// The protocol's branch.
pub(crate) const BRANCH: &str = "millwright/3-0001-demo";

/// The protocol with its repositories.
pub(crate) struct Branch {
    folder: TempDir,
    pub(crate) protocols: Api,
    protocol: Value,
}

impl Branch {
    /// A branch with one commit, in a checkout whose remote has this address.
    pub(crate) fn at(address: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let branch = Self {
            protocols: api(folder.path()),
            protocol: json!({"protocol_run_id": 3}),
            folder,
        };
        let checkout = branch.checkout();
        fs::create_dir(&checkout).unwrap();
        fs::write(checkout.join("a.txt"), "a").unwrap();
        commit_all(&checkout);
        git(
            branch.folder.path(),
            &["init", "--quiet", "--bare", "remote.git"],
        );
        git(&checkout, &["remote", "add", "origin", address]);
        let instead = format!("url.{}.insteadOf", branch.remote().display());
        git(&checkout, &["config", &instead, address]);
        git(&checkout, &["checkout", "--quiet", "-b", BRANCH]);
        fs::create_dir_all(checkout.join(".protocols/0001-demo")).unwrap();
        fs::write(
            checkout.join(".protocols/0001-demo/plan.md"),
            "# Plan\n\nMake it\nbetter.\n4\n5\n6\n",
        )
        .unwrap();
        git(&checkout, &["add", "."]);
        git(&checkout, &["commit", "--quiet", "-m", "01-work"]);
        git(&checkout, &["checkout", "--quiet", "main"]);
        branch
    }

    pub(crate) fn github() -> Self {
        Self::at("https://github.com/acme/demo.v2.git")
    }

    pub(crate) fn checkout(&self) -> PathBuf {
        self.folder.path().join("checkout")
    }

    pub(crate) fn remote(&self) -> PathBuf {
        self.folder.path().join("remote.git")
    }

    /// With more arguments.
    pub(crate) fn asking(mut self, more: Value) -> Self {
        let Value::Object(more) = more else {
            panic!("arguments are an object: {more}");
        };
        self.protocol.as_object_mut().unwrap().extend(more);
        self
    }

    /// A forge's program that is played by a shell script, which finds its call's first two words in `$did`.
    pub(crate) fn played(self, name: &str, script: &str) -> Self {
        let path = self.programs().join(name);
        let calls = self.folder.path().join("calls");
        let text = format!(
            "#!/bin/sh\ndid=\"$1 $2\"\nfor word in \"$@\"; do printf '%s\\n' \"$word\" >> '{}'; done\n{script}\n",
            calls.display()
        );
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    /// The words that played programs were called with.
    pub(crate) fn words(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.path().join("calls")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Git, a shell, and what is played; nothing else is installed.
    fn programs(&self) -> PathBuf {
        let folder = self.folder.path().join("bin");
        if !folder.exists() {
            fs::create_dir(&folder).unwrap();
            for name in ["git", "sh"] {
                let path = std::env::var_os("PATH").unwrap();
                let found = std::env::split_paths(&path).map(|folder| folder.join(name));
                let found = found.into_iter().find(|path| path.exists()).unwrap();
                symlink(found, folder.join(name)).unwrap();
            }
        }
        folder
    }

    /// The step, to be run.
    pub(crate) fn step(&self) -> Step {
        Step::named("open_pr", &self.protocol)
            .in_a_flow("open_pr")
            .with_api(&self.protocols)
            .env("PATH", self.programs())
            .env("HOME", self.folder.path())
    }

    /// Runs the step with a token for a forge that answers so.
    pub(crate) fn open(&self, forge: &Api) -> Ended {
        let ended = self
            .step()
            .env("GITHUB_API_URL", &forge.url)
            .env("GITLAB_API_URL", &forge.url)
            .env("GITHUB_TOKEN", FORGE_TOKEN)
            .env("GITLAB_TOKEN", FORGE_TOKEN)
            .run();
        for text in [&ended.stdout, &ended.stderr, &ended.result().to_string()] {
            assert!(!text.contains(FORGE_TOKEN), "{text}");
        }
        let told = self.protocols.calls().join("\n");
        assert!(!told.contains(FORGE_TOKEN), "{told}");
        ended
    }

    /// What was reported to the protocol's API, after that a job begins.
    #[track_caller]
    pub(crate) fn reported(&self) -> Value {
        let calls = self.protocols.calls();
        let start = "POST /protocols/3/pull_request ";
        let bodies = calls.iter().filter_map(|call| call.strip_prefix(start));
        let bodies: Vec<Value> = bodies
            .map(|body| serde_json::from_str(body).unwrap())
            .collect();
        let [begun, outcome] = bodies.as_slice() else {
            panic!("not two reports: {calls:?}");
        };
        assert_eq!(begun["outcome"], "enqueued");
        assert_eq!(begun["job_id"], JOB);
        outcome.clone()
    }

    /// Whether the remote has the branch as the checkout has it.
    pub(crate) fn is_pushed(&self) -> bool {
        let here = git(&self.checkout(), &["rev-parse", BRANCH]);
        let listed = git(
            &self.remote(),
            &["for-each-ref", "--format=%(objectname) %(refname)"],
        );
        listed == format!("{here} refs/heads/{BRANCH}")
    }
}

fn api(folder: &Path) -> Api {
    let checkout = folder.join("checkout").display().to_string();
    Api::answering(move |call| match call {
        "GET /protocols/3" | "POST /protocols/3/pull_request" => Reply::Json(200, protocol()),
        "GET /projects/1" => Reply::Json(200, project(&checkout)),
        call if call.starts_with("GET ") => {
            Reply::Json(404, json!({"detail": "Protocol not found"}))
        }
        call => taken(call),
    })
}

fn protocol() -> Value {
    json!({
        "id": 3, "project_id": 1, "protocol_name": "0001-demo", "status": "completed", "base_branch": "main",
        "worktree_path": null, "protocol_root": null, "description": "More", "template_config": null,
        "template_source": null, "created_at": "", "updated_at": "", "spec_hash": null,
        "spec_validation_status": null, "spec_validated_at": null, "policy_pack_key": null,
        "policy_pack_version": null, "policy_effective_hash": null, "summary": null, "windmill_flow_id": null,
        "speckit_metadata": null,
    })
}

fn project(local_path: &str) -> Value {
    json!({
        "id": 1, "name": "demo", "git_url": "https://me:hush@github.com/acme/demo.v2.git", "local_path": local_path,
        "base_branch": "main", "ci_provider": null, "project_classification": null, "default_models": null,
        "secrets": null, "created_at": "", "updated_at": "", "policy_pack_key": "", "policy_pack_version": "",
        "policy_overrides": null, "policy_repo_local_enabled": false, "policy_effective_hash": null,
        "policy_enforcement_mode": "warn", "description": null, "status": "active", "constitution_version": null,
    })
}
