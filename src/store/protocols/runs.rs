//! Protocol runs.
//!
//! Always so: the spec is kept as it was given; its hash is that of the JSON, not of what was understood of it.

use millwright_core::protocol::{
    ProtocolRun, ProtocolSpecView, ProtocolStatus, SpecError, policy_hash, spec_hash,
};
use rusqlite::{OptionalExtension, Row, named_params};
use serde_json::{Map, Value, json};

use super::{StoreError, Tables, word};
use crate::store::Timestamp;

/// The word for a spec in which validation found nothing.
pub(super) const VALID: &str = "valid";

/// A protocol run that is to be made.
#[derive(Debug, Clone, Default)]
pub struct NewProtocol {
    /// Its name; it names a folder too.
    pub protocol_name: String,
    /// The branch that it begins from.
    pub base_branch: String,
    /// Its worktree on this machine.
    pub worktree_path: Option<String>,
    /// Its folder of plans and outputs.
    pub protocol_root: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// What it is made from; `protocol_spec` holds the spec.
    pub template_config: Option<Value>,
    /// Where that came from.
    pub template_source: Option<Value>,
}

/// Which protocol runs are meant.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProtocolFilter {
    /// Those of a project.
    pub project_id: Option<i64>,
    /// Those that stand so.
    pub status: Option<ProtocolStatus>,
    /// At most so many, the newest first.
    pub limit: u32,
}

impl Tables<'_> {
    /// Makes a protocol run of a project, under the project's policy.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where the project is.
    pub fn create_protocol(
        &self,
        project_id: i64,
        new: &NewProtocol,
    ) -> Result<ProtocolRun, StoreError> {
        let project = self.project(project_id)?;
        let id = self.insert_protocol(project_id, new)?;
        let (key, version) = (&project.policy_pack_key, &project.policy_pack_version);
        self.connection
            .prepare_cached(
                "UPDATE protocol_runs SET policy_pack_key = ?2, policy_pack_version = ?3,
                     policy_effective_hash = ?4 WHERE id = ?1",
            )?
            .execute((id, key, version, policy_hash(&project, None)))?;
        self.protocol(id)
    }

    /// Makes the row alone.
    pub(super) fn insert_protocol(
        &self,
        project_id: i64,
        new: &NewProtocol,
    ) -> Result<i64, StoreError> {
        let spec = new.template_config.as_ref().and_then(spec_of);
        self.connection
            .prepare_cached(
                "INSERT INTO protocol_runs (project_id, protocol_name, status, base_branch, worktree_path,
                     protocol_root, description, template_config, template_source, created_at, updated_at,
                     spec_hash)
                 VALUES (:project_id, :protocol_name, :status, :base_branch, :worktree_path,
                     :protocol_root, :description, :template_config, :template_source, :now, :now,
                     :spec_hash)",
            )?
            .execute(named_params! {
                ":project_id": project_id, ":protocol_name": new.protocol_name,
                ":status": ProtocolStatus::Pending.as_str(), ":base_branch": new.base_branch,
                ":worktree_path": new.worktree_path, ":protocol_root": new.protocol_root,
                ":description": new.description, ":template_config": new.template_config,
                ":template_source": new.template_source, ":spec_hash": spec.map(spec_hash),
                ":now": self.now,
            })?;
        Ok(self.connection.last_insert_rowid())
    }

    /// A protocol run.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn protocol(&self, id: i64) -> Result<ProtocolRun, StoreError> {
        self.connection
            .prepare_cached("SELECT * FROM protocol_runs WHERE id = ?1")?
            .query_row([id], from_row)
            .optional()?
            .ok_or(StoreError::NotFound("Protocol"))
    }

    /// Protocol runs, the newest first.
    ///
    /// # Errors
    /// The database's.
    pub fn protocols(&self, filter: ProtocolFilter) -> Result<Vec<ProtocolRun>, StoreError> {
        let status = filter.status.map(ProtocolStatus::as_str);
        self.connection
            .prepare_cached(
                "SELECT * FROM protocol_runs
                 WHERE (?1 IS NULL OR project_id = ?1) AND (?2 IS NULL OR status = ?2)
                 ORDER BY id DESC LIMIT ?3",
            )?
            .query_map((filter.project_id, status, filter.limit), from_row)?
            .collect::<Result<_, _>>()
            .map_err(StoreError::from)
    }

    /// A protocol run's spec, and what is known of it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn protocol_spec(&self, id: i64) -> Result<ProtocolSpecView, StoreError> {
        let run = self.protocol(id)?;
        let config = run.template_config.as_ref();
        let errors = config.and_then(|config| config.get("spec_meta")?.get("errors"));
        Ok(ProtocolSpecView {
            protocol_run_id: run.id,
            protocol_name: run.protocol_name,
            project_id: run.project_id,
            spec: config.and_then(spec_of).cloned(),
            spec_hash: run.spec_hash,
            validation_status: run.spec_validation_status,
            validation_errors: errors
                .and_then(|errors| serde_json::from_value(errors.clone()).ok()),
            validated_at: run.spec_validated_at,
        })
    }

    /// Keeps what validation found beside the spec.
    pub(super) fn write_spec_meta(
        &self,
        run: &ProtocolRun,
        errors: &[SpecError],
    ) -> Result<(), StoreError> {
        self.write_config(run, [("spec_meta", self.spec_meta(&sentences(errors)))])
    }

    /// Keeps a spec, with what validation found.
    pub(super) fn write_spec(
        &self,
        run: &ProtocolRun,
        spec: &Value,
        errors: &[SpecError],
    ) -> Result<(), StoreError> {
        let entries = [
            ("protocol_spec", spec.clone()),
            ("spec_meta", self.spec_meta(&sentences(errors))),
        ];
        self.write_config(run, entries)?;
        self.write_hash(run.id, Some(&spec_hash(spec)))
    }

    /// Says beside a spec what is wrong with it, in sentences.
    pub(super) fn restate(
        &self,
        run: &ProtocolRun,
        spec_hash: Option<&str>,
        errors: &[String],
    ) -> Result<(), StoreError> {
        self.write_config(run, [("spec_meta", self.spec_meta(errors))])?;
        self.write_hash(run.id, spec_hash)
    }

    fn write_hash(&self, id: i64, spec_hash: Option<&str>) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("UPDATE protocol_runs SET spec_hash = ?2 WHERE id = ?1")?
            .execute((id, spec_hash))?;
        Ok(())
    }

    fn spec_meta(&self, errors: &[String]) -> Value {
        let status = if errors.is_empty() { VALID } else { "invalid" };
        json!({"status": status, "errors": errors, "validated_at": self.now.to_row_text()})
    }

    pub(super) fn write_config<const N: usize>(
        &self,
        run: &ProtocolRun,
        entries: [(&str, Value); N],
    ) -> Result<(), StoreError> {
        let mut config = match &run.template_config {
            Some(Value::Object(config)) => config.clone(),
            _ => Map::new(),
        };
        config.extend(entries.map(|(key, value)| (key.to_owned(), value)));
        self.connection
            .prepare_cached(
                "UPDATE protocol_runs SET template_config = ?2, updated_at = ?3 WHERE id = ?1",
            )?
            .execute((run.id, Value::Object(config), self.now))?;
        Ok(())
    }
}

/// The spec in a `template_config`.
pub(super) fn spec_of(config: &Value) -> Option<&Value> {
    config.get("protocol_spec").filter(|spec| !spec.is_null())
}

fn sentences(errors: &[SpecError]) -> Vec<String> {
    errors.iter().map(ToString::to_string).collect()
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<ProtocolRun> {
    let time = |column| Ok::<_, rusqlite::Error>(row.get::<_, Timestamp>(column)?.to_row_text());
    let template_config: Option<Value> = row.get("template_config")?;
    let meta = |key| {
        let meta = template_config.as_ref()?.get("spec_meta")?;
        meta.get(key)?.as_str().map(str::to_owned)
    };
    let status: ProtocolStatus = word(row, "status")?;
    let chosen: Option<String> = row.get("worktree_path")?;
    // What was made for it goes with its end.
    let made: Option<String> = row.get("own_worktree")?;
    let made = made.filter(|_| !status.is_terminal());
    let worktree_made = chosen.is_none() && made.is_some();
    Ok(ProtocolRun {
        protocol_name: row.get("protocol_name")?,
        status,
        base_branch: row.get("base_branch")?,
        worktree_path: chosen.or(made),
        worktree_made,
        protocol_root: row.get("protocol_root")?,
        description: row.get("description")?,
        spec_validation_status: meta("status"),
        spec_validated_at: meta("validated_at"),
        template_config,
        template_source: row.get("template_source")?,
        id: row.get("id")?,
        project_id: row.get("project_id")?,
        created_at: time("created_at")?,
        updated_at: time("updated_at")?,
        spec_hash: row.get("spec_hash")?,
        policy_pack_key: row.get("policy_pack_key")?,
        policy_pack_version: row.get("policy_pack_version")?,
        policy_effective_hash: row.get("policy_effective_hash")?,
        summary: row.get("summary")?,
        windmill_flow_id: row.get("windmill_flow_id")?,
        speckit_metadata: row.get("speckit_metadata")?,
        pr_url: row.get("pr_url")?,
        pr_number: row.get("pr_number")?,
    })
}
