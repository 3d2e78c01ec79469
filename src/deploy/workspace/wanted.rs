//! What a workspace is to hold: the catalog's scripts and flows, and what they need.
//!
//! Always so: a job is given the API's token by reference alone.

use millwright_core::catalog::scripts::spec_audit;
use millwright_core::catalog::{FlowDefinition, GENERATED, ScriptInfo, TOKEN_ARGUMENT, scripts};
use millwright_core::openflow::ModuleValue;
use serde_json::{Map, Value, json};

use super::object::Object;
use super::place::TOKEN;
use super::{Name, Place};
use crate::deploy::packaging::{self, Choice, Packaged, PackagingError};
use crate::embedded;
use crate::windmill::ItemKind;

/// The variable of the environment that says where the API is.
pub(super) const API_URL: &str = "TASKSGODZILLA_API_URL";
/// The schedule that audits specs.
const AUDIT: &str = "f/devgodzilla/spec_audit";
/// Every night, in six fields: Windmill counts seconds.
const NIGHTLY: &str = "0 0 4 * * *";

/// What is chosen for a deployment.
#[derive(Clone, Default)]
pub struct Wishes {
    /// Where it is to stand.
    pub place: Place,
    /// How scripts reach their steps' code.
    pub packaging: Vec<Choice>,
    /// The worker tag of the scripts that run engines.
    pub engine_tag: Option<String>,
    /// Where the API is, as the workspace's jobs reach it.
    pub api_url: Option<String>,
    /// The API's token, for a secret variable of the workspace.
    pub token: Option<String>,
    /// Writes the token also where there is one.
    pub rotate_token: bool,
    /// Jobs have address and token from their workers.
    pub env_from_workers: bool,
    /// When specs are audited.
    pub audit: Audit,
}

/// When specs are audited.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Audit {
    /// As the schedule stands; a new one is off.
    #[default]
    AsItStands,
    /// Never.
    Off,
    /// At these times, as cron says it in six fields.
    At(String),
}

/// The name of the token's variable.
pub(super) fn token_name(place: &Place) -> Name {
    Name::Item(ItemKind::Variable, place.token())
}

/// Everything that a workspace is to hold, in the order in which it is made. `has_token` says whether there is a token's
/// variable already.
///
/// # Errors
/// Where a script cannot be packaged as it is wished.
pub(super) fn objects(wishes: &Wishes, has_token: bool) -> Result<Vec<Object>, PackagingError> {
    packaging::refuse_unknown(&wishes.packaging)?;
    let choices = packaging::for_workers(&wishes.packaging);
    let by_reference = !wishes.env_from_workers && (has_token || wishes.token.is_some());
    let place = &wishes.place;
    let mut objects = vec![folder(place)];
    objects.extend(wishes.api_url.as_deref().map(environment));
    if by_reference {
        objects.push(token(wishes));
    }
    let reference = by_reference.then(|| format!("$var:{TOKEN}"));
    for script in scripts::all() {
        let script = match &reference {
            Some(reference) => script.with_token(reference),
            None => script,
        };
        let packaged = packaging::package(&script, &choices)?;
        objects.push(script_object(
            &script,
            packaged,
            wishes.engine_tag.as_deref(),
        ));
    }
    objects.extend(flows(reference.as_deref(), wishes.engine_tag.as_deref()));
    objects.push(audit(&wishes.audit, reference.as_deref()));
    for object in &mut objects {
        settle(object, place);
    }
    objects.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(objects)
}

/// Has a thing stand where it is to stand, and refer to what stands there.
fn settle(object: &mut Object, place: &Place) {
    if let Name::Item(_, path) = &mut object.name {
        *path = place.path(path.as_str());
    }
    for value in object.item.values_mut() {
        place.settle(value);
    }
}

fn folder(place: &Place) -> Object {
    let name = place.folder();
    Object {
        free: &["name", "summary"],
        ..Object::new(
            Name::Folder(name.to_owned()),
            members(json!({"name": name, "summary": GENERATED})),
        )
    }
}

fn environment(url: &str) -> Object {
    let name = Name::Environment(API_URL.to_owned());
    Object::new(name, members(json!({"value": url})))
}

/// The variable is as it should be wherever it is a secret: who made it, and what is in it, is not ours to know.
fn token(wishes: &Wishes) -> Object {
    let mut item = members(json!({
        "path": TOKEN,
        "is_secret": true,
        "description": format!("The refs API's token. {GENERATED}"),
    }));
    if let Some(token) = &wishes.token {
        item.insert("value".to_owned(), token.as_str().into());
    }
    Object {
        name: item_name(ItemKind::Variable, TOKEN),
        item,
        free: &["value", "description"],
        insists: wishes.rotate_token,
    }
}

fn script_object(script: &ScriptInfo, packaged: Packaged, engine_tag: Option<&str>) -> Object {
    let mut item = members(script.metadata());
    item.insert("path".to_owned(), script.path.as_str().into());
    if packaged.ending == "ts" {
        // Windmill locks what it installs for bun by itself.
        item.shift_remove("lock");
        item.insert("language".to_owned(), "bun".into());
    } else {
        item.insert("language".to_owned(), "bash".into());
    }
    let tag = engine_tag.filter(|_| script.runs_engines);
    item.insert("tag".to_owned(), tag.into());
    item.insert("content".to_owned(), packaged.text.into());
    Object::new(item_name(ItemKind::Script, &script.path), item)
}

fn flows(reference: Option<&str>, engine_tag: Option<&str>) -> impl Iterator<Item = Object> {
    let scripts = scripts::all();
    let ours: Vec<String> = scripts.iter().map(|script| script.path.clone()).collect();
    embedded::flow_definitions().into_iter().map(move |flow| {
        let mut value = flow.flow.to_value();
        if let Some(reference) = reference {
            hand_over(&mut value, &ours, reference);
        }
        let mut item = Map::new();
        item.insert("path".to_owned(), flow.path.as_str().into());
        // Its steps run where the flow does, whatever their own tags.
        let is_together = flow.flow.value.same_worker == Some(true);
        let tag = engine_tag.filter(|_| is_together && runs_engines(&flow, &scripts));
        item.extend(tag.map(|tag| ("tag".to_owned(), tag.into())));
        item.extend(members(value));
        Object::new(item_name(ItemKind::Flow, &flow.path), item)
    })
}

fn runs_engines(flow: &FlowDefinition, scripts: &[ScriptInfo]) -> bool {
    let mut found = false;
    flow.flow.value.walk("", &mut |_, module| {
        found |= match &module.value {
            ModuleValue::Script(call) => scripts
                .iter()
                .any(|script| script.runs_engines && script.path == call.path),
            _ => false,
        };
    });
    found
}

/// Gives the reference to every call of one of our scripts.
fn hand_over(value: &mut Value, ours: &[String], reference: &str) {
    let path = value["path"].as_str();
    let is_call =
        value["type"] == "script" && path.is_some_and(|path| ours.iter().any(|one| one == path));
    if is_call && let Some(call) = value.as_object_mut() {
        let arguments = call.entry("input_transforms").or_insert_with(|| json!({}));
        arguments[TOKEN_ARGUMENT] = json!({"type": "static", "value": reference});
        return;
    }
    match value {
        Value::Array(all) => all
            .iter_mut()
            .for_each(|one| hand_over(one, ours, reference)),
        Value::Object(all) => all
            .values_mut()
            .for_each(|one| hand_over(one, ours, reference)),
        _ => {}
    }
}

fn audit(when: &Audit, reference: Option<&str>) -> Object {
    let script = ScriptInfo::of::<spec_audit::Args>();
    let (cron, enabled) = match when {
        Audit::At(cron) => (cron.as_str(), true),
        _ => (NIGHTLY, false),
    };
    let args = reference.map_or_else(|| json!({}), |reference| json!({TOKEN_ARGUMENT: reference}));
    let item = members(json!({
        "path": AUDIT,
        "summary": script.summary,
        "description": GENERATED,
        "schedule": cron,
        "timezone": "UTC",
        "script_path": script.path,
        "is_flow": false,
        "args": args,
        "enabled": enabled,
    }));
    let free: &[&str] = match when {
        Audit::AsItStands => &["schedule", "timezone", "enabled"],
        Audit::Off => &["schedule", "timezone"],
        Audit::At(_) => &[],
    };
    Object {
        free,
        ..Object::new(item_name(ItemKind::Schedule, AUDIT), item)
    }
}

fn item_name(kind: ItemKind, path: &str) -> Name {
    Name::Item(kind, path.parse().expect("the catalog's paths are paths"))
}

fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No executable lies beside this test.
    fn by_path() -> Wishes {
        Wishes {
            packaging: vec!["path".parse().unwrap()],
            ..Wishes::default()
        }
    }

    fn find<'a>(objects: &'a [Object], name: &str) -> &'a Map<String, Value> {
        let found = objects.iter().find(|one| one.name.to_string() == name);
        &found.unwrap().item
    }

    #[test]
    fn every_call_in_a_flow_is_given_the_reference() {
        let objects = objects(&by_path(), true).unwrap();
        let mut calls = 0;
        for object in objects.iter().filter(|one| one.name.kind() == "flow") {
            let text = Value::Object(object.item.clone()).to_string();
            let (scripts, given) = (
                text.matches("\"path\":\"u/devgodzilla/").count(),
                text.matches("$var:f/devgodzilla/tasksgodzilla_api_token")
                    .count(),
            );
            assert_eq!(scripts, given, "{}", object.name);
            calls += scripts;
        }
        assert!(calls > 20, "{calls}");
        let schedule = find(&objects, "schedule f/devgodzilla/spec_audit");
        assert_eq!(
            schedule["args"][TOKEN_ARGUMENT],
            "$var:f/devgodzilla/tasksgodzilla_api_token"
        );
    }

    #[test]
    fn the_engines_tag_is_for_engines() {
        let wishes = Wishes {
            engine_tag: Some("big".to_owned()),
            ..by_path()
        };
        let objects = objects(&wishes, false).unwrap();
        let tag =
            |name: &str| find(&objects, &format!("script u/devgodzilla/{name}"))["tag"].clone();
        assert_eq!(tag("execute_step"), "big");
        assert_eq!(tag("open_pr"), Value::Null);
        let tag = |name: &str| find(&objects, &format!("flow f/devgodzilla/{name}")).get("tag");
        assert_eq!(tag("spec_to_tasks"), Some(&json!("big")));
        assert_eq!(tag("project_onboarding"), None);
        let is_given = |one: &Object| {
            Value::Object(one.item.clone())
                .to_string()
                .contains(TOKEN_ARGUMENT)
        };
        assert!(
            !objects.iter().any(is_given),
            "there is no token to refer to"
        );
    }
}
