//! Branches: the first that applies, or all of them.
//!
//! Always so: an empty branch passes the result of the step before on.

use super::body::Inner;
use super::{Body, Done, Unsure};
use crate::catalog::{Expr, IntoExpr};
use crate::openflow::{BranchAll, BranchAllBranch, BranchOne, BranchOneBranch};

/// The branches of which the first that applies is taken.
#[derive(Debug)]
pub struct Branches<'a> {
    id: &'a str,
    body: &'a mut Body,
    value: BranchOne,
}

/// The branches that are all taken.
#[derive(Debug)]
pub struct ParallelBranches<'a> {
    body: &'a mut Body,
    value: BranchAll,
}

impl Body {
    /// Adds a choice: the first branch whose condition holds.
    ///
    /// What the branch that is taken ends with is what the choice yields.
    pub fn choose(
        &mut self,
        id: &str,
        summary: &str,
        build: impl FnOnce(&mut Branches<'_>),
    ) -> Done<Unsure> {
        self.take_id(id);
        let mut branches = Branches {
            id,
            body: self,
            value: BranchOne::default(),
        };
        build(&mut branches);
        let value = branches.value;
        self.push_value(id, summary, value);
        Done::new(id)
    }

    /// Adds branches that run side by side.
    pub fn side_by_side(
        &mut self,
        id: &str,
        summary: &str,
        build: impl FnOnce(&mut ParallelBranches<'_>),
    ) {
        self.take_id(id);
        let mut branches = ParallelBranches {
            body: self,
            value: BranchAll {
                parallel: Some(true),
                ..BranchAll::default()
            },
        };
        build(&mut branches);
        let value = branches.value;
        self.push_value(id, summary, value);
    }
}

impl Branches<'_> {
    /// A branch for where this holds.
    pub fn when(
        &mut self,
        summary: &str,
        condition: impl IntoExpr<bool>,
        build: impl FnOnce(&mut Body),
    ) {
        let condition = condition.into_expr();
        self.body.check(self.id, condition.code(), false);
        let (modules, ()) = self.body.inner(Inner::Branch, build);
        self.value.branches.push(BranchOneBranch {
            summary: Some(summary.to_owned()),
            expr: condition.code().alone(),
            modules,
            other: serde_json::Map::new(),
        });
    }

    /// A branch for where this is not null. Its steps are given it as what cannot be null.
    pub fn when_some<T>(
        &mut self,
        summary: &str,
        value: &Expr<Option<T>>,
        build: impl FnOnce(&mut Body, Expr<T>),
    ) {
        self.when(summary, value.is_some(), |body| build(body, value.known()));
    }

    /// What is done where no branch applies.
    pub fn otherwise(&mut self, build: impl FnOnce(&mut Body)) {
        let (modules, ()) = self.body.inner(Inner::Branch, build);
        self.value.default = modules;
    }
}

impl ParallelBranches<'_> {
    /// One more branch.
    pub fn branch(&mut self, summary: &str, build: impl FnOnce(&mut Body)) {
        let (modules, ()) = self.body.inner(Inner::Branch, build);
        self.value.branches.push(BranchAllBranch {
            summary: Some(summary.to_owned()),
            skip_failure: Some(false),
            modules,
            other: serde_json::Map::new(),
        });
    }
}
