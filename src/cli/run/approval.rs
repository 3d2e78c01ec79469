//! A flow that waits for people, in a terminal: how to answer it, and the question itself.
//!
//! Always so: nobody is asked without a terminal; who does not answer here can still do so elsewhere.

use millwright_core::refs::JobId;
use serde_json::Value;
use tokio::sync::broadcast::error::RecvError;

use super::question::{self, is_attended};
use super::show::Watcher;
use crate::cli::output;
use crate::mill::{Change, Mill, Said, Waits};
use crate::store::DEFAULT_ADDRESS;

/// Says how to answer each flow that waits and, where someone is there, asks them. Ends with the mill's events.
pub(super) async fn ask_people(mill: &Mill, watcher: Option<&Watcher>, database: &str) {
    let mut events = mill.watch();
    loop {
        let event = match events.recv().await {
            Ok(event) => event,
            Err(RecvError::Lagged(_)) => continue,
            Err(RecvError::Closed) => return,
        };
        let Change::Waits(waits) = event.change else {
            continue;
        };
        output::note(how(event.job, &waits, database));
        if let Some(watcher) = watcher.filter(|_| is_attended()) {
            watcher.hush();
            ask(mill, event.job, &waits).await;
            watcher.go_on();
        }
    }
}

/// Whom a flow waits for, and how long.
pub(super) fn whom(waits: &Waits) -> String {
    let people = match waits.required {
        1 => "an approval".to_owned(),
        many => format!("{many} approvals"),
    };
    format!("{people}, at most {} s", waits.limit.as_secs())
}

fn how(flow: JobId, waits: &Waits, database: &str) -> String {
    let address = match database {
        DEFAULT_ADDRESS => String::new(),
        other => format!(" --database {other}"),
    };
    let no = if waits.hide_cancel {
        ""
    } else {
        ", or no with --cancel"
    };
    format!("to approve: millwright jobs resume {flow}{address}{no}")
}

async fn ask(mill: &Mill, flow: JobId, waits: &Waits) {
    let choice = if waits.hide_cancel { "[y]" } else { "[y/n]" };
    let question = format!("approve it now? {choice}, or Enter to leave it open: ");
    let approved = match question::line(&question).await.to_lowercase().as_str() {
        "y" | "yes" => true,
        "n" | "no" if !waits.hide_cancel => false,
        _ => return,
    };
    let value = match &waits.form {
        Some(form) if approved => content(form).await,
        _ => Value::Null,
    };
    let said = Said {
        approved,
        value,
        approver: None,
    };
    if let Err(error) = mill.answer(flow, said).await {
        output::error(format_args!("this was not noted: {error}"));
    }
}

/// What a form asks for, as JSON; text that is none is text.
async fn content(form: &Value) -> Value {
    let properties = form["properties"].as_object();
    let names: Vec<&str> = properties
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .collect();
    let mut content = serde_json::Map::new();
    for name in names {
        let line = question::line(&format!("{name}: ")).await;
        if !line.is_empty() {
            let value = serde_json::from_str(&line).unwrap_or_else(|_| line.into());
            content.insert(name.to_owned(), value);
        }
    }
    Value::Object(content)
}
