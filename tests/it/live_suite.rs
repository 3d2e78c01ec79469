//! The suite for a real Windmill, against the doubles: so it is known to work where there is no server.
//!
//! Always so: what the doubles cannot do is named here with the reason.

use crate::live_double::LiveDouble;
use crate::suite::{self, Live, Target};
use crate::windmill_double::TOKEN;

/// What a server alone can show.
const NEEDS_A_SERVER: &[(&str, &str)] = &[
    (
        "a_job_is_given_a_secret_by_reference",
        "the mill has no variables",
    ),
    (
        "a_script_with_its_module_runs_on_any_worker",
        "the mill runs bash alone",
    ),
    (
        "a_stream_that_the_server_ends_is_taken_up_again",
        "it takes longer than a minute",
    ),
];

fn named(name: &str) -> Option<String> {
    let name = name.strip_prefix("MILLWRIGHT_LIVE_WINDMILL_")?;
    let known = [
        ("URL", "http://127.0.0.1:1/"),
        ("TOKEN", "t"),
        ("WORKSPACE", "w"),
    ];
    let found = known.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| (*value).to_owned())
}

#[test]
fn a_server_is_named_by_three_variables() {
    let target = Target::of_environment(named).unwrap();
    assert_eq!(target.url, "http://127.0.0.1:1");
    let without = |left_out: &'static str| {
        Target::of_environment(move |name| named(name).filter(|_| !name.ends_with(left_out)))
    };
    for name in ["URL", "TOKEN", "WORKSPACE"] {
        assert!(without(name).is_none(), "{name}");
    }
    assert!(Target::of_environment(|_| Some(String::new())).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_passes_and_leaves_nothing() {
    let double = LiveDouble::start().await;
    double.leave("millwright_live_1700000000_abcdef_run", "hello");
    let live = Live::start(Target {
        url: double.url.clone(),
        token: TOKEN.to_owned(),
        workspace: "starter".to_owned(),
        api_host: "127.0.0.1".to_owned(),
        packaging: Some("path"),
    });
    let live = live.await;
    let is_for_servers = |name: &str| NEEDS_A_SERVER.iter().any(|(known, _)| *known == name);
    let tests = suite::all().filter(|(_, test)| !is_for_servers(test.name));
    let running = tests.map(|(_, test)| (test.body)(&live));
    futures_util::future::join_all(running).await;
    assert_eq!(live.clean_up().await, Vec::<String>::new());
    assert_eq!(double.left(), Vec::<String>::new());
}
