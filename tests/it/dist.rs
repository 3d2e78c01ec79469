//! `GET /dist/millwright-step/{sha256}`: the step executable, for workers that have none.
//!
//! Always so: what is sent has the hash that was asked for.

use std::fs;

use millwright::executable::Executable;
use millwright::server::ServerOptions;
use millwright_core::protocol::sha256;

use crate::api_fixture::Api;
use crate::step_executable::program;

#[tokio::test]
async fn the_executable_of_a_hash_is_sent_also_after_it_changed() {
    let api = Api::start_with(|folder| {
        let dist = folder.join("dist");
        fs::create_dir(&dist).unwrap();
        fs::write(dist.join("millwright-step-0.0.1"), "one").unwrap();
        fs::write(dist.join("other"), "two").unwrap();
        ServerOptions {
            dist: vec![program(), dist],
            ..ServerOptions::default()
        }
    })
    .await;
    let known = Executable::read(&program()).unwrap();
    assert_eq!(
        known.version,
        concat!("millwright-step ", env!("CARGO_PKG_VERSION"))
    );
    assert_eq!(known.sha256, sha256(&fs::read(program()).unwrap()));
    let path = |hash: &str| format!("/dist/millwright-step/{hash}");
    let sent = api.get(&path(&known.sha256)).await;
    assert_eq!(sent.status, 200);
    assert_eq!(sent.headers["content-type"], "application/octet-stream");
    let size = fs::metadata(program()).unwrap().len().to_string();
    assert_eq!(sent.headers["content-length"], size);
    assert_eq!(sent.headers["etag"], format!("\"{}\"", known.sha256));

    assert_eq!(api.get(&path(&sha256(b"one"))).await.text, "one");
    api.get(&path(&sha256(b"two"))).await.expect(404);
    let kept = api.folder.path().join("dist/millwright-step-0.0.1");
    fs::write(kept, "another one").unwrap();
    api.get(&path(&sha256(b"one"))).await.expect(404);
    let sent = api.get(&path(&sha256(b"another one"))).await;
    assert_eq!(sent.text, "another one");
}

#[tokio::test]
async fn what_is_no_hash_is_refused() {
    let api = Api::start().await;
    for (hash, status) in [
        ("0".repeat(64), 404),
        ("..%2F..%2Fetc%2Fpasswd".to_owned(), 422),
        ("A".repeat(64), 422),
        ("abc".to_owned(), 422),
    ] {
        let answer = api.get(&format!("/dist/millwright-step/{hash}")).await;
        assert_eq!(answer.status.as_u16(), status, "{hash}");
    }
}

#[test]
fn what_is_no_step_executable_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let told = |path: &std::path::Path| Executable::read(path).unwrap_err().to_string();
    assert!(told(&folder.path().join("none")).contains("`make build`"));
    crate::protocol_fixture::write_script(folder.path(), "other", "echo something else");
    let other = told(&folder.path().join("other"));
    assert!(
        other.ends_with("asked for its version it says \"something else\""),
        "{other}"
    );
}
