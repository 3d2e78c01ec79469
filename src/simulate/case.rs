//! A case: which steps do something else than what they mostly do, and what.
//!
//! Always so: a case printed and read again is the same case.

use std::fmt;
use std::str::FromStr;

/// What is done with a flow once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Case {
    /// Which of the flow's sets of inputs it is given.
    pub inputs: usize,
    /// What steps do, where that is not what they mostly do.
    pub choices: Vec<Choice>,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Choice {
    /// The step's id; of a step of a sub-flow `step/inner`.
    pub step: String,
    /// Which time it runs, from 1; `None` for every time.
    pub time: Option<usize>,
    /// What it does.
    pub outcome: Outcome,
}

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It ends well, with the result of this number.
    Value(usize),
    /// It fails, however often it is tried.
    Fail,
    /// Its first try fails.
    FailOnce,
    /// It takes longer than it may, however often it is tried.
    TimeOut,
    /// Somebody cancels the run while it runs.
    Cancel,
}

/// Why a text is no case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no part of a case: they are such as inputs=1, step#2=fail, step#1=value3, step#*=value0, with spaces between them; outcomes are value0 and so on, fail, fail-once, timeout and cancel"
)]
pub struct CaseError(String);

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(number) => write!(f, "value{number}"),
            Self::Fail => f.write_str("fail"),
            Self::FailOnce => f.write_str("fail-once"),
            Self::TimeOut => f.write_str("timeout"),
            Self::Cancel => f.write_str("cancel"),
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "inputs={}", self.inputs)?;
        for Choice {
            step,
            time,
            outcome,
        } in &self.choices
        {
            match time {
                Some(time) => write!(f, " {step}#{time}={outcome}")?,
                None => write!(f, " {step}#*={outcome}")?,
            }
        }
        Ok(())
    }
}

impl FromStr for Case {
    type Err = CaseError;

    fn from_str(text: &str) -> Result<Self, CaseError> {
        let mut case = Self::default();
        for part in text.split_whitespace() {
            let wrong = || CaseError(part.to_owned());
            let (name, value) = part.split_once('=').ok_or_else(wrong)?;
            if name == "inputs" {
                case.inputs = value.parse().map_err(|_| wrong())?;
                continue;
            }
            let (step, time) = name.split_once('#').ok_or_else(wrong)?;
            case.choices.push(Choice {
                step: step.to_owned(),
                time: match time {
                    "*" => None,
                    time => Some(
                        time.parse()
                            .ok()
                            .filter(|time| *time > 0)
                            .ok_or_else(wrong)?,
                    ),
                },
                outcome: outcome_of(value).ok_or_else(wrong)?,
            });
        }
        Ok(case)
    }
}

fn outcome_of(word: &str) -> Option<Outcome> {
    Some(match word {
        "fail" => Outcome::Fail,
        "fail-once" => Outcome::FailOnce,
        "timeout" => Outcome::TimeOut,
        "cancel" => Outcome::Cancel,
        word => Outcome::Value(word.strip_prefix("value")?.parse().ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_read_as_it_is_printed() {
        for text in [
            "inputs=0",
            "inputs=1 a#1=fail sub/b#2=value10 c#*=value0",
            "inputs=0 a#1=fail-once a#2=timeout b#1=cancel",
        ] {
            assert_eq!(text.parse::<Case>().unwrap().to_string(), text);
        }
        for text in [
            "a",
            "a=fail",
            "a#0=fail",
            "a#1=what",
            "inputs=x",
            "a#1=value",
        ] {
            assert!(text.parse::<Case>().is_err(), "{text}");
        }
    }
}
