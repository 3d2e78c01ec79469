//! `f/team/review_notes`: the team's own flow.
//!
//! Always so: a result that does not exist, or a text where a number is wanted, does not compile.

use millwright_core::catalog::{BuildError, FlowBuilder, FlowDefinition, ForEach};

use crate::count_words::{self, Output};

/// Counts the words of each note, and looks closer at the title where it is long.
///
/// # Errors
/// Where the flow is wrong in a way that types cannot hold, such as two steps with one id.
pub(crate) fn review_notes() -> Result<FlowDefinition, BuildError> {
    let mut flow = FlowBuilder::new(
        "f/team/review_notes",
        "Reviews notes",
        "Counts the words of each note, and says how the title begins where it is long.",
    );
    let title = flow.input::<String>("title", "The title.").required();
    let notes = flow.input::<Vec<String>>("notes", "The notes.").required();
    let long_from = flow
        .input::<i64>("long_from", "From how many words on a text is long.")
        .default(3);

    let body = flow.body();
    let each = ForEach::of(notes, "Every note").parallel();
    body.for_each("count_notes", each, |body, note| {
        body.step("count_note", count_words::call(note).long_from(&long_from))
    });
    let call = count_words::call(title).long_from(&long_from);
    let counted = body.step("count_title", call.step().retry(2, 1).timeout(5));
    body.choose("is_it_long", "Is the title long?", |branches| {
        branches.when("Long", counted.get(Output::long), |body| {
            // The first word may be missing, so the flow has to say what to take instead.
            let first = counted.get(Output::first).or("nothing");
            body.step(
                "count_first",
                count_words::call(first.after("It begins with ")),
            );
        });
    });
    flow.build()
}
