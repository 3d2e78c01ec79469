//! The refs API, as this machine sees it.
//!
//! Always so: it is only asked for what changes nothing.

use serde_json::Value;

use super::check::{Check, in_time};
use crate::cli::CommandError;
use crate::cli::remote::{Remote, RemoteArgs, START_ONE};

const REACHED: &str = "refs API";
const TOKEN: &str = "refs API's token";

/// Whether it answers, and lets this machine in.
pub(super) async fn look(args: &RemoteArgs) -> Vec<Check> {
    let remote = match args.remote() {
        Ok(remote) => remote,
        Err(CommandError { message, .. }) => {
            let advice = "name it with --api or TASKSGODZILLA_API_URL";
            return vec![Check::wrong(REACHED, message, advice), no_token()];
        }
    };
    let health = in_time(remote.get("/health")).await;
    match health {
        Ok(health) if health["status"] == "ok" => {
            let says = format!("{} answers", remote.address());
            vec![Check::ok(REACHED, says), token(&remote).await]
        }
        Ok(_) => vec![not_ours(&remote), no_token()],
        Err(message) => vec![away(&message), no_token()],
    }
}

async fn token(remote: &Remote) -> Check {
    let runs: Result<Value, String> = in_time(remote.get("/codex/runs?limit=1")).await;
    match runs {
        Ok(runs) if runs.is_array() => Check::ok(TOKEN, "it lets this machine in"),
        Ok(_) => not_ours(remote),
        Err(message) => Check::wrong(
            TOKEN,
            message,
            "set TASKSGODZILLA_API_TOKEN here to what it is where the API runs",
        ),
    }
}

fn no_token() -> Check {
    Check::skipped(TOKEN, "without the API there is nothing to try it on")
}

fn away(message: &str) -> Check {
    // What to do stands below it.
    let says = message.strip_suffix(START_ONE);
    let says = says.map_or(message, |says| says.trim_end_matches(": "));
    Check::wrong(REACHED, says, START_ONE)
}

fn not_ours(remote: &Remote) -> Check {
    let says = format!(
        "{} answers, and is no refs API of millwright",
        remote.address()
    );
    Check::wrong(
        REACHED,
        says,
        "name the right address with --api or TASKSGODZILLA_API_URL",
    )
}
