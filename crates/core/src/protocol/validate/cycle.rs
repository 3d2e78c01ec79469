//! Dependencies that lead back to where they began.
//!
//! Always so: the cycle that is named is one, in the order in which its steps need each other.

use std::collections::{BTreeMap, BTreeSet};

use super::{SpecError, Step};

/// So many of a circle are named.
const MOST_NAMED: usize = 10;

/// Names a cycle, where there is one, at the first of its steps.
pub(super) fn refuse(steps: &[Step], errors: &mut Vec<SpecError>) {
    let needs = steps.iter().map(|step| {
        (
            step.spec.id.as_str(),
            step.spec.depends_on.iter().map(String::as_str),
        )
    });
    let Some(cycle) = find(needs) else { return };
    let first = steps
        .iter()
        .find(|step| cycle.contains(&step.spec.id.as_str()));
    let pointer = first.map_or_else(
        || "/steps".to_owned(),
        |step| format!("/steps/{}/depends_on", step.position),
    );
    let message = format!(
        "steps depend on each other in a circle: {}",
        in_words(&cycle)
    );
    errors.push(SpecError::at(pointer, message));
}

/// A cycle among things that need each other, with its first again at its end. Takes away what needs nothing that is
/// left, until nothing more can be taken: what remains holds a cycle. Needs that do not exist count as met.
pub(in crate::protocol) fn find<'a, N>(
    needs: impl Iterator<Item = (&'a str, N)>,
) -> Option<Vec<&'a str>>
where
    N: Iterator<Item = &'a str>,
{
    let mut open: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (id, needs) in needs {
        open.entry(id).or_default().extend(needs);
    }
    let known: BTreeSet<&str> = open.keys().copied().collect();
    let mut needed_by: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (id, needs) in &mut open {
        needs.retain(|need| known.contains(need));
        for need in needs.iter() {
            needed_by.entry(need).or_default().push(id);
        }
    }
    let nothing_needed = open.iter().filter(|(_, needs)| needs.is_empty());
    let mut free: Vec<&str> = nothing_needed.map(|(id, _)| *id).collect();
    while let Some(done) = free.pop() {
        open.remove(done);
        for next in needed_by.get(done).into_iter().flatten() {
            if let Some(needs) = open.get_mut(next)
                && needs.remove(done)
                && needs.is_empty()
            {
                free.push(next);
            }
        }
    }
    walk(&open)
}

/// A cycle for a message: of a long one the first few, and how many more there are.
pub(in crate::protocol) fn in_words(cycle: &[impl AsRef<str>]) -> String {
    let all: Vec<&str> = cycle.iter().map(AsRef::as_ref).collect();
    match all.as_slice() {
        [circle @ .., last] if circle.len() > MOST_NAMED => {
            let (first, more) = circle.split_at(MOST_NAMED);
            let first = first.join(" -> ");
            format!("{first} -> ({} more) -> {last}", more.len())
        }
        short => short.join(" -> "),
    }
}

fn walk<'a>(open: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Option<Vec<&'a str>> {
    let mut path = vec![*open.keys().next()?];
    let mut places = BTreeMap::from([(path[0], 0)]);
    loop {
        let needs = open.get(path.last()?)?;
        let next = *needs.iter().find(|need| open.contains_key(*need))?;
        if let Some(start) = places.insert(next, path.len()) {
            path.drain(..start);
            path.push(next);
            return Some(path);
        }
        path.push(next);
    }
}
