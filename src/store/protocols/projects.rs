//! Projects.
//!
//! Always so: a new project comes with the protocol that sets it up, as callers of the API expect.

use millwright_core::protocol::{PolicyMode, Project};
use rusqlite::{OptionalExtension, Row, named_params};
use serde_json::Value;

use super::{StoreError, Tables};

/// A project that is to be made.
#[derive(Debug, Clone, Default)]
pub struct NewProject {
    /// Its name.
    pub name: String,
    /// What it is.
    pub description: Option<String>,
    /// Where its repository is.
    pub git_url: Option<String>,
    /// Its checkout on this machine.
    pub local_path: Option<String>,
    /// The branch that work begins from.
    pub base_branch: String,
    /// Who builds it.
    pub ci_provider: Option<String>,
    /// What sort of project it is.
    pub project_classification: Option<String>,
    /// Engines' models by stage.
    pub default_models: Option<Value>,
    /// What it does otherwise than the policy pack.
    pub policy_overrides: Option<Value>,
    /// How strictly its policy is held; `warn` when absent.
    pub policy_enforcement_mode: Option<PolicyMode>,
    /// Whether its repository may hold a policy of its own.
    pub policy_repo_local_enabled: bool,
}

/// How a project stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProjectStatus {
    /// In use.
    Active,
    /// Put away.
    Archived,
    /// Thrown away.
    Deleted,
}

/// What is to be changed of a project; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct ProjectChange {
    /// Its name.
    pub name: Option<String>,
    /// What it is.
    pub description: Option<String>,
    /// How it stands.
    pub status: Option<ProjectStatus>,
    /// Where its repository is.
    pub git_url: Option<String>,
    /// Its checkout on this machine.
    pub local_path: Option<String>,
    /// The branch that work begins from.
    pub base_branch: Option<String>,
    /// What sort of project it is.
    pub project_classification: Option<String>,
    /// What it does otherwise than the policy pack, all of it.
    pub policy_overrides: Option<Value>,
    /// How strictly its policy is held.
    pub policy_enforcement_mode: Option<PolicyMode>,
    /// Whether its repository may hold a policy of its own.
    pub policy_repo_local_enabled: Option<bool>,
}

impl ProjectStatus {
    /// The word in the API and the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Archived => "archived",
            Self::Deleted => "deleted",
        }
    }
}

impl Tables<'_> {
    /// Makes a project, and the protocol that sets it up.
    ///
    /// # Errors
    /// The database's.
    pub fn create_project(
        &self,
        new: &NewProject,
        request_id: Option<&str>,
    ) -> Result<Project, StoreError> {
        let mode = new.policy_enforcement_mode.unwrap_or(PolicyMode::Warn);
        self.connection
            .prepare_cached(
                "INSERT INTO projects (name, description, git_url, local_path, base_branch, ci_provider,
                     project_classification, default_models, policy_overrides, created_at, updated_at,
                     policy_pack_key, policy_pack_version, policy_repo_local_enabled,
                     policy_enforcement_mode, status)
                 VALUES (:name, :description, :git_url, :local_path, :base_branch, :ci_provider,
                     :project_classification, :default_models, :policy_overrides, :now, :now,
                     'default', '1.0', :local, :mode, 'active')",
            )?
            .execute(named_params! {
                ":name": new.name, ":description": new.description, ":git_url": new.git_url,
                ":local_path": new.local_path, ":base_branch": new.base_branch,
                ":ci_provider": new.ci_provider, ":project_classification": new.project_classification,
                ":default_models": new.default_models, ":policy_overrides": new.policy_overrides,
                ":local": new.policy_repo_local_enabled, ":mode": mode.as_str(), ":now": self.now,
            })?;
        let project = self.project(self.connection.last_insert_rowid())?;
        self.create_setup(&project, request_id)?;
        Ok(project)
    }

    /// A project.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn project(&self, id: i64) -> Result<Project, StoreError> {
        self.connection
            .prepare_cached("SELECT * FROM projects WHERE id = ?1")?
            .query_row([id], from_row)
            .optional()?
            .ok_or(StoreError::NotFound("Project"))
    }

    /// The projects, by id; those with one status where it is given.
    ///
    /// # Errors
    /// The database's.
    pub fn projects(&self, status: Option<ProjectStatus>) -> Result<Vec<Project>, StoreError> {
        let status = status.map(ProjectStatus::as_str);
        self.connection
            .prepare_cached("SELECT * FROM projects WHERE ?1 IS NULL OR status = ?1 ORDER BY id")?
            .query_map([status], from_row)?
            .collect::<Result<_, _>>()
            .map_err(StoreError::from)
    }

    /// Changes a project.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn change_project(&self, id: i64, change: &ProjectChange) -> Result<Project, StoreError> {
        self.connection
            .prepare_cached(
                "UPDATE projects SET
                     name = coalesce(:name, name), description = coalesce(:description, description),
                     status = coalesce(:status, status), git_url = coalesce(:git_url, git_url),
                     local_path = coalesce(:local_path, local_path),
                     base_branch = coalesce(:base_branch, base_branch),
                     project_classification = coalesce(:project_classification, project_classification),
                     policy_overrides = coalesce(:overrides, policy_overrides),
                     policy_enforcement_mode = coalesce(:mode, policy_enforcement_mode),
                     policy_repo_local_enabled = coalesce(:local, policy_repo_local_enabled),
                     updated_at = :now
                 WHERE id = :id",
            )?
            .execute(named_params! {
                ":id": id, ":name": change.name, ":description": change.description,
                ":status": change.status.map(ProjectStatus::as_str), ":git_url": change.git_url,
                ":local_path": change.local_path, ":base_branch": change.base_branch,
                ":project_classification": change.project_classification, ":now": self.now,
                ":overrides": change.policy_overrides,
                ":mode": change.policy_enforcement_mode.map(PolicyMode::as_str),
                ":local": change.policy_repo_local_enabled,
            })?;
        self.project(id)
    }
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Project> {
    let time = |column| {
        Ok::<_, rusqlite::Error>(row.get::<_, crate::store::Timestamp>(column)?.to_row_text())
    };
    Ok(Project {
        name: row.get("name")?,
        git_url: row.get("git_url")?,
        local_path: row.get("local_path")?,
        base_branch: row.get("base_branch")?,
        ci_provider: row.get("ci_provider")?,
        project_classification: row.get("project_classification")?,
        default_models: row.get("default_models")?,
        secrets: None,
        id: row.get("id")?,
        created_at: time("created_at")?,
        updated_at: time("updated_at")?,
        policy_pack_key: row.get("policy_pack_key")?,
        policy_pack_version: row.get("policy_pack_version")?,
        policy_overrides: row.get("policy_overrides")?,
        policy_repo_local_enabled: row.get("policy_repo_local_enabled")?,
        policy_effective_hash: row.get("policy_effective_hash")?,
        policy_enforcement_mode: row.get("policy_enforcement_mode")?,
        description: row.get("description")?,
        status: row.get("status")?,
        constitution_version: row.get("constitution_version")?,
    })
}
