//! A whole flow: its turn among the runs that count together, a result that is kept, and whether it runs at all.
//!
//! Always so: these are the flow's own; its rounds and branches have none of them.

use std::sync::Arc;

use millwright_core::openflow::FlowValue;
use serde_json::Value;

use super::cache;
use super::frame::Frame;
use super::journal::{Finished, JobCard};
use super::outcome::Ended;
use super::scripts::has_come;
use crate::mill::limits::{Limit, Turn, key_with};
use crate::store::StoreError;
use crate::store::jobs::JobKind;

/// The result of a flow that `skip_expr` passes over.
const SKIPPED: &str = "stopped early";

impl Frame {
    /// The flow's place among the runs that count together, where there is a limit.
    pub(super) fn turn(&self, value: &FlowValue) -> Option<Turn> {
        let mill = &self.run.mill;
        let workspace = &mill.options.workspace;
        let own = || {
            format!(
                "{workspace}/flow/{}",
                self.path.as_deref().unwrap_or_default()
            )
        };
        let key = value.concurrency_key.as_deref();
        let key = key.map(|key| key_with(key, workspace, &self.flow_input));
        let window = value.concurrency_time_window_s;
        let limit = Limit::of(value.concurrent_limit, key, window, own)?;
        Some(mill.limits.queue(limit))
    }

    /// Runs the flow when its turn has come, unless its result is kept.
    pub(super) async fn whole(
        self: &Arc<Self>,
        value: &FlowValue,
        mut turn: Option<Turn>,
        card: &JobCard,
    ) -> Result<(Ended, Finished), StoreError> {
        if !has_come(&mut turn, &self.stop).await {
            let ended = Ended::Canceled;
            let finished = self.finished(&ended);
            return Ok((ended, finished));
        }
        if turn.is_some() {
            card.start().await?;
        }
        match value.cache_ttl {
            None => self.unless_skipped(value).await,
            Some(seconds) => self.unless_kept(value, seconds).await,
        }
    }

    async fn unless_kept(
        self: &Arc<Self>,
        value: &FlowValue,
        seconds: u64,
    ) -> Result<(Ended, Finished), StoreError> {
        let text = value.to_value().to_string();
        let key = cache::key_of(JobKind::Flow, self.path.as_deref(), &text, &self.flow_input);
        let mill = &self.run.mill;
        if let Some(result) = cache::result_of(mill, &key).await? {
            let ended = Ended::Done(Arc::new(result));
            let log = cache::FOUND.to_owned();
            let finished = Finished {
                log,
                ..self.finished(&ended)
            };
            return Ok((ended, finished));
        }
        let (ended, finished) = self.unless_skipped(value).await?;
        if let Ended::Done(result) | Ended::Stopped { result, .. } = &ended {
            cache::keep(&self.run, key, result, seconds).await?;
        }
        Ok((ended, finished))
    }

    async fn unless_skipped(
        self: &Arc<Self>,
        value: &FlowValue,
    ) -> Result<(Ended, Finished), StoreError> {
        let skips = match value
            .skip_expr
            .as_deref()
            .filter(|_| !value.modules.is_empty())
        {
            None => Ok(false),
            Some(expression) => {
                let nothing = Arc::new(Value::from("{}"));
                let scope = self.scope_without_results(&nothing);
                self.run.mill.engine.holds(expression, &scope).await
            }
        };
        let ended = match skips {
            Ok(false) => self.run_steps(&value.modules).await?,
            Ok(true) => Ended::Stopped {
                result: Arc::new(SKIPPED.into()),
                skipped: true,
            },
            Err(error) => Ended::broken_condition(error),
        };
        let finished = self.finished(&ended);
        Ok((ended, finished))
    }
}
