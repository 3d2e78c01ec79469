//! What a workspace holds, as it is listed; and one thing, whole.
//!
//! Always so: reading changes nothing, and asks once for each kind.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::record::{self, Record};
use super::{Name, Place, WorkspaceError};
use crate::windmill::{Client, ItemKind, WindmillError};

/// What a workspace holds.
pub(super) struct Listing {
    /// What there is, as Windmill lists it.
    pub(super) there: BTreeMap<Name, Value>,
    /// What was remembered; nothing before the first deployment.
    pub(super) record: Option<Record>,
}

impl Listing {
    /// Asks for everything that is ours.
    pub(super) async fn read(client: &Client, place: &Place) -> Result<Self, WorkspaceError> {
        let (folder, environment, variables, scripts, flows, schedules) = tokio::try_join!(
            client.folder(place.folder()),
            client.environment(),
            of_kind(client, ItemKind::Variable, place),
            of_kind(client, ItemKind::Script, place),
            of_kind(client, ItemKind::Flow, place),
            of_kind(client, ItemKind::Schedule, place),
        )?;
        let mut there = BTreeMap::new();
        for items in [variables, scripts, flows, schedules] {
            there.extend(items);
        }
        let is_empty = there.is_empty() && folder.is_none();
        if is_empty && !client.workspace_exists().await? {
            return Err(WorkspaceError::NoWorkspace {
                address: client.connection().address(),
                workspace: client.connection().workspace().to_owned(),
            });
        }
        there.extend(folder.map(|folder| (Name::Folder(place.folder().to_owned()), folder)));
        let own = environment.into_iter().filter(|one| one.is_custom);
        there.extend(own.map(|one| (Name::Environment(one.name), json!({"value": one.value}))));
        let record = read_record(client, place, &mut there).await?;
        Ok(Self { there, record })
    }
}

/// The things of a kind, as Windmill lists them.
pub(super) async fn of_kind(
    client: &Client,
    kind: ItemKind,
    place: &Place,
) -> Result<BTreeMap<Name, Value>, WindmillError> {
    let beginning = place.beginning(kind);
    let listed = client.list(kind, &beginning).await?;
    let named = listed.into_iter().filter_map(|item| {
        // An older server lists everything; and what has no plain path is not ours.
        let path = item["path"].as_str()?;
        let path = path.starts_with(&beginning).then(|| path.parse().ok())??;
        Some((Name::Item(kind, path), item))
    });
    Ok(named.collect())
}

/// What changes with every change of a listed thing; empty where Windmill has nothing of the kind.
pub(super) fn version(name: &Name, listed: &Value) -> String {
    let field = match name {
        Name::Item(ItemKind::Script, _) => "hash",
        Name::Item(ItemKind::Flow, _) => "edited_at",
        _ => return String::new(),
    };
    listed[field].as_str().unwrap_or_default().to_owned()
}

/// A thing, whole; nothing where there is none.
pub(super) async fn whole(client: &Client, name: &Name) -> Result<Option<Value>, WindmillError> {
    match name {
        Name::Folder(folder) => client.folder(folder).await,
        Name::Environment(variable) => {
            let all = client.environment().await?;
            let own = all
                .into_iter()
                .find(|one| one.is_custom && one.name == *variable);
            Ok(own.map(|one| json!({"value": one.value})))
        }
        Name::Item(kind, path) => client.item(*kind, path).await,
    }
}

/// Takes the record out of what is there.
async fn read_record(
    client: &Client,
    place: &Place,
    there: &mut BTreeMap<Name, Value>,
) -> Result<Option<Record>, WorkspaceError> {
    let path = record::path(place);
    let name = Name::Item(ItemKind::Variable, path.clone());
    let Some(listed) = there.remove(&name) else {
        return Ok(None);
    };
    let read = |item: &Value| Record::read(&path, item["value"].as_str().unwrap_or_default());
    if let Ok(record) = read(&listed) {
        return Ok(Some(record));
    }
    // A list may shorten long values.
    match client.item(ItemKind::Variable, &path).await? {
        Some(item) => read(&item).map(Some),
        None => Ok(None),
    }
}
