//! The command line: which step, with which arguments.
//!
//! Always so: an option is one only where no argument can stand, so an argument's text is never taken for an option.

use std::ffi::OsString;
use std::path::Path;

use super::help;
use crate::steps::arguments::nearest;
use crate::steps::{StepEntry, StepError};

/// What the command line asks for.
#[derive(Debug)]
pub(super) enum Invocation<'a> {
    /// To print this.
    Print(String),
    /// To run a step.
    Run(&'a StepEntry, Given),
}

/// A step's arguments as they were given.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Given {
    /// `--args`: JSON, `@file`, or `-` for stdin.
    Json(String),
    /// Text in the order of the script's arguments, as bash passes it.
    Positional(Vec<String>),
}

/// Reads the command line. The first word is the program's name, which may be that of a step.
pub(super) fn parse(
    words: Vec<OsString>,
    steps: &[StepEntry],
) -> Result<Invocation<'_>, StepError> {
    let mut words = words.into_iter();
    let program = words.next().unwrap_or_default();
    let words: Vec<String> = words.map(text).collect::<Result<_, _>>()?;
    if let Some(step) = linked_name(&program, steps) {
        return of_step(step, &words);
    }
    match words.split_first() {
        None => Err(StepError::BadArguments(
            "no step is named; --list names all".to_owned(),
        )),
        Some((option, [])) if option == "--help" || option == "-h" => {
            Ok(Invocation::Print(help::of_program(steps)))
        }
        Some((option, [])) if option == "--list" => Ok(Invocation::Print(help::list(steps))),
        Some((option, [])) if option == "--version" || option == "-V" => {
            Ok(Invocation::Print(help::version()))
        }
        Some((name, rest)) => match steps.iter().find(|step| step.name == name) {
            Some(step) => of_step(step, rest),
            None => Err(unknown(name, steps)),
        },
    }
}

/// The step under whose name the program was linked.
fn linked_name<'a>(program: &OsString, steps: &'a [StepEntry]) -> Option<&'a StepEntry> {
    let name = Path::new(program).file_name()?.to_str()?;
    let name = name.strip_suffix(".sh").unwrap_or(name);
    steps.iter().find(|step| step.name == name)
}

fn of_step<'a>(step: &'a StepEntry, words: &[String]) -> Result<Invocation<'a>, StepError> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let given = match words.as_slice() {
        ["--help" | "-h"] => return Ok(Invocation::Print(help::of_step(step))),
        ["--args"] => {
            return Err(StepError::BadArguments(
                "--args is followed by JSON, @file, or - for stdin".to_owned(),
            ));
        }
        ["--args", json] => Given::Json((*json).to_owned()),
        ["--", rest @ ..] | rest => {
            Given::Positional(rest.iter().map(|&word| word.to_owned()).collect())
        }
    };
    Ok(Invocation::Run(step, given))
}

fn text(word: OsString) -> Result<String, StepError> {
    word.into_string().map_err(|word| {
        StepError::BadArguments(format!("an argument is not UTF-8: {}", word.display()))
    })
}

fn unknown(name: &str, steps: &[StepEntry]) -> StepError {
    let names = steps.iter().map(|step| step.name);
    let hint = nearest(name, names).map_or_else(
        || "--list names all".to_owned(),
        |near| format!("did you mean {near}?"),
    );
    StepError::BadArguments(format!("there is no step {name:?}; {hint}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::steps::ALL;

    fn parse_words(words: &[&str]) -> Result<String, String> {
        match parse(words.iter().map(OsString::from).collect(), ALL) {
            Ok(Invocation::Print(text)) => Ok(text),
            Ok(Invocation::Run(step, given)) => Ok(format!("{} {given:?}", step.name)),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn a_step_is_named_by_the_first_word_or_by_the_program() {
        let run = "open_pr Positional([\"1\", \"\"])";
        assert_eq!(
            parse_words(&["millwright-step", "open_pr", "1", ""]).unwrap(),
            run
        );
        assert_eq!(parse_words(&["/usr/bin/open_pr", "1", ""]).unwrap(), run);
        assert_eq!(parse_words(&["./open_pr.sh", "1", ""]).unwrap(), run);
    }

    #[test]
    fn an_argument_is_never_taken_for_an_option() {
        for (words, run) in [
            (vec!["--args", "{}"], "open_pr Json(\"{}\")"),
            (
                vec!["1", "--args", "{}"],
                "open_pr Positional([\"1\", \"--args\", \"{}\"])",
            ),
            (
                vec!["--", "--args", "{}"],
                "open_pr Positional([\"--args\", \"{}\"])",
            ),
            (vec!["--", "--help"], "open_pr Positional([\"--help\"])"),
            (vec!["--help", ""], "open_pr Positional([\"--help\", \"\"])"),
        ] {
            assert_eq!(
                parse_words(&[vec!["open_pr"], words].concat()).unwrap(),
                run
            );
        }
    }

    #[test]
    fn an_unknown_step_gets_a_hint() {
        let fails = |words: &[&str]| parse_words(words).unwrap_err();
        assert_eq!(
            fails(&["x", "open_prs"]),
            "there is no step \"open_prs\"; did you mean open_pr?"
        );
        assert_eq!(
            fails(&["x", "zzz"]),
            "there is no step \"zzz\"; --list names all"
        );
        assert_eq!(fails(&["x"]), "no step is named; --list names all");
    }
}
