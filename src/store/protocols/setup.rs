//! The protocol that stands for a project's setup.
//!
//! Always so: a project has one; a project of an older database gets its own when there is something to tell.

use millwright_core::protocol::{
    EventType, NewEvent, Project, ProtocolRun, SetupReport, setup_answered, setup_reported,
};
use rusqlite::OptionalExtension;

use super::runs::NewProtocol;
use super::{StoreError, Tables};

impl Tables<'_> {
    /// Keeps what a worker did for a project's setup. Where `waits`, a setup that is over waits for the answers to the
    /// questions about it. Gives the protocol that stands for the setup.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where the project is.
    pub fn report_setup(
        &self,
        project_id: i64,
        report: &SetupReport,
        waits: bool,
    ) -> Result<ProtocolRun, StoreError> {
        let id = self.setup_made(project_id)?;
        let seen = self.see(id)?;
        let decision = setup_reported(&seen.snapshot, report, waits);
        self.apply(&seen, &decision, None)?;
        self.protocol(id)
    }

    /// The protocol that sets a project up.
    pub(super) fn setup_of(&self, project_id: i64) -> Result<Option<i64>, StoreError> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT id FROM protocol_runs WHERE project_id = ?1 AND protocol_name = 'setup-' || ?1
                 ORDER BY id LIMIT 1",
            )?
            .query_row([project_id], |row| row.get(0))
            .optional()?)
    }

    fn setup_made(&self, project_id: i64) -> Result<i64, StoreError> {
        let project = self.project(project_id)?;
        match self.setup_of(project_id)? {
            Some(id) => Ok(id),
            None => self.create_setup(&project, None),
        }
    }

    /// Puts an event of a whole project on record, with the protocol that sets it up.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where the project is.
    pub fn tell_of_project(&self, project_id: i64, event: &NewEvent) -> Result<(), StoreError> {
        self.write_event(self.setup_made(project_id)?, event)
    }

    /// Completes a setup that has waited for answers, where none is left to wait for. Says whether the protocol is such a
    /// setup: then nothing else is to go on in it.
    pub(super) fn let_setup_go_on(&self, id: i64) -> Result<bool, StoreError> {
        if !self.setup_waits(id)? {
            return Ok(false);
        }
        let seen = self.see(id)?;
        if let Some(decision) = setup_answered(&seen.snapshot) {
            self.apply(&seen, &decision, None)?;
        }
        Ok(true)
    }

    /// Whether the last that is known of a setup is that it waits for answers.
    fn setup_waits(&self, id: i64) -> Result<bool, StoreError> {
        let last: Option<String> = self
            .connection
            .prepare_cached(
                "SELECT event_type FROM events WHERE protocol_run_id = ?1 AND event_type IN
                     ('setup_started', 'setup_blocked', 'setup_failed', 'setup_pending_clone', 'setup_completed',
                      'planning_enqueued')
                 ORDER BY id DESC LIMIT 1",
            )?
            .query_row([id], |row| row.get(0))
            .optional()?;
        Ok(last.as_deref() == Some(EventType::SetupBlocked.as_str()))
    }

    /// Makes the protocol that stands for a project's setup.
    pub(super) fn create_setup(
        &self,
        project: &Project,
        request_id: Option<&str>,
    ) -> Result<i64, StoreError> {
        let setup = self.insert_protocol(
            project.id,
            &NewProtocol {
                protocol_name: format!("setup-{}", project.id),
                base_branch: project.base_branch.clone(),
                description: Some("Project setup and bootstrap".to_owned()),
                ..NewProtocol::default()
            },
        )?;
        let event = NewEvent::new(EventType::SetupEnqueued, "Project setup enqueued.");
        self.write_event(setup, &event.with("request_id", request_id))?;
        Ok(setup)
    }
}
