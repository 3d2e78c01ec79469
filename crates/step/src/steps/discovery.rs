//! Discovery: a project that is set up is described by the engine that is named for it.
//!
//! Always so: without such an engine nothing is written, and one that fails does not fail the setup.

use millwright_core::catalog::scripts::analyze_project::Args;
use millwright_core::catalog::{Object, Script};
use millwright_core::protocol::SetupFact;
use serde_json::json;

use super::StepError;
use super::documents::{Site, write};
use super::registration::{Belongs, with_own_run};
use super::setup::Setup;
use crate::engine::Registry;
use crate::host::Host;
use crate::planning::{Discovered, STAGES};
use crate::runner::Settings;

/// Has the project described, and notes what came of it.
///
/// # Errors
/// When the API does not take what is told.
pub(super) async fn discover<H: Host>(
    site: &Site,
    project: Option<i64>,
    host: &H,
    setup: &mut Setup<'_, H>,
) -> Result<(), StepError> {
    let settings = Settings::read(|name| host.env(name));
    let Some(engine) = settings.discovery_engine(&site.defaults) else {
        let message = "No engine looks at the project: its files were counted.";
        setup.note(SetupFact::DiscoverySkipped, message, &[]);
        return Ok(());
    };
    let message = format!("The engine {engine} looks at the project.");
    setup.note_all(
        SetupFact::DiscoveryStarted,
        &message,
        plan(site, &settings, engine),
    );
    setup.tell().await?;
    let belongs = Belongs::project(project);
    let done = with_own_run(host, Args::NAME, belongs, async |run| {
        write(host, run, site, |writer| Ok(writer.discover()))
    });
    note(&done.await?, host, setup);
    Ok(())
}

/// What is about to be done, as its event tells it.
fn plan(site: &Site, settings: &Settings, engine: &str) -> Object {
    let engines = Registry::default();
    let own = engines.get(engine).filter(|engine| engine.takes_model());
    let model = own.and_then(|own| {
        let named = site.defaults.discovery_model.as_deref();
        named.or(own.default_model())
    });
    let given = [
        ("path", json!(site.root)),
        ("model", json!(model)),
        ("engine_id", json!(engine)),
        ("timeout_seconds", json!(settings.discovery_limit.as_secs())),
        ("stages", json!(STAGES)),
    ];
    let given = given.into_iter().filter(|(_, value)| !value.is_null());
    given.map(|(key, value)| (key.to_owned(), value)).collect()
}

fn note<H: Host>(done: &Discovered, host: &H, setup: &mut Setup<'_, H>) {
    let stages = |key: &str, stages: &[&str]| (key.to_owned(), json!(stages));
    let failed = stages("failed_stages", &done.failed_stages);
    if !done.failed_stages.is_empty() {
        let message = format!(
            "The engine has not described {}: {}",
            done.failed_stages.join(", "),
            done.reasons.join("; ")
        );
        host.log(&format!("warning: {message}"));
        setup.note_all(
            SetupFact::DiscoveryWarning,
            &message,
            Object::from_iter([failed.clone()]),
        );
    }
    if !done.completed_stages.is_empty() {
        let completed = stages("completed_stages", &done.completed_stages);
        setup.note_all(
            SetupFact::DiscoveryCompleted,
            "The engine has described the project.",
            Object::from_iter([completed, failed]),
        );
    }
}
