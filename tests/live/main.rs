//! The suite that runs against a real Windmill: `make test-live`.
//!
//! Always so: without a server that is named, every test is ignored and it is said why; with one, nothing of what was made
//! there is left, however the tests end.

mod suite;

use std::process::ExitCode;
use std::sync::OnceLock;

use libtest_mimic::{Arguments, Trial};
use suite::{Live, Target};
use tokio::runtime::Runtime;

/// What is said where no server is named.
const NO_SERVER: &str = "no Windmill is named, so these tests are ignored: set MILLWRIGHT_LIVE_WINDMILL_URL, \
    MILLWRIGHT_LIVE_WINDMILL_TOKEN and MILLWRIGHT_LIVE_WINDMILL_WORKSPACE";

/// The server, once a test has asked for it.
static LIVE: OnceLock<Live> = OnceLock::new();

#[expect(clippy::print_stderr, reason = "who runs the suite reads it")]
fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let target = Target::of_environment(|name| std::env::var(name).ok());
    if target.is_none() {
        eprintln!("{NO_SERVER}");
    }
    let runtime: &'static Runtime = Box::leak(Box::new(Runtime::new().expect("a runtime")));
    let trials = suite::all().map(|(area, test)| {
        let target = target.clone();
        let is_ignored = target.is_none();
        let work = move || {
            let target = target.expect("without a server it is ignored");
            let live = LIVE.get_or_init(|| runtime.block_on(Live::start(target)));
            runtime.block_on((test.body)(live));
            Ok(())
        };
        Trial::test(format!("{area}::{}", test.name), work).with_ignored_flag(is_ignored)
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    let left = LIVE.get().map(|live| runtime.block_on(live.clean_up()));
    let left = left.unwrap_or_default();
    for problem in &left {
        eprintln!("not cleaned up: {problem}");
    }
    if left.is_empty() {
        conclusion.exit_code()
    } else {
        ExitCode::FAILURE
    }
}
