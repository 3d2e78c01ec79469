//! What can be wrong with a flow in spite of its types.
//!
//! Always so: a message names the step and what to do.

/// Why a flow cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// The id is no identifier, or one of Windmill's own.
    #[error(
        "{0:?} cannot be a step's id: use letters, digits and _, beginning with a letter, and neither `failure` nor `preprocessor`"
    )]
    BadId(String),
    /// The id belongs to another step.
    #[error("two steps have the id {0:?}: rename one of them")]
    IdTaken(String),
    /// The input's name cannot be written in an expression, or is Windmill's own.
    #[error(
        "{0:?} cannot be an input's name: use letters, digits and _, beginning with a letter, and not `iter`"
    )]
    BadInput(String),
    /// The input is declared twice.
    #[error("two inputs have the name {0:?}: rename one of them")]
    InputTaken(String),
    /// The step reads a result that is not there when it runs.
    #[error(
        "step {step:?} reads the result of {wanted:?}, which does not come before it in the flow, its branch or its loop"
    )]
    NotBefore {
        /// The step that reads.
        step: String,
        /// The step that is read.
        wanted: String,
    },
    /// The step reads an input of another flow.
    #[error("step {step:?} reads the input {input:?}, which this flow does not declare")]
    UnknownInput {
        /// The step that reads.
        step: String,
        /// The input.
        input: String,
    },
    /// The step reads the round of a loop that is not the innermost around it.
    #[error(
        "step {step:?} reads the round of the loop {wanted:?}, but is not directly inside of it: Windmill shows it only the innermost loop's round"
    )]
    NotInRound {
        /// The step that reads.
        step: String,
        /// The loop.
        wanted: String,
    },
    /// The step reads `result` or `error` where there is none.
    #[error("step {step:?} reads {what} outside of the place that was given it")]
    OutOfPlace {
        /// The step that reads.
        step: String,
        /// What it reads.
        what: &'static str,
    },
    /// A step in a loop reads the step right before that loop.
    #[error(
        "step {step:?} in a while loop reads {wanted:?}, the step right before the loop: Windmill gives it the previous round's result instead; put a step between the two"
    )]
    ChangesMeaning {
        /// The step that reads.
        step: String,
        /// The step that is read.
        wanted: String,
    },
}
