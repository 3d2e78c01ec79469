//! What a deployment would do to a workspace.
//!
//! Always so: making a plan changes nothing, and what is somebody else's is only ever named.

use millwright_core::catalog::GENERATED;
use serde_json::{Value, json};

use super::compare::aligned;
use super::listing::{self, Listing};
use super::object::Object;
use super::record::{Deployed, Record};
use super::text::{self, Line};
use super::wanted::{self, API_URL, Wishes};
use super::{Name, Place, WorkspaceError};
use crate::windmill::{Client, ItemKind};

/// What a deployment would do.
pub struct Plan {
    /// Each thing, in the order in which it is brought about.
    pub entries: Vec<Entry>,
    /// What an earlier deployment made and this one does not want, where it is not to be removed.
    pub left_over: Vec<Name>,
    /// Whether the workspace's jobs are told where the API is, by this deployment or before.
    pub knows_api: bool,
    /// Where it is to stand.
    pub(super) place: Place,
    /// What is remembered once the plan is carried out.
    pub(super) record: Record,
    /// What is remembered now.
    pub(super) stored: Option<Record>,
}

/// What would be done about a thing.
pub struct Entry {
    /// The thing.
    pub name: Name,
    /// What is to be done.
    pub action: Action,
}

/// What is to be done about a thing.
pub enum Action {
    /// It is made.
    Create(Create),
    /// It is changed.
    Update(Update),
    /// It is as it should be.
    Unchanged,
    /// Somebody else made it: it is left alone.
    Foreign,
    /// It is removed: an earlier deployment made it, and it is no longer wanted.
    Prune,
}

/// A thing that is made.
pub struct Create(pub(super) Object);

/// A thing that is changed.
pub struct Update {
    pub(super) object: Object,
    /// What there is of it.
    pub(super) there: Value,
    /// How it differs from what should be.
    pub lines: Vec<Line>,
    /// Why it is written where nothing differs.
    pub why: Option<&'static str>,
}

impl Action {
    /// The action in a word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Create(_) => "create",
            Self::Update(_) => "update",
            Self::Unchanged => "unchanged",
            Self::Foreign => "foreign",
            Self::Prune => "prune",
        }
    }

    /// Whether something is written for it.
    pub fn is_change(&self) -> bool {
        matches!(self, Self::Create(_) | Self::Update(_) | Self::Prune)
    }

    pub(super) fn object(&self) -> Option<&Object> {
        match self {
            Self::Create(Create(object)) | Self::Update(Update { object, .. }) => Some(object),
            _ => None,
        }
    }
}

impl Plan {
    /// Compares a workspace with what it should hold. With `prune`, what an earlier deployment made and is no longer wanted
    /// goes.
    ///
    /// # Errors
    /// [`WorkspaceError`].
    pub async fn make(
        client: &Client,
        wishes: &Wishes,
        prune: bool,
    ) -> Result<Self, WorkspaceError> {
        let listing = Listing::read(client, &wishes.place).await?;
        let has_token = listing
            .there
            .contains_key(&wanted::token_name(&wishes.place));
        let objects = wanted::objects(wishes, has_token)?;
        let api = Name::Environment(API_URL.to_owned());
        let mut plan = Self {
            place: wishes.place.clone(),
            entries: Vec::new(),
            left_over: Vec::new(),
            knows_api: wishes.api_url.is_some() || listing.there.contains_key(&api),
            record: listing.record.clone().unwrap_or_default(),
            stored: listing.record.clone(),
        };
        plan.forget_unwanted(&objects, &listing, prune);
        for object in objects {
            let name = object.name.clone();
            let action = plan.decide(client, object, &listing).await?;
            plan.entries.push(Entry { name, action });
        }
        // Flows go before the scripts that they call.
        plan.entries
            .sort_by_key(|entry| matches!(entry.action, Action::Prune));
        Ok(plan)
    }

    /// Whether the workspace is not as it should be.
    pub fn is_drift(&self) -> bool {
        let settled = |entry: &Entry| matches!(entry.action, Action::Unchanged);
        !self.entries.iter().all(settled)
    }

    /// How many entries have an action of this word.
    pub fn count(&self, word: &str) -> usize {
        let entries = self.entries.iter();
        entries.filter(|entry| entry.action.word() == word).count()
    }

    /// The plan for programs.
    pub fn to_json(&self) -> Value {
        let entries = self.entries.iter().map(|entry| {
            let mut shown = json!({
                "kind": entry.name.kind(),
                "path": entry.name.path(),
                "action": entry.action.word(),
            });
            if let Action::Update(update) = &entry.action {
                let lines = update.lines.iter().map(Line::to_string);
                shown["diff"] = lines.collect::<Vec<_>>().into();
                shown["why"] = update.why.into();
            }
            shown
        });
        let left_over = self.left_over.iter().map(Name::to_string);
        json!({
            "objects": entries.collect::<Vec<_>>(),
            "left_over": left_over.collect::<Vec<_>>(),
        })
    }

    /// What is remembered and no longer wanted is removed, or left over, or gone already.
    fn forget_unwanted(&mut self, objects: &[Object], listing: &Listing, prune: bool) {
        let mut unwanted: Vec<Name> = self.record.names().cloned().collect();
        unwanted.retain(|name| objects.iter().all(|object| object.name != *name));
        for name in unwanted.into_iter().rev() {
            if !listing.there.contains_key(&name) {
                self.record.forget(&name);
            } else if prune {
                let action = Action::Prune;
                self.entries.push(Entry { name, action });
            } else {
                self.left_over.push(name);
            }
        }
    }

    async fn decide(
        &mut self,
        client: &Client,
        object: Object,
        listing: &Listing,
    ) -> Result<Action, WorkspaceError> {
        let name = &object.name;
        let Some(listed) = listing.there.get(name) else {
            return Ok(Action::Create(Create(object)));
        };
        let deployed = Deployed {
            fingerprint: object.fingerprint(),
            version: listing::version(name, listed),
        };
        let is_known = self.record.get(name) == Some(&deployed);
        if is_known && !deployed.version.is_empty() {
            return Ok(Action::Unchanged);
        }
        let wanted = object.compared();
        let is_whole = !matches!(name, Name::Item(..)) || aligned(&wanted, listed) == wanted;
        let there = if is_whole {
            Some(listed.clone())
        } else {
            listing::whole(client, name).await?
        };
        let Some(there) = there else {
            return Ok(Action::Create(Create(object)));
        };
        Ok(self.compare(object, deployed, there, &wanted))
    }

    fn compare(
        &mut self,
        object: Object,
        deployed: Deployed,
        there: Value,
        wanted: &Value,
    ) -> Action {
        let is_ours = self.record.get(&object.name).is_some() || is_generated(&there);
        let is_item = matches!(object.name, Name::Item(..));
        let found = aligned(wanted, &there);
        let why = if object.insists {
            Some("it is written anew")
        } else if there["lock_error_logs"]
            .as_str()
            .is_some_and(|log| !log.is_empty())
        {
            Some("its dependency job failed")
        } else {
            None
        };
        if found == *wanted && why.is_none() {
            if is_item && is_ours {
                self.record.set(object.name, deployed);
            }
            return Action::Unchanged;
        }
        if is_item && !is_ours {
            return Action::Foreign;
        }
        let lines = text::difference(&found, wanted);
        Action::Update(Update {
            object,
            there,
            lines,
            why,
        })
    }
}

/// Whether a thing says that it is generated, and so is no one's own.
fn is_generated(there: &Value) -> bool {
    let texts = ["content", "description", "summary"].into_iter();
    let mut texts = texts.filter_map(|name| there[name].as_str());
    texts.any(|text| text.contains(GENERATED))
}

/// Whether a thing of a kind has a dependency job: what a script in bash has not.
pub(super) fn has_dependencies(object: &Object) -> bool {
    match &object.name {
        Name::Item(ItemKind::Flow, _) => true,
        Name::Item(ItemKind::Script, _) => !object.item.contains_key("lock"),
        _ => false,
    }
}
