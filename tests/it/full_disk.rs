//! A disk that takes no more: for a job's folder, its log, and a step's outputs.
//!
//! Always so: what is refused is named, and what is on record afterwards is true.

use std::fs;
use std::process::{Command, Output};

use millwright::store::jobs::{self, Filter, JobState, Offset};
use millwright::store::{Store, StoreError, StoreOptions};
use serde_json::{Map, json};

use crate::mill_fixture::{Fixture, bash, bash_with, flow};
use crate::process::millwright;
use crate::served_fixture::Served;
use crate::wait::until;

/// A command whose files, and those of what it starts, may have so many KiB. What it writes beyond is refused as on a
/// full disk.
pub(crate) fn with_room(kib: &str, command: &Command) -> Command {
    let limit = format!("trap '' XFSZ; ulimit -f {kib}; exec \"$0\" \"$@\"");
    let mut limited = Command::new("bash");
    limited.arg("-c").arg(limit).arg(command.get_program());
    limited.args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        limited.current_dir(folder);
    }
    limited
}

/// Runs a flow of the fixture; jobs have their folders below `tmp`.
fn run(fixture: &Fixture, name: &str, room: &str) -> Output {
    let mut command = millwright(&fixture.folder("."), &["run", name]);
    command.env("TMPDIR", fixture.folder("tmp"));
    with_room(room, &command).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn every() -> Filter {
    Filter {
        limit: 100,
        ..Filter::default()
    }
}

/// How each job of the fixture ended.
fn jobs_of(fixture: &Fixture) -> Vec<(JobState, Option<bool>)> {
    let database = fixture.folder(".").join(".millwright/millwright.db");
    let store = Store::open(&StoreOptions::file(database)).unwrap();
    let jobs = store.read_blocking(|connection| jobs::list(connection, &every()));
    let jobs = jobs.unwrap().into_iter();
    jobs.map(|job| (job.state, job.success)).collect()
}

#[test]
fn a_job_that_gets_no_folder_fails_and_the_failure_handler_runs() {
    let fixture = Fixture::new();
    let large = format!("echo never\n{}", "# a long comment\n".repeat(200_000));
    fixture.script("u/x/large", &large);
    let message = json!({"message": {"type": "javascript", "expr": "error.message + ''"}});
    let handler = "message=\"$1\"\necho \"handled: $message\"\n";
    let flow = json!({"value": {
        "modules": [{"id": "a", "value": {"type": "script", "path": "u/x/large", "input_transforms": {}}}],
        "failure_module": bash_with("failure", handler, &message),
    }});
    fixture.flow("f/x/flow", &flow);
    let output = run(&fixture, "flow", "2048");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let told = text(&output.stdout);
    assert!(
        told.starts_with("\"handled: the job's folder below /"),
        "{told}"
    );
    let expected = "cannot be made: File too large (os error 27); free some room there, or set TMPDIR to another folder";
    assert!(told.contains(expected), "{told}");
    let left = fs::read_dir(fixture.folder("tmp")).unwrap().count();
    assert_eq!(left, 0, "a folder is left");
    let failed = (JobState::Completed, Some(false));
    let went_well = (JobState::Completed, Some(true));
    let mut jobs = jobs_of(&fixture);
    jobs.sort_by_key(|(_, success)| *success);
    assert_eq!(jobs, [failed, failed, went_well]);
}

#[test]
fn a_database_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let serve = &["serve", "--listen", "127.0.0.1:0"][..];
    for arguments in [serve, &["run", "run_next_step", "-i", "protocol_run_id=1"]] {
        let command = millwright(folder.path(), arguments);
        let output = with_room("0", &command).output().unwrap();
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{told}");
        let expected =
            "error: cannot open the database .millwright/millwright.db: disk I/O error\n";
        assert_eq!(told, expected);
    }
}

#[test]
fn a_database_without_room_ends_the_run_and_the_next_run_ends_its_jobs() {
    let fixture = Fixture::new();
    let prints = "for n in $(seq 100); do printf '%0100000d\\n' $n; done\ntouch lived";
    fixture.flow(
        "f/x/prints",
        &json!({"value": {"modules": [bash("a", prints)]}}),
    );
    fixture.flow("f/x/empty", &json!({"value": {"modules": []}}));
    let output = run(&fixture, "prints", "1024");
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{told}");
    let expected = "error: sqlite://.millwright/millwright.db: the d";
    assert!(told.contains(expected), "{told}");
    assert_eq!(text(&output.stdout), "");
    let left = fs::read_dir(fixture.folder("tmp")).unwrap().count();
    assert_eq!(left, 0, "a folder is left");
    assert_eq!(run(&fixture, "empty", "unlimited").status.code(), Some(0));
    for (state, success) in jobs_of(&fixture) {
        assert_eq!(state, JobState::Completed);
        assert!(success.is_some());
    }
}

#[tokio::test]
async fn a_log_that_fills_the_disk_ends_the_flow_and_its_state_is_true_once_there_is_room() {
    let fixture = Fixture::new();
    let mill = fixture.mill().await;
    let mark = fixture.folder("marks").join("lived");
    let prints = "for n in $(seq 100); do printf '%0100000d\\n' $n; sleep 0.02; done";
    let prints = bash("a", &format!("{prints}\ntouch {}", mark.display()));
    allow_pages(mill.store(), 100).await;
    let value = json!({"modules": [prints]});
    let started = mill.run_flow(None, flow(&value), Map::new()).await.unwrap();
    let error = started.wait().await.unwrap_err().to_string();
    assert!(error.starts_with("the disk is full: "), "{error}");
    assert!(!mark.exists(), "the script lived on");

    allow_pages(mill.store(), 100_000).await;
    let store = mill.store();
    until("the jobs have ended", async || {
        let unfinished = store.read(jobs::unfinished).await.unwrap();
        unfinished.is_empty().then_some(())
    })
    .await;
    let all = store.read(|connection| jobs::list(connection, &every()));
    for job in all.await.unwrap() {
        let id = job.id;
        let kept = store.read(move |connection| {
            let log = jobs::read_log(connection, id, Offset::Bytes(0), 16 * 1024 * 1024)?;
            Ok((jobs::get(connection, id)?, log.text))
        });
        let (job, log) = kept.await.unwrap();
        assert_eq!(job.state, JobState::Completed);
        assert_eq!(job.success, Some(false));
        let why = "the mill could not go on: the disk is full";
        assert!(job.result.as_ref().unwrap().contains(why), "{job:?}");
        // What was taken of the log has no gap.
        let whole = log.lines().filter(|line| line.len() == 100_000);
        let numbers = whole.filter_map(|line| line.parse::<u32>().ok());
        assert!(numbers.zip(1..).all(|(found, number)| found == number));
    }
    let check =
        store.read(|connection| {
            Ok(connection
                .pragma_query_value(None, "integrity_check", |row| row.get::<_, String>(0))?)
        });
    assert_eq!(check.await.unwrap(), "ok");
}

/// Lets the database have so many more pages.
async fn allow_pages(store: &Store, more: i64) {
    let allowed = store.write(move |connection| -> Result<(), StoreError> {
        let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
        Ok(connection.pragma_update(None, "max_page_count", pages + more)?)
    });
    allowed.await.unwrap();
}

#[tokio::test]
async fn an_output_that_cannot_be_written_fails_the_step_and_leaves_the_files_as_they_are() {
    let outputs = json!({"outputs": {"protocol": "a.md", "aux": {"b": "b.md"}}});
    let script = "[ -f small ] && echo small || head -c 9000000 /dev/zero";
    let server = Served::start(script, outputs, |command| with_room("8192", &command)).await;
    let folder = server.workspace().join(".protocols/0001-demo");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("a.md"), "old").unwrap();
    let failed = server.ended(&server.execute().await).await;
    assert_eq!(failed["status"], "failed", "{failed}");
    assert_eq!(failed["error"]["name"], "OutputNotWritten", "{failed}");
    let message = failed["error"]["message"].as_str().unwrap();
    let expected = "/.protocols/0001-demo/a.md cannot be written: File too large (os error 27)";
    assert!(message.ends_with(expected), "{message}");
    assert_eq!(server.status().await, "blocked");
    assert_eq!(fs::read_to_string(folder.join("a.md")).unwrap(), "old");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);

    fs::write(server.workspace().join("small"), "").unwrap();
    let done = server.ended(&server.execute().await).await;
    assert_eq!(done["status"], "succeeded", "{done}");
    assert_eq!(fs::read_to_string(folder.join("b.md")).unwrap(), "small\n");
}
