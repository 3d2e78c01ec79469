//! A plan carried out.
//!
//! Always so: what is remembered was read back and found as it should be; so wherever it is broken off, the next deployment
//! finds out by itself what is missing.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use serde_json::{Value, json};

use super::compare::{aligned, lost};
use super::object::Object;
use super::plan::{Action, Entry, Plan, Update};
use super::record::{self, Deployed, Record};
use super::{Fault, Name, Place, WorkspaceError, dependencies, listing};
use crate::windmill::{Client, ItemKind, ItemPath, WindmillError};

/// What became of a plan.
#[derive(Debug)]
pub struct Applied {
    /// What was written, in that order.
    pub done: Vec<Name>,
    /// What was not.
    pub left: Vec<Name>,
    /// How it ended.
    pub end: End,
}

/// How a deployment ended.
#[derive(Debug)]
pub enum End {
    /// All is as it should be.
    Whole,
    /// It was told to stop.
    Stopped,
    /// It could not go on.
    Failed(WorkspaceError),
}

struct Work<'a> {
    client: &'a Client,
    place: Place,
    /// What is remembered from now on, and what stands in the workspace.
    record: Record,
    stored: Option<Record>,
    done: Vec<Name>,
}

/// Something written, with the hash that a script got.
struct Written<'a> {
    object: &'a Object,
    hash: String,
}

impl Plan {
    /// Carries the plan out. Before each write `watch` is told of it, and may have it end there.
    pub async fn apply(
        self,
        client: &Client,
        mut watch: impl FnMut(&Entry) -> ControlFlow<()>,
    ) -> Applied {
        let mut work = Work {
            client,
            place: self.place,
            record: self.record,
            stored: self.stored,
            done: Vec::new(),
        };
        let changes = self.entries.into_iter();
        let changes: Vec<Entry> = changes.filter(|entry| entry.action.is_change()).collect();
        let end = match work.carry_out(&changes, &mut watch).await {
            Ok(ControlFlow::Continue(())) => End::Whole,
            Ok(ControlFlow::Break(())) => End::Stopped,
            Err(error) => End::Failed(error),
        };
        let left = changes.into_iter().map(|entry| entry.name);
        Applied {
            left: left.filter(|name| !work.done.contains(name)).collect(),
            done: work.done,
            end,
        }
    }
}

impl Work<'_> {
    async fn carry_out(
        &mut self,
        changes: &[Entry],
        watch: &mut impl FnMut(&Entry) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, WorkspaceError> {
        let is_one_phase = |one: &Entry, other: &Entry| phase(one) == phase(other);
        for entries in changes.chunk_by(is_one_phase) {
            // The record lies in the folder.
            if !matches!(entries[0].name, Name::Folder(_)) {
                self.remember().await?;
            }
            let flow = self.bring_about(entries, watch).await?;
            if flow.is_break() {
                return Ok(flow);
            }
        }
        self.remember().await?;
        Ok(ControlFlow::Continue(()))
    }

    /// Writes the things of a kind, waits for what Windmill makes of them, and reads them back.
    async fn bring_about(
        &mut self,
        entries: &[Entry],
        watch: &mut impl FnMut(&Entry) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, WorkspaceError> {
        let mut written = Vec::new();
        let mut flow = ControlFlow::Continue(());
        for entry in entries {
            flow = watch(entry);
            if flow.is_break() {
                break;
            }
            let hash = self.write(entry).await?;
            self.done.push(entry.name.clone());
            match entry.action.object() {
                Some(object) => written.push(Written { object, hash }),
                None => self.record.forget(&entry.name),
            }
        }
        let faults = self.prove(&written).await?;
        if !matches!(entries[0].name, Name::Folder(_)) {
            self.remember().await?;
        }
        if !faults.is_empty() {
            return Err(WorkspaceError::Faults(faults));
        }
        Ok(flow)
    }

    async fn write(&self, entry: &Entry) -> Result<String, WindmillError> {
        let client = self.client;
        match (&entry.name, &entry.action) {
            (Name::Item(kind, path), Action::Prune) => {
                client.remove(*kind, path).await.map(|()| String::new())
            }
            (Name::Item(kind, path), Action::Update(update)) => {
                self.change(*kind, path, update).await
            }
            (name, action) => match action.object() {
                Some(object) => self.make(name, object).await,
                None => Ok(String::new()),
            },
        }
    }

    async fn make(&self, name: &Name, object: &Object) -> Result<String, WindmillError> {
        let item = Value::Object(object.item.clone());
        match name {
            Name::Folder(_) => self.client.create_folder(&item).await?,
            Name::Environment(name) => {
                let value = item["value"].as_str().unwrap_or_default();
                self.client.set_environment(name, value).await?;
            }
            Name::Item(kind, path) => return self.client.create(*kind, path, &item).await,
        }
        Ok(String::new())
    }

    async fn change(
        &self,
        kind: ItemKind,
        path: &ItemPath,
        update: &Update,
    ) -> Result<String, WindmillError> {
        let mut item = update.object.over(&update.there);
        match kind {
            ItemKind::Script => {
                item["parent_hash"] = update.there["hash"].clone();
                return self.client.create(kind, path, &item).await;
            }
            ItemKind::Schedule => self.change_schedule(path, &item, &update.there).await?,
            _ => self.client.update(kind, path, &item).await?,
        }
        Ok(String::new())
    }

    /// An update cannot have a schedule start something else, nor turn it on or off.
    async fn change_schedule(
        &self,
        path: &ItemPath,
        item: &Value,
        there: &Value,
    ) -> Result<(), WindmillError> {
        let is_same = |name: &str| item[name] == there[name];
        if !is_same("script_path") || !is_same("is_flow") {
            self.client.remove(ItemKind::Schedule, path).await?;
            return self
                .client
                .create(ItemKind::Schedule, path, item)
                .await
                .map(drop);
        }
        self.client.update(ItemKind::Schedule, path, item).await?;
        match item["enabled"].as_bool() {
            Some(enabled) if !is_same("enabled") => {
                self.client.enable_schedule(path, enabled).await
            }
            _ => Ok(()),
        }
    }

    /// Reads what was written, and notes what is as it should be; gives what is not.
    async fn prove(&mut self, written: &[Written<'_>]) -> Result<Vec<Fault>, WindmillError> {
        let mut faults = Vec::new();
        let mut good = Vec::new();
        for one in written {
            match dependencies::wait(self.client, one.object, &one.hash).await? {
                Ok(()) => good.push(one.object),
                Err(what) => faults.push(Fault {
                    name: one.object.name.clone(),
                    what,
                }),
            }
        }
        // Listed before they are read: a change in between shows in the version, or in what is read.
        let listed = match good.first().map(|object| &object.name) {
            Some(Name::Item(kind, _)) => listing::of_kind(self.client, *kind, &self.place).await?,
            _ => BTreeMap::new(),
        };
        for object in good {
            let there = listing::whole(self.client, &object.name).await?;
            if let Some(what) = not_kept(object, there.as_ref()) {
                let name = object.name.clone();
                faults.push(Fault { name, what });
            } else {
                let listed = listed.get(&object.name);
                self.note(object, listed.unwrap_or(&Value::Null));
            }
        }
        Ok(faults)
    }

    fn note(&mut self, object: &Object, listed: &Value) {
        if let Name::Item(..) = object.name {
            let deployed = Deployed {
                fingerprint: object.fingerprint(),
                version: listing::version(&object.name, listed),
            };
            self.record.set(object.name.clone(), deployed);
        }
    }

    /// Writes the record where it is not as it stands.
    async fn remember(&mut self) -> Result<(), WindmillError> {
        if self.stored.as_ref() == Some(&self.record) {
            return Ok(());
        }
        let path = record::path(&self.place);
        let item = json!({
            "path": path.as_str(),
            "value": self.record.text(),
            "is_secret": false,
            "description": "What `millwright deploy` has deployed here. Do not edit.",
        });
        let kind = ItemKind::Variable;
        if self.stored.is_some() {
            self.client.update(kind, &path, &item).await?;
        } else {
            self.client.create(kind, &path, &item).await?;
        }
        self.stored = Some(self.record.clone());
        Ok(())
    }
}

/// What is written and proved together: the things of a kind; what is removed comes last.
fn phase(entry: &Entry) -> &'static str {
    match entry.action {
        Action::Prune => "prune",
        _ => entry.name.kind(),
    }
}

/// What Windmill did not keep of a thing.
fn not_kept(object: &Object, there: Option<&Value>) -> Option<String> {
    let Some(there) = there else {
        return Some("it was written, and is not there".to_owned());
    };
    let wanted = object.compared();
    let found = aligned(&wanted, there);
    let lost = lost(&wanted, &found);
    (!lost.is_empty()).then(|| {
        format!(
            "it was written, and Windmill did not keep {}: a newer Windmill may know more fields, or someone changed it just now",
            lost.join(", ")
        )
    })
}
