//! The database under many hands at once, and while another process holds it.
//!
//! Always so: the database is a file, as in service.

use std::time::Duration;

use futures_util::future::join_all;
use millwright::store::runs::{self, RunFilter};
use millwright::store::{Store, StoreError, StoreOptions, Timestamp};
use millwright_core::refs::StartRun;
use serde_json::json;

fn a_run(run_id: &str) -> StartRun {
    serde_json::from_value(json!({"job_type": "windmill", "run_id": run_id})).unwrap()
}

fn open(folder: &tempfile::TempDir) -> (Store, StoreOptions) {
    let options = StoreOptions {
        busy_timeout: Duration::from_millis(300),
        ..StoreOptions::file(folder.path().join("store.db"))
    };
    (Store::open(&options).unwrap(), options)
}

async fn register(store: &Store, run_id: String) -> Result<(), StoreError> {
    let run = a_run(&run_id);
    let written = store.write(move |connection| runs::start(connection, &run, Timestamp::now()));
    written.await.map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_many_bring_at_once_is_all_written() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(&folder);
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let store = store.clone();
            std::thread::spawn(move || {
                for number in 0..100 {
                    let run = a_run(&format!("thread-{thread}-{number}"));
                    let start = move |connection: &_| runs::start(connection, &run, Timestamp(0));
                    store.write_blocking(start).unwrap();
                }
            })
        })
        .collect();
    let tasks = (0..400).map(|number| register(&store, format!("task-{number}")));
    for written in join_all(tasks).await {
        written.unwrap();
    }
    for thread in threads {
        thread.join().unwrap();
    }
    let count = "SELECT count(*) FROM codex_runs";
    let count: Result<u32, StoreError> =
        store.look_up(|connection| Ok(connection.query_row(count, [], |row| row.get(0))?));
    assert_eq!(count.unwrap(), 800);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_database_keeps_readers_going_and_only_so_many_writers_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let (store, options) = open(&folder);
    register(&store, "before".to_owned()).await.unwrap();
    let other = rusqlite::Connection::open(&options.path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let crowd = (0..6000).map(|number| register(&store, format!("r{number}")));
    let (outcomes, listed) = tokio::join!(join_all(crowd), async {
        let filter = RunFilter::default();
        store
            .read(move |connection| runs::list(connection, &filter))
            .await
    });
    assert_eq!(listed.unwrap().len(), 1);
    let refused = |kind: fn(&StoreError) -> bool| {
        let errors = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
        errors.filter(|error| kind(error)).count()
    };
    let overloaded = refused(|error| matches!(error, StoreError::Overloaded));
    let locked = refused(|error| matches!(error, StoreError::Locked));
    assert!(overloaded >= 1000, "{overloaded} were turned away");
    assert_eq!(overloaded + locked, 6000);
    other.execute_batch("ROLLBACK").unwrap();
    register(&store, "after".to_owned()).await.unwrap();
}

#[tokio::test]
async fn who_will_not_wait_for_a_held_database_is_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let options = StoreOptions {
        busy_timeout: Duration::ZERO,
        ..StoreOptions::file(folder.path().join("store.db"))
    };
    let store = Store::open(&options).unwrap();
    let other = rusqlite::Connection::open(&options.path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = register(&store, "r".to_owned()).await;
    assert!(matches!(refused, Err(StoreError::Locked)), "{refused:?}");
}

#[test]
fn a_folder_that_is_made_for_the_database_is_kept_out_of_git() {
    let folder = tempfile::tempdir().unwrap();
    let made = folder.path().join("deep/.millwright");
    Store::open(&StoreOptions::file(made.join("store.db"))).unwrap();
    assert_eq!(
        std::fs::read_to_string(made.join(".gitignore")).unwrap(),
        "*\n"
    );
    open(&folder);
    assert!(
        !folder.path().join(".gitignore").exists(),
        "it was there before"
    );
}
