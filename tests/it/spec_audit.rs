//! `millwright spec audit`, `/specs/audit` and the script `spec_audit`: how runs stand with their specs.
//!
//! Always so: the database is one that an earlier version has made, or has as many runs as a large team's.

use std::fs;
use std::path::Path;
use std::process::Command;

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::api_fixture::client;
use crate::process::{Process, millwright};
use crate::protocol_fixture::Project;

/// A server of today over a database of an earlier version, with a project's folder.
struct Older {
    server: Process,
    folder: TempDir,
}

struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Older {
    fn start() -> Self {
        Self::with("")
    }

    /// With more in the database.
    fn with(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let sql = root.join("tests/data/older-database/version-2.sql");
        let sql = fs::read_to_string(sql).unwrap();
        let workspace = folder.path().join("work");
        let sql = sql.replace("{{workspace}}", workspace.to_str().unwrap());
        let database = folder.path().join("old.db");
        let connection = Connection::open(&database).unwrap();
        connection.execute_batch(&sql).unwrap();
        connection.execute_batch(more).unwrap();
        drop(connection);
        for (name, text) in [
            (".protocols/0001-files/00-setup.md", "Set up."),
            (".protocols/0001-files/01-build.md", "Build."),
            (".protocols/0001-files/plan.md", "The plan."),
            (".protocols/0009-others/01-else.md", "Something else."),
            (
                "specs/0002-tasks/tasks.md",
                "- [x] T001: make it\n- [ ] T002: try it [DEPENDS: T001]\n- [x] T003: rest\n",
            ),
            (
                "agents/config/main.agents.js",
                "module.exports = [{id: 'plan', promptPath: 'prompts/plan.md'}]",
            ),
            (
                "agents/config/modules.js",
                "module.exports = [{id: 'm', behavior: {type: 'trigger', triggerAgentId: 'nobody', targetAgentId: 'plan'}}]",
            ),
            ("agents/prompts/plan.md", "Plan."),
        ] {
            let path = workspace.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let mut serve = Process::serving(folder.path());
        serve
            .arg("--database")
            .arg(format!("sqlite://{}", database.display()));
        Self {
            server: Process::start(serve),
            folder,
        }
    }

    fn audit(&self, args: &[&str]) -> Said {
        let mut command = millwright(self.folder.path(), &["spec", "audit"]);
        let output = command
            .args(args)
            .env("TASKSGODZILLA_API_URL", &self.server.url)
            .output()
            .unwrap();
        Said {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// What each run came to, in a word, and the counts.
    fn outcomes(&self, args: &[&str]) -> (Vec<(i64, String)>, Value) {
        let said = self.audit(&[args, &["--json"]].concat());
        let mut lines: Vec<Value> = said
            .out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let counts = lines.pop().unwrap_or_else(|| panic!("{}", said.err));
        let outcome = |line: &Value| {
            (
                line["protocol_run_id"].as_i64().unwrap(),
                line["outcome"].as_str().unwrap().to_owned(),
            )
        };
        (lines.iter().map(outcome).collect(), counts)
    }

    async fn get(&self, path: &str) -> Value {
        self.server.get(&client(), path).await
    }

    /// Everything in the tables that an audit may touch.
    fn dump(&self) -> Vec<String> {
        let connection = Connection::open(self.folder.path().join("old.db")).unwrap();
        let mut rows = Vec::new();
        for table in ["protocol_runs", "step_runs", "events"] {
            let mut query = connection
                .prepare(&format!("SELECT * FROM {table} ORDER BY id"))
                .unwrap();
            let columns = query.column_count();
            let found = query.query_map([], |row| {
                let cells = (0..columns).map(|at| Ok(shown(row.get_ref(at)?)));
                cells.collect::<Result<Vec<_>, rusqlite::Error>>()
            });
            rows.extend(found.unwrap().map(|row| row.unwrap().join(" | ")));
        }
        rows
    }
}

fn shown(cell: ValueRef<'_>) -> String {
    match cell {
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        other => format!("{other:?}"),
    }
}

fn named(pairs: [(i64, &str); 9]) -> Vec<(i64, String)> {
    pairs.map(|(id, outcome)| (id, outcome.to_owned())).to_vec()
}

#[tokio::test]
async fn an_older_database_is_audited_and_its_runs_get_specs() {
    let older = Older::start();
    let before = older.dump();
    let (outcomes, counts) = older.outcomes(&[]);
    let looked_at = named([
        (11, "derivable"),
        (12, "derivable"),
        (13, "derivable"),
        (14, "derivable"),
        (15, "derivable"),
        (16, "unplanned"),
        (17, "valid"),
        (18, "invalid"),
        (19, "underivable"),
    ]);
    assert_eq!(outcomes, looked_at);
    assert_eq!(counts["audited"], 9);
    let is_event = |row: &&String| row.contains("spec_audit");
    let after = older.dump();
    assert_eq!(after.iter().filter(is_event).count(), 9);
    let rest = after.into_iter().filter(|row| !row.contains("spec_audit"));
    assert_eq!(
        rest.collect::<Vec<_>>(),
        before,
        "nothing but events is written"
    );

    let said = older.audit(&["--backfill"]);
    assert_eq!(said.code, Some(1), "some are left without a valid spec");
    insta::with_settings!({filters => vec![("hash [0-9a-f]{12}", "hash …")]}, {
        insta::assert_snapshot!(said.out);
    });
    assert!(
        said.err.contains(
            "warning: 0003-agents: agents/config/main.agents.js: entry 0: the trigger m is left out"
        ) || said.err.contains("trigger m"),
        "{}",
        said.err
    );
    let settled = older.dump();
    let (outcomes, counts) = older.outcomes(&["--backfill"]);
    assert_eq!(outcomes[0], (11, "valid".to_owned()));
    assert_eq!(
        counts["counts"],
        json!({"valid": 6, "invalid": 1, "backfilled": 0, "derivable": 0, "underivable": 1, "unplanned": 1})
    );
    assert_eq!(older.dump(), settled, "twice changes nothing");
    older.outcomes(&[]);
    assert_eq!(older.dump(), settled, "nor does looking again");
}

#[tokio::test]
async fn what_runs_have_done_and_decided_stays_theirs() {
    let older = Older::start();
    let before = older.get("/protocols/12/steps").await;
    older.audit(&["--backfill"]);
    let view = older.get("/protocols/12/spec").await;
    assert_eq!(view["validation_status"], "valid");
    let steps = &view["spec"]["steps"];
    assert_eq!(steps[0]["id"], "T001");
    assert_eq!(steps[1]["depends_on"], json!(["T001"]));
    assert_eq!(
        (&steps[1]["engine_id"], &steps[1]["model"]),
        (&json!("codex"), &json!("gpt-5"))
    );
    assert_eq!(steps[1]["policies"][0]["max_iterations"], 2);
    assert_eq!(steps[1]["prompt_ref"], "specs/0002-tasks/tasks.md");
    assert_eq!(
        steps.as_array().unwrap().len(),
        2,
        "a task that is done and has no row is no step"
    );
    let mut after = older.get("/protocols/12/steps").await;
    assert_eq!(after[1]["depends_on"], json!([103]));
    after[1]["depends_on"] = Value::Null;
    after[1]["updated_at"] = before[1]["updated_at"].clone();
    assert_eq!(after, before);
    let run = older.get("/protocols/12").await;
    assert_eq!(run["status"], "running");
    assert_eq!(run["template_config"]["branch"], "feature/tasks");
    let entries = older.get("/protocols/15/spec").await;
    assert_eq!(entries["spec"]["steps"][0]["our_own"], json!([1]));
    let ours = older.get("/protocols/17/spec").await;
    assert_eq!(ours["spec"]["steps"][0]["engine_id"], "our-own");
    assert_eq!(ours["validation_status"], "valid");
    let events = older
        .get("/events?protocol_run_id=11&event_type=spec_audit")
        .await;
    assert_eq!(events[0]["metadata"]["outcome"], "backfilled");
    assert_eq!(events[0]["metadata"]["source"], "files");
    assert_eq!(
        events[0]["metadata"]["spec_hash"],
        older.get("/protocols/11").await["spec_hash"]
    );
}

#[tokio::test]
async fn an_audit_is_of_a_project_or_of_one_run() {
    let older = Older::start();
    let ids = |args: &[&str]| -> Vec<i64> {
        older
            .outcomes(args)
            .0
            .into_iter()
            .map(|(id, _)| id)
            .collect()
    };
    assert_eq!(ids(&["--project", "2"]), [14]);
    assert_eq!(ids(&["--protocol", "17"]), [17]);
    let valid = older.audit(&["--protocol", "17"]);
    assert_eq!(valid.code, Some(0), "{}", valid.out);
    for args in [["--project", "9"], ["--protocol", "9"]] {
        let said = older.audit(&args);
        assert_eq!(said.code, Some(2), "{}", said.err);
        assert!(said.err.contains("not found"), "{}", said.err);
    }
    let answer = |body: Value| {
        let request = client()
            .post(format!("{}/specs/audit", older.server.url))
            .json(&body);
        async move {
            let answer = request.send().await.unwrap();
            (
                answer.status().as_u16(),
                answer.json::<Value>().await.unwrap(),
            )
        }
    };
    let (status, page) = answer(json!({"limit": 4})).await;
    assert_eq!((status, &page["next"]), (200, &json!(14)));
    let (_, page) = answer(json!({"limit": 4, "after": 18})).await;
    assert_eq!(
        (page["results"].as_array().unwrap().len(), &page["next"]),
        (1, &Value::Null)
    );
    assert_eq!(
        answer(json!({"project_id": 1, "protocol_id": 14})).await.0,
        404
    );
    for body in [
        json!({"limit": 0}),
        json!({"limit": 501}),
        json!({"backfill": "perhaps"}),
        json!([]),
    ] {
        assert_eq!(answer(body.clone()).await.0, 422, "{body}");
    }
}

/// What no search for a spec may stumble over.
#[tokio::test]
async fn what_lies_where_a_spec_is_looked_for_is_told_and_harms_nothing() {
    let older = Older::start();
    let work = older.folder.path().join("work");
    let list = work.join("specs/0006-nothing");
    fs::create_dir_all(&list).unwrap();
    let made = Command::new("mkfifo")
        .arg(list.join("tasks.md"))
        .status()
        .unwrap();
    assert!(made.success());
    fs::remove_dir_all(work.join("agents/prompts")).unwrap();
    fs::write(work.join("agents/config/main.agents.js"), "for (;;) {}").unwrap();
    fs::remove_dir_all(work.join(".protocols/0001-files")).unwrap();
    std::os::unix::fs::symlink("/etc", work.join(".protocols/0001-files")).unwrap();
    let before = older.dump();
    let said = older.audit(&["--backfill", "--project", "1"]);
    for expected in [
        "specs/0006-nothing/tasks.md: is no regular file",
        "config/main.agents.js: it runs for more than 2 s",
        "hash ",
    ] {
        assert!(said.out.contains(expected), "{expected}: {}", said.out);
    }
    let of = |dump: Vec<String>, id: i64| {
        dump.into_iter()
            .find(|row| row.starts_with(&format!("Integer({id})")))
            .unwrap()
    };
    for untouched in [13, 16, 19] {
        assert_eq!(of(older.dump(), untouched), of(before.clone(), untouched));
    }
}

#[tokio::test]
async fn the_script_gives_what_a_flow_can_hand_on() {
    let older = Older::start();
    let output = Command::new(crate::step_executable::program())
        .args(["spec_audit", "--args", r#"{"backfill": true}"#])
        .current_dir(older.folder.path())
        .env("TASKSGODZILLA_API_URL", &older.server.url)
        .env_remove("WM_JOB_ID")
        .output()
        .unwrap();
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(output.status.success(), "{result}");
    assert_eq!(
        (&result["audited"], &result["all_valid"]),
        (&json!(9), &json!(false))
    );
    assert_eq!(result["counts"]["backfilled"], 5);
    let named: Vec<&Value> = result["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| &finding["protocol_run_id"])
        .collect();
    assert_eq!(named, [18, 19]);
}

#[tokio::test]
async fn ten_thousand_runs_are_audited_in_bounded_memory() {
    let many = "
        WITH RECURSIVE n(id) AS (SELECT 1000 UNION ALL SELECT id + 1 FROM n WHERE id < 10999)
        INSERT INTO protocol_runs (id, project_id, protocol_name, status, base_branch, created_at, updated_at)
        SELECT id, 2, 'many-' || id, 'completed', 'main', 0, 0 FROM n;
        INSERT INTO step_runs (protocol_run_id, step_index, step_name, step_type, status, summary, retries, created_at, updated_at)
        SELECT id, 0, '01-work.md', 'work', 'completed', hex(zeroblob(5000)), 0, 0, 0 FROM protocol_runs WHERE id >= 1000;";
    let older = Older::with(many);
    older.audit(&["--protocol", "11"]);
    let before = older.server.peak_memory();
    let (outcomes, counts) = older.outcomes(&["--project", "2", "--backfill"]);
    assert_eq!(outcomes.len(), 10_001);
    assert_eq!(counts["counts"]["backfilled"], 10_001);
    let grown = older.server.peak_memory().saturating_sub(before);
    assert!(grown < 64 * 1024, "{grown} KiB more for 100 MB of steps");
}

#[tokio::test]
async fn a_project_that_is_set_up_has_nothing_to_mend() {
    let project = Project::new().await;
    let setup = project.api.get("/protocols").await.expect(200);
    assert_eq!(setup.as_array().unwrap().len(), 1);
    let all = project.api.post("/specs/audit", &json!({})).await;
    assert_eq!(all.expect(200)["results"], json!([]));
    let named = json!({"protocol_id": setup[0]["id"]});
    let named = project.api.post("/specs/audit", &named).await.expect(200);
    assert_eq!(named["results"][0]["outcome"], "unplanned");
}
