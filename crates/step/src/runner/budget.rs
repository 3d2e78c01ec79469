//! Budgets: how many tokens a step and a protocol may spend.
//!
//! Always so: what counts is what is on record together with what is about to be asked, so that a budget holds over all
//! tries, checks and workers.

use millwright_core::protocol::Spent;

/// The environment's word on tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Budget {
    per_step: Option<u64>,
    per_protocol: Option<u64>,
    mode: Mode,
}

/// What happens at the limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Strict,
    Warn,
    Off,
}

/// What a budget says to an engine's run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ruling {
    /// It may begin.
    Within,
    /// It may begin, and this is said.
    Warned(OverBudget),
    /// It may not.
    Refused(OverBudget),
}

/// A limit that a run would go beyond.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the {what}'s budget is {limit} tokens: {spent} are spent, and this prompt has about {next}; raise {variable} to go on"
)]
pub(super) struct OverBudget {
    what: &'static str,
    variable: &'static str,
    limit: u64,
    spent: u64,
    next: u64,
}

impl OverBudget {
    /// The kind of failure, as events name it.
    pub(super) const KIND: &'static str = "TokenBudgetExceeded";
}

const PER_STEP: &str = "TASKSGODZILLA_MAX_TOKENS_PER_STEP";
const PER_PROTOCOL: &str = "TASKSGODZILLA_MAX_TOKENS_PER_PROTOCOL";

impl Budget {
    /// Reads the variables; 0 is no limit, and a mode that is not known is the strict one.
    pub(super) fn read(text: impl Fn(&str) -> Option<String>) -> Self {
        let limit = |name| text(name)?.trim().parse().ok().filter(|limit| *limit > 0);
        Self {
            per_step: limit(PER_STEP),
            per_protocol: limit(PER_PROTOCOL),
            mode: match text("TASKSGODZILLA_TOKEN_BUDGET_MODE").as_deref() {
                Some("warn") => Mode::Warn,
                Some("off") => Mode::Off,
                _ => Mode::Strict,
            },
        }
    }

    /// Whether a prompt of so many tokens may be handed to an engine.
    pub(super) fn ruling(&self, spent: Spent, next: u64) -> Ruling {
        let limits = [
            ("step", PER_STEP, self.per_step, spent.step),
            ("protocol", PER_PROTOCOL, self.per_protocol, spent.protocol),
        ];
        let over = limits
            .into_iter()
            .find_map(|(what, variable, limit, spent)| {
                let limit = limit.filter(|limit| spent.saturating_add(next) > *limit)?;
                Some(OverBudget {
                    what,
                    variable,
                    limit,
                    spent,
                    next,
                })
            });
        match (over, self.mode) {
            (None, _) | (_, Mode::Off) => Ruling::Within,
            (Some(over), Mode::Warn) => Ruling::Warned(over),
            (Some(over), Mode::Strict) => Ruling::Refused(over),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(step: &str, protocol: &str, mode: &str) -> Budget {
        let (step, protocol, mode) = (step.to_owned(), protocol.to_owned(), mode.to_owned());
        Budget::read(move |name| match name {
            PER_STEP => Some(step.clone()),
            PER_PROTOCOL => Some(protocol.clone()),
            _ => Some(mode.clone()),
        })
    }

    #[test]
    fn what_is_spent_counts_with_what_is_asked() {
        let spent = Spent {
            step: 60,
            protocol: 90,
        };
        let refused =
            |budget: Budget, next| matches!(budget.ruling(spent, next), Ruling::Refused(_));
        assert!(!refused(budget("100", "0", "strict"), 40));
        assert!(refused(budget("100", "0", "strict"), 41));
        assert!(refused(budget("0", "100", ""), 11));
        assert!(refused(budget("1000", "100", "unheard of"), 11));
        assert!(!refused(budget("0", "", "strict"), u64::MAX));
        assert_eq!(budget("1", "1", "off").ruling(spent, 9), Ruling::Within);
        let Ruling::Warned(over) = budget("50", "1", "warn").ruling(spent, 9) else {
            panic!("it warns");
        };
        assert!(
            over.to_string()
                .starts_with("the step's budget is 50 tokens: 60 are spent")
        );
    }
}
