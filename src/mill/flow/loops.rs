//! `forloopflow` and `whileloopflow`.
//!
//! Always so: the result is the list of the rounds' results in the order of the items; a loop over a list that fails
//! yields the list up to the round that failed.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use millwright_core::openflow::{ForLoop, Module, WhileLoop};
use millwright_core::refs::JobId;
use serde_json::{Map, Value};

use super::outcome::Ended;
use super::parts::{EndedPart, Part};
use super::scripts::within;
use super::status::{Rounds, StepState};
use super::step::Step;
use crate::mill::expression::ExpressionError;
use crate::mill::stop::Stop;
use crate::mill::worker::failed;
use crate::store::StoreError;

/// What every round of a loop shares.
struct Body<'a> {
    modules: &'a [Module],
    raw_flow: Option<String>,
    skip_failures: bool,
    stop: Arc<Stop>,
}

impl Step<'_> {
    pub(super) async fn for_loop(&self, inner: &ForLoop) -> Result<Ended, StoreError> {
        let items = match self.transformed(&inner.iterator).await.map(items_of) {
            Ok(Ok(items)) => items,
            Ok(Err(ended)) | Err(ended) => {
                self.write_end(&ended).await?;
                return Ok(ended);
            }
        };
        let items = if inner.modules.is_empty() {
            Vec::new()
        } else {
            items
        };
        let at_once = match (inner.parallel, &inner.parallelism) {
            (Some(true), Some(amount)) => match self.amount(amount).await {
                Ok(amount) => Some(usize::try_from(amount.max(1)).unwrap_or(usize::MAX)),
                Err(ended) => return Ok(ended),
            },
            (Some(true), None) => Some(usize::MAX),
            _ => None,
        };
        let body = self.body(&inner.modules, inner.skip_failures);
        self.rounds(&body, Items::Known(items), at_once).await
    }

    pub(super) async fn while_loop(&self, inner: &WhileLoop) -> Result<Ended, StoreError> {
        let items = if inner.modules.is_empty() {
            Items::Known(Vec::new())
        } else {
            Items::Endless
        };
        let body = self.body(&inner.modules, inner.skip_failures);
        self.rounds(&body, items, None).await
    }

    fn body<'a>(&self, modules: &'a [Module], skip_failures: Option<bool>) -> Body<'a> {
        Body {
            modules,
            raw_flow: self.frame.run.raw_flow_of(modules),
            skip_failures: skip_failures == Some(true),
            stop: self.frame.stop.child(),
        }
    }

    async fn rounds(
        &self,
        body: &Body<'_>,
        items: Items,
        at_once: Option<usize>,
    ) -> Result<Ended, StoreError> {
        let limit = match self.limit().await {
            Ok(limit) => limit,
            Err(ended) => return Ok(ended),
        };
        let rounds = Rounds {
            length: items.length(),
            ..Rounds::default()
        };
        let text = self.change(|status| {
            status.state = StepState::InProgress;
            status.rounds = Some(rounds);
        });
        self.frame.write_status(text).await?;
        let ended = match at_once {
            None => within(limit, &body.stop, self.in_turn(body, items)).await?,
            Some(count) => within(limit, &body.stop, self.side_by_side(body, items, count)).await?,
        };
        let ended = self.unless_timed_out(ended, &body.stop);
        self.write_end(&ended).await?;
        Ok(ended)
    }

    async fn in_turn(&self, body: &Body<'_>, items: Items) -> Result<Ended, StoreError> {
        let is_endless = items.length().is_none();
        let mut results = Vec::new();
        for (index, item) in items.enumerate() {
            let EndedPart { ended, frame } = self.round(body, index, item).await?;
            self.frame.keep_results_of(&frame);
            match ended {
                Ended::Done(result) => match self.ends_loop(&results, &result).await {
                    Err(_) if !body.skip_failures => {
                        return Ok(Ended::failed_inside(with(&results, &result)));
                    }
                    ends => {
                        results.push((*result).clone());
                        if ends == Ok(true) {
                            break;
                        }
                    }
                },
                Ended::Stopped { result, .. } => {
                    results.push((*result).clone());
                    break;
                }
                // Of a loop without a list Windmill gives the failed round's result alone.
                Ended::Failed(failure) if is_endless && !body.skip_failures => {
                    return Ok(Ended::failed_inside(failure.result));
                }
                Ended::Failed(failure) if !body.skip_failures => {
                    return Ok(Ended::failed_inside(with(&results, &failure.result)));
                }
                Ended::Failed(failure) => results.push((*failure.result).clone()),
                Ended::Canceled => return Ok(Ended::Canceled),
            }
        }
        Ok(Ended::Done(Arc::new(results.into())))
    }

    /// Whether a loop's `stop_after_if` holds after a round. A message in it says nothing: that is Windmill's.
    async fn ends_loop(
        &self,
        results: &[Value],
        result: &Arc<Value>,
    ) -> Result<bool, ExpressionError> {
        let Some(condition) = &self.module.stop_after_if else {
            return Ok(false);
        };
        let all = condition.expr.contains("all_iters");
        let all = all.then(|| with(results, result));
        self.holds_after(condition, result, all).await
    }

    async fn side_by_side(
        &self,
        body: &Body<'_>,
        items: Items,
        count: usize,
    ) -> Result<Ended, StoreError> {
        let count = count.min(self.frame.run.mill.options.parallel).max(1);
        let numbered = async |index, item| (index, self.round(body, index, item).await);
        let mut waiting = items.enumerate();
        let mut running = FuturesUnordered::new();
        let mut parts: Vec<(usize, EndedPart)> = Vec::new();
        loop {
            while running.len() < count {
                let Some((index, item)) = waiting.next() else {
                    break;
                };
                running.push(numbered(index, item));
            }
            let Some((index, part)) = running.next().await else {
                break;
            };
            parts.push((index, part?));
        }
        parts.sort_by_key(|(index, _)| *index);
        Ok(self.all_rounds(body, parts))
    }

    /// What rounds that ran side by side yield.
    fn all_rounds(&self, body: &Body<'_>, parts: Vec<(usize, EndedPart)>) -> Ended {
        let (mut results, mut failed) = (Vec::new(), false);
        for (_, EndedPart { ended, frame }) in parts {
            self.frame.keep_results_of(&frame);
            match ended {
                Ended::Done(result) | Ended::Stopped { result, .. } => {
                    results.push((*result).clone());
                }
                Ended::Failed(failure) => {
                    results.push((*failure.result).clone());
                    failed |= !body.skip_failures;
                }
                Ended::Canceled => return Ended::Canceled,
            }
        }
        let result = Arc::new(Value::from(results));
        if failed {
            Ended::failed_inside(result)
        } else {
            Ended::Done(result)
        }
    }

    async fn round(
        &self,
        body: &Body<'_>,
        index: usize,
        item: Value,
    ) -> Result<EndedPart, StoreError> {
        let suffix = format!("loop-{index}");
        let job = self.next_job(Some(&suffix));
        let part = Part {
            job,
            modules: body.modules,
            raw_flow: body.raw_flow.clone(),
            round: Some(index),
            label: format!("{}[{index}]", self.module.id),
            suffix,
            flow_input: Arc::new(self.with_iter(index, item)),
            stop: &body.stop,
        };
        let place = self.round_begins(job);
        let ended = self.part(part, None).await?;
        self.round_ended(place, &ended.ended).await?;
        Ok(ended)
    }

    fn with_iter(&self, index: usize, item: Value) -> Map<String, Value> {
        let mut input = (*self.frame.flow_input).clone();
        let iter = [
            ("index".to_owned(), index.into()),
            ("value".to_owned(), item),
        ];
        input.insert("iter".to_owned(), Map::from_iter(iter).into());
        input
    }

    /// Notes a round or branch that begins, and returns its place among them.
    pub(super) fn round_begins(&self, job: JobId) -> usize {
        let mut place = 0;
        self.change(|status| {
            status.job = Some(job);
            let rounds = status.rounds.get_or_insert_default();
            place = rounds.jobs.len();
            rounds.jobs.push(job);
            rounds.success.push(None);
        });
        place
    }

    /// Notes how a round or branch ended.
    pub(super) async fn round_ended(&self, place: usize, ended: &Ended) -> Result<(), StoreError> {
        let success = matches!(ended, Ended::Done(_) | Ended::Stopped { .. });
        self.frame
            .change_now_and_then(|status| {
                let rounds = status.slot(self.slot).rounds.get_or_insert_default();
                rounds.success[place] = Some(success);
            })
            .await
    }
}

/// What a loop goes through.
enum Items {
    Known(Vec<Value>),
    Endless,
}

impl Items {
    fn length(&self) -> Option<usize> {
        match self {
            Self::Known(items) => Some(items.len()),
            Self::Endless => None,
        }
    }

    fn enumerate(self) -> Box<dyn Iterator<Item = (usize, Value)> + Send> {
        match self {
            Self::Known(items) => Box::new(items.into_iter().enumerate()),
            Self::Endless => Box::new((0..).map(|index: usize| (index, Value::from(index)))),
        }
    }
}

/// The results of the rounds so far, this one's at the end.
fn with(results: &[Value], last: &Value) -> Arc<Value> {
    let all = results.iter().chain([last]);
    Arc::new(all.cloned().collect())
}

/// The items of a list; Windmill's error where it is none.
fn items_of(value: Value) -> Result<Vec<Value>, Ended> {
    if let Value::Array(items) = value {
        return Ok(items);
    }
    let found = match serde_json::from_str::<Vec<Value>>(&value.to_string()) {
        Err(error) => error.to_string(),
        Ok(_) => "something else".to_owned(),
    };
    let message =
        format!("Error: Expected an array value in the iterator expression, found: {found} @mill");
    Err(Ended::failed(failed("Anyhow", &message)))
}
