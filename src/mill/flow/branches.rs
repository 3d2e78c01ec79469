//! `branchone` and `branchall`.
//!
//! Always so: a branch without steps passes the result before on as its own where it was chosen, and yields the flow's
//! inputs where all branches run.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use millwright_core::openflow::{BranchAll, BranchOne, Module};
use serde_json::Value;

use super::outcome::Ended;
use super::parts::{EndedPart, Part};
use super::scripts::within;
use super::status::{Chosen, Rounds, StepState};
use super::step::{Slot, Step};
use crate::mill::ledger::Decision;
use crate::mill::stop::Stop;
use crate::store::StoreError;

impl Step<'_> {
    pub(super) async fn branch_one(&self, one: &BranchOne) -> Result<Ended, StoreError> {
        let (chosen, label, modules) = match self.choose(one).await {
            Ok(choice) => choice,
            Err(ended) => return Ok(ended),
        };
        self.change(|status| status.chosen = Some(chosen));
        self.frame.decided(&self.module.id, chosen.into());
        if modules.is_empty() {
            self.frame.write_status(self.ends(true)).await?;
            return Ok(Ended::Done(Arc::clone(&self.previous)));
        }
        let limit = match self.limit().await {
            Ok(limit) => limit,
            Err(ended) => return Ok(ended),
        };
        let stop = self.frame.stop.child();
        let suffix = format!("branchone-{}", self.index());
        let job = self.next_job(Some(&suffix));
        let part = Part {
            job,
            modules,
            raw_flow: self.frame.run.raw_flow_of(modules),
            round: None,
            label,
            suffix,
            flow_input: Arc::clone(&self.frame.flow_input),
            stop: &stop,
        };
        let EndedPart { ended, frame } =
            within(limit, &stop, self.part(part, self.begins(job))).await?;
        self.frame.keep_results_of(&frame);
        let ended = self.unless_timed_out(ended.seen_from_around(), &stop);
        self.write_end(&ended).await?;
        Ok(ended)
    }

    async fn choose<'a>(
        &self,
        one: &'a BranchOne,
    ) -> Result<(Chosen, String, &'a [Module]), Ended> {
        for (index, branch) in one.branches.iter().enumerate() {
            let holds = self.holds(&branch.expr).await;
            if holds.map_err(Ended::broken_condition)? {
                let label = label_of(branch.summary.as_deref(), index);
                return Ok((Chosen::Branch(index), label, &branch.modules));
            }
        }
        Ok((Chosen::Default, "default".to_owned(), &one.default))
    }

    pub(super) async fn branch_all(&self, all: &BranchAll) -> Result<Ended, StoreError> {
        let limit = match self.limit().await {
            Ok(limit) => limit,
            Err(ended) => return Ok(ended),
        };
        let rounds = Rounds {
            length: Some(all.branches.len()),
            is_branches: true,
            ..Rounds::default()
        };
        let text = self.change(|status| {
            status.state = StepState::InProgress;
            status.rounds = Some(rounds);
        });
        self.frame.write_status(text).await?;
        let stop = self.frame.stop.child();
        let ended = if all.parallel == Some(true) {
            within(limit, &stop, self.branches_side_by_side(all, &stop)).await?
        } else {
            within(limit, &stop, self.branches_in_turn(all, &stop)).await?
        };
        let ended = self.unless_timed_out(ended, &stop);
        self.write_end(&ended).await?;
        Ok(ended)
    }

    async fn branches_in_turn(
        &self,
        all: &BranchAll,
        stop: &Arc<Stop>,
    ) -> Result<Ended, StoreError> {
        let mut results = Vec::new();
        for index in 0..all.branches.len() {
            let EndedPart { ended, frame } = self.branch(all, index, stop).await?;
            self.frame.keep_results_of(&frame);
            match ended {
                Ended::Done(result) => results.push((*result).clone()),
                Ended::Failed(failure) => {
                    results.push((*failure.result).clone());
                    if all.branches[index].skip_failure != Some(true) {
                        return Ok(Ended::failed_inside(Arc::new(results.into())));
                    }
                }
                ended @ (Ended::Stopped { .. } | Ended::Canceled) => return Ok(ended),
            }
        }
        Ok(Ended::Done(Arc::new(results.into())))
    }

    async fn branches_side_by_side(
        &self,
        all: &BranchAll,
        stop: &Arc<Stop>,
    ) -> Result<Ended, StoreError> {
        let numbered = async |index| (index, self.branch(all, index, stop).await);
        let mut waiting = 0..all.branches.len();
        let mut running = FuturesUnordered::new();
        let mut parts: Vec<Option<EndedPart>> = all.branches.iter().map(|_| None).collect();
        loop {
            while running.len() < self.frame.run.mill.options.parallel {
                let Some(index) = waiting.next() else { break };
                running.push(numbered(index));
            }
            let Some((index, part)) = running.next().await else {
                break;
            };
            parts[index] = Some(part?);
        }
        Ok(self.together(all, parts.into_iter().flatten()))
    }

    /// What branches that ran side by side yield.
    fn together(&self, all: &BranchAll, parts: impl Iterator<Item = EndedPart>) -> Ended {
        let (mut results, mut failed, mut stopped) = (Vec::new(), false, None);
        for (index, EndedPart { ended, frame }) in parts.enumerate() {
            self.frame.keep_results_of(&frame);
            match ended {
                Ended::Done(result) => results.push((*result).clone()),
                Ended::Stopped { result, skipped } => {
                    results.push((*result).clone());
                    stopped = Some(skipped);
                }
                Ended::Failed(failure) => {
                    results.push((*failure.result).clone());
                    failed |= all.branches[index].skip_failure != Some(true);
                }
                Ended::Canceled => return Ended::Canceled,
            }
        }
        let result: Arc<Value> = Arc::new(results.into());
        match (failed, stopped) {
            (true, _) => Ended::failed_inside(result),
            (false, Some(skipped)) => Ended::Stopped { result, skipped },
            (false, None) => Ended::Done(result),
        }
    }

    async fn branch(
        &self,
        all: &BranchAll,
        index: usize,
        stop: &Arc<Stop>,
    ) -> Result<EndedPart, StoreError> {
        let branch = &all.branches[index];
        let suffix = format!("branchall-{index}");
        let job = self.next_job(Some(&suffix));
        let part = Part {
            job,
            modules: &branch.modules,
            raw_flow: self.frame.run.raw_flow_of(&branch.modules),
            round: None,
            label: label_of(branch.summary.as_deref(), index),
            suffix,
            flow_input: Arc::clone(&self.frame.flow_input),
            stop,
        };
        let place = self.round_begins(job);
        let ended = self.part(part, None).await?;
        self.round_ended(place, &ended.ended).await?;
        Ok(ended)
    }

    fn index(&self) -> usize {
        match self.slot {
            Slot::Module(index) => index,
            Slot::Failure | Slot::Preprocessor => 0,
        }
    }
}

impl Ended {
    /// A branch's end, for the flow around it: the failure handler has had its turn.
    fn seen_from_around(self) -> Self {
        match self {
            Self::Failed(failure) => Self::failed_inside(failure.result),
            ended => ended,
        }
    }
}

impl From<Chosen> for Decision {
    fn from(chosen: Chosen) -> Self {
        match chosen {
            Chosen::Branch(index) => Self::Branch(index),
            Chosen::Default => Self::Default,
        }
    }
}

fn label_of(summary: Option<&str>, index: usize) -> String {
    match summary.filter(|summary| !summary.is_empty()) {
        Some(summary) => summary.to_owned(),
        None => format!("branch {index}"),
    }
}
