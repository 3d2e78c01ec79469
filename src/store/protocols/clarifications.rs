//! Questions to people: asked, listed and answered; what waits for them, and what their answers let go.
//!
//! Always so: a scope has one question of a key, and an answer stays as it was first given.

use millwright_core::protocol::{
    Answer, Clarification, ClarificationStatus, EventType, Kind, Phase, ProtocolRun,
    ProtocolStatus, about_question, answered, asked_of_failed_step, hold_back_planning,
    hold_back_step,
};
use rusqlite::{OptionalExtension, Row, ToSql, named_params};
use serde_json::Value;

use super::decisions::Seen;
use super::{StoreError, Tables, word};
use crate::store::Timestamp;
use crate::store::conditions::{as_sql, narrow};

/// So many answers are told to whoever works.
const MOST_ANSWERS: i64 = 20;

/// What a question is asked of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// A project.
    Project(i64),
    /// A protocol run.
    Protocol(i64),
    /// A step run.
    Step(i64),
}

/// A question that is to be asked.
#[derive(Debug, Clone)]
pub struct NewClarification {
    /// What it is asked of.
    pub scope: Scope,
    /// Names it within its scope.
    pub key: String,
    /// The question.
    pub question: String,
    /// What it is about; none: everything in its scope.
    pub applies_to: Option<Phase>,
    /// Whether work waits for the answer.
    pub blocking: bool,
    /// The answer that is recommended.
    pub recommended: Option<Value>,
    /// The answers to choose from.
    pub options: Option<Value>,
}

/// Which questions are meant.
#[derive(Debug, Clone, Copy, Default)]
pub struct ClarificationFilter {
    /// Those of a project, its protocols and steps.
    pub project_id: Option<i64>,
    /// Those of a protocol run and its steps, and those of its project.
    pub protocol_run_id: Option<i64>,
    /// Those of a step run.
    pub step_run_id: Option<i64>,
    /// Those that stand so.
    pub status: Option<ClarificationStatus>,
    /// Those that work waits for, or those that it does not wait for.
    pub blocking: Option<bool>,
    /// Those after the one with this id.
    pub after: Option<i64>,
    /// At most so many, the oldest first.
    pub limit: u32,
}

struct Owners {
    project: i64,
    protocol: Option<i64>,
    step: Option<i64>,
}

impl Tables<'_> {
    /// Asks a question. One that was asked before is asked anew with what is sent now; one that was answered stays so.
    /// Where it blocks no more, gives the protocols that are to be planned again.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where the scope is, or [`StoreError::Conflict`] where its protocol has ended, so that nothing
    /// can wait for the answer.
    pub fn ask(&self, new: &NewClarification) -> Result<(Clarification, Vec<i64>), StoreError> {
        let owners = self.owners(new.scope)?;
        let scope = new.scope.to_string();
        let known = self.clarification_named(&scope, &new.key)?;
        if let Some(known) = &known
            && known.status == ClarificationStatus::Answered
        {
            return Ok((known.clone(), Vec::new()));
        }
        if new.blocking {
            self.refuse_ended(owners.protocol)?;
        }
        self.connection
            .prepare_cached(
                "INSERT INTO clarifications (scope, project_id, protocol_run_id, step_run_id, key, question, applies_to,
                     blocking, recommended, options, status, created_at, updated_at)
                 VALUES (:scope, :project, :protocol, :step, :key, :question, :applies_to,
                     :blocking, :recommended, :options, 'open', :now, :now)
                 ON CONFLICT (scope, key) DO UPDATE SET question = :question, applies_to = :applies_to,
                     blocking = :blocking, recommended = :recommended, options = :options, updated_at = :now",
            )?
            .execute(named_params! {
                ":scope": scope, ":project": owners.project, ":protocol": owners.protocol,
                ":step": owners.step, ":key": new.key, ":question": new.question,
                ":applies_to": new.applies_to.map(Phase::as_str), ":blocking": new.blocking,
                ":recommended": new.recommended, ":options": new.options, ":now": self.now,
            })?;
        let asked = self.clarification_named(&scope, &new.key)?;
        let asked = asked.ok_or(StoreError::NotFound("Clarification"))?;
        if known.is_none() {
            self.tell_of(EventType::ClarificationAsked, &asked)?;
        }
        let planning = self.let_go_on(&asked)?;
        if let (Some(protocol), Some(step)) = (asked.protocol_run_id, asked.step_run_id) {
            self.block_failed(protocol, step)?;
        }
        Ok((asked, planning))
    }

    fn refuse_ended(&self, protocol_run_id: Option<i64>) -> Result<(), StoreError> {
        let Some(id) = protocol_run_id else {
            return Ok(());
        };
        let status = self.protocol(id)?.status;
        if status.is_terminal() {
            let what = format!("protocol {id} is {status}: nothing in it waits for an answer");
            return Err(StoreError::Conflict(what));
        }
        Ok(())
    }

    /// A step that has failed waits for the answer to a question about it.
    fn block_failed(&self, protocol_run_id: i64, step_run_id: i64) -> Result<(), StoreError> {
        let seen = self.see(protocol_run_id)?;
        match asked_of_failed_step(&seen.snapshot, step_run_id) {
            Some(decision) => self.apply(&seen, &decision, None),
            None => Ok(()),
        }
    }

    /// Answers a question, and lets go what waits for nothing else. Gives the protocols that are to be planned again.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Conflict`] where it was answered otherwise.
    pub fn answer(
        &self,
        id: i64,
        answer: &Value,
        by: Option<&str>,
    ) -> Result<(Clarification, Vec<i64>), StoreError> {
        let question = self.clarification(id)?;
        if question.status == ClarificationStatus::Answered {
            return if question.answer.as_ref() == Some(answer) {
                Ok((question, Vec::new()))
            } else {
                Err(StoreError::Conflict(format!(
                    "question {id} was answered before, otherwise"
                )))
            };
        }
        self.connection
            .prepare_cached(
                "UPDATE clarifications SET status = 'answered', answer = ?2, answered_by = ?3,
                     answered_at = ?4, updated_at = ?4 WHERE id = ?1",
            )?
            .execute((id, answer, by, self.now))?;
        let question = self.clarification(id)?;
        self.tell_of(EventType::ClarificationAnswered, &question)?;
        let planning = self.let_go_on(&question)?;
        Ok((question, planning))
    }

    /// Puts on record what became of a question. One of the whole project belongs to the protocol that sets it up.
    fn tell_of(&self, what: EventType, question: &Clarification) -> Result<(), StoreError> {
        let protocol = match question.protocol_run_id {
            Some(protocol) => Some(protocol),
            None => self.setup_of(question.project_id)?,
        };
        match protocol {
            Some(protocol) => self.write_event(protocol, &about_question(what, question)),
            None => Ok(()),
        }
    }

    /// A question.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn clarification(&self, id: i64) -> Result<Clarification, StoreError> {
        self.connection
            .prepare_cached("SELECT * FROM clarifications WHERE id = ?1")?
            .query_row([id], from_row)
            .optional()?
            .ok_or(StoreError::NotFound("Clarification"))
    }

    /// The questions that pass, oldest first.
    ///
    /// # Errors
    /// The database's.
    pub fn clarifications(
        &self,
        filter: &ClarificationFilter,
    ) -> Result<Vec<Clarification>, StoreError> {
        let status = filter.status.map(ClarificationStatus::as_str);
        let protocol = "(protocol_run_id = ? OR protocol_run_id IS NULL AND project_id =
            (SELECT project_id FROM protocol_runs WHERE id = ?))";
        let protocol_run_id = filter.protocol_run_id.as_ref().map(as_sql);
        let conditions: [(&str, Option<&dyn ToSql>); 5] = [
            ("project_id = ?", filter.project_id.as_ref().map(as_sql)),
            ("step_run_id = ?", filter.step_run_id.as_ref().map(as_sql)),
            ("status = ?", status.as_ref().map(as_sql)),
            ("blocking = ?", filter.blocking.as_ref().map(as_sql)),
            ("id > ?", filter.after.as_ref().map(as_sql)),
        ];
        let mut query = "SELECT * FROM clarifications WHERE true".to_owned();
        let mut values = narrow(&mut query, &conditions);
        if let Some(id) = protocol_run_id {
            narrow(&mut query, &[(protocol, Some(id))]);
            values.extend([id, id]);
        }
        values.push(&filter.limit);
        query.push_str(" ORDER BY id LIMIT ?");
        self.connection
            .prepare_cached(&query)?
            .query_map(values.as_slice(), from_row)?
            .collect::<Result<_, _>>()
            .map_err(StoreError::from)
    }

    /// The open questions that hold back some of a protocol.
    pub(super) fn open_questions(
        &self,
        project_id: i64,
        protocol_run_id: i64,
    ) -> Result<Vec<Clarification>, StoreError> {
        self.connection
            .prepare_cached(
                "SELECT * FROM clarifications WHERE project_id = ?1 AND status = 'open' AND blocking
                 AND (protocol_run_id IS NULL OR protocol_run_id = ?2) ORDER BY id",
            )?
            .query_map((project_id, protocol_run_id), from_row)?
            .collect::<Result<_, _>>()
            .map_err(StoreError::from)
    }

    /// What people have answered of late about a project, of its protocols this one, of its steps this one, oldest first.
    ///
    /// # Errors
    /// The database's.
    pub fn answers(
        &self,
        project_id: i64,
        protocol_run_id: Option<i64>,
        step_run_id: Option<i64>,
    ) -> Result<Vec<Answer>, StoreError> {
        let answered: Vec<Clarification> = self
            .connection
            .prepare_cached(
                "SELECT * FROM clarifications WHERE project_id = ?1 AND status = 'answered'
                 AND (protocol_run_id IS NULL OR protocol_run_id = ?2)
                 AND (step_run_id IS NULL OR step_run_id = ?3)
                 ORDER BY answered_at DESC, id DESC LIMIT ?4",
            )?
            .query_map(
                (project_id, protocol_run_id, step_run_id, MOST_ANSWERS),
                from_row,
            )?
            .collect::<Result<_, _>>()?;
        Ok(answered.iter().rev().filter_map(Answer::of).collect())
    }

    /// Holds back a protocol whose planning waits for answers; says how it then stands.
    pub(super) fn hold_back_planning(&self, id: i64) -> Result<Option<ProtocolRun>, StoreError> {
        let seen = self.see(id)?;
        let Some(decision) = hold_back_planning(&seen.snapshot)? else {
            return Ok(None);
        };
        self.apply(&seen, &decision, None)?;
        self.protocol(id).map(Some)
    }

    /// Holds back a step one half of whose work waits for answers, and takes it from whoever claimed it. Says whether it
    /// waits.
    pub(super) fn hold_back_step(
        &self,
        seen: &Seen,
        step_run_id: i64,
        kind: Kind,
    ) -> Result<bool, StoreError> {
        // Where nobody can wait with it, whoever begins it is told so.
        let Ok(Some(decision)) = hold_back_step(&seen.snapshot, step_run_id, kind) else {
            return Ok(false);
        };
        self.apply(seen, &decision, None)?;
        self.drop_claim(step_run_id)?;
        Ok(true)
    }

    /// Lets go what waits for nothing any more in the protocols of a question.
    fn let_go_on(&self, question: &Clarification) -> Result<Vec<i64>, StoreError> {
        let mut planning = Vec::new();
        for id in self.held_back_by(question)? {
            if self.let_setup_go_on(id)? {
                continue;
            }
            let seen = self.see(id)?;
            let decision = answered(&seen.snapshot);
            self.apply(&seen, &decision, None)?;
            if decision.after.status == ProtocolStatus::Planning {
                planning.push(id);
            }
        }
        Ok(planning)
    }

    fn held_back_by(&self, question: &Clarification) -> Result<Vec<i64>, StoreError> {
        self.connection
            .prepare_cached(
                "SELECT id FROM protocol_runs WHERE project_id = ?1 AND (?2 IS NULL OR id = ?2)
                 AND (status = 'blocked' OR id IN (SELECT protocol_run_id FROM step_runs WHERE status = 'blocked'))
                 ORDER BY id",
            )?
            .query_map((question.project_id, question.protocol_run_id), |row| row.get(0))?
            .collect::<Result<_, _>>()
            .map_err(StoreError::from)
    }

    fn clarification_named(
        &self,
        scope: &str,
        key: &str,
    ) -> Result<Option<Clarification>, StoreError> {
        Ok(self
            .connection
            .prepare_cached("SELECT * FROM clarifications WHERE scope = ?1 AND key = ?2")?
            .query_row((scope, key), from_row)
            .optional()?)
    }

    fn owners(&self, scope: Scope) -> Result<Owners, StoreError> {
        let (protocol, step) = match scope {
            Scope::Project(id) => {
                let project = self.project(id)?.id;
                let (protocol, step) = (None, None);
                return Ok(Owners {
                    project,
                    protocol,
                    step,
                });
            }
            Scope::Protocol(id) => (id, None),
            Scope::Step(id) => (self.step(id)?.protocol_run_id, Some(id)),
        };
        let project = self.protocol(protocol)?.project_id;
        let protocol = Some(protocol);
        Ok(Owners {
            project,
            protocol,
            step,
        })
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Project(id) => write!(f, "project:{id}"),
            Self::Protocol(id) => write!(f, "protocol:{id}"),
            Self::Step(id) => write!(f, "step:{id}"),
        }
    }
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Clarification> {
    let time = |column| Ok::<_, rusqlite::Error>(row.get::<_, Timestamp>(column)?.to_row_text());
    let answered_at: Option<Timestamp> = row.get("answered_at")?;
    Ok(Clarification {
        id: row.get("id")?,
        scope: row.get("scope")?,
        project_id: row.get("project_id")?,
        protocol_run_id: row.get("protocol_run_id")?,
        step_run_id: row.get("step_run_id")?,
        key: row.get("key")?,
        question: row.get("question")?,
        applies_to: match row.get_ref("applies_to")? {
            rusqlite::types::ValueRef::Null => None,
            _ => Some(word(row, "applies_to")?),
        },
        blocking: row.get("blocking")?,
        recommended: row.get("recommended")?,
        options: row.get("options")?,
        status: word(row, "status")?,
        answer: row.get("answer")?,
        answered_by: row.get("answered_by")?,
        answered_at: answered_at.map(Timestamp::to_row_text),
        created_at: time("created_at")?,
        updated_at: time("updated_at")?,
    })
}
