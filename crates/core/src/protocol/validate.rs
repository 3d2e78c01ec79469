//! Validation: everything that is wrong with a spec, at once, and the steps that it plans.
//!
//! Always so: a spec without errors gives steps with unique ids and names, whose dependencies exist and form no cycle.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{ProtocolSpec, StepSpec, StepType, infer_step_type};

/// Something that is wrong with a spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecError {
    /// Where, as a JSON pointer.
    pub pointer: String,
    /// What, in a sentence.
    pub message: String,
}

/// A step of a valid spec, with what its row needs.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedStep {
    /// Its place, from 0.
    pub index: i64,
    /// Its entry.
    pub spec: StepSpec,
    /// Its type, given or inferred from its name.
    pub step_type: StepType,
    /// The places of the steps that it depends on.
    pub depends_on: Vec<i64>,
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pointer = if self.pointer.is_empty() {
            "/"
        } else {
            &self.pointer
        };
        write!(f, "{pointer}: {}", self.message)
    }
}

/// The steps of a spec, by index.
///
/// # Errors
/// Everything that is wrong with it.
pub fn planned_steps(spec: &Value) -> Result<Vec<PlannedStep>, Vec<SpecError>> {
    let steps = parse_steps(spec)?;
    let mut errors = Vec::new();
    refuse_repeated(&steps, "id", |step| &step.id, &mut errors);
    refuse_repeated(&steps, "name", StepSpec::row_name, &mut errors);
    refuse_empty(&steps, &mut errors);
    let planned = place(steps, &mut errors);
    refuse_cycle(&planned, &mut errors);
    if errors.is_empty() {
        Ok(planned)
    } else {
        Err(errors)
    }
}

fn parse_steps(spec: &Value) -> Result<Vec<StepSpec>, Vec<SpecError>> {
    let entries = match spec.get("steps") {
        Some(Value::Array(entries)) if !entries.is_empty() => entries,
        Some(Value::Array(_)) => return Err(vec![at("/steps", "there is no step")]),
        Some(_) => return Err(vec![at("/steps", "this is no list of steps")]),
        None => return Err(vec![at("", "`steps` is missing")]),
    };
    let mut errors = Vec::new();
    let steps = entries.iter().enumerate().filter_map(|(position, entry)| {
        parse::<StepSpec>(entry)
            .map_err(|message| errors.push(at(&format!("/steps/{position}"), message)))
            .ok()
    });
    let steps: Vec<StepSpec> = steps.collect();
    if errors.is_empty() {
        // What stands beside the steps has types too.
        parse::<ProtocolSpec>(spec).map_err(|message| vec![at("", message)])?;
        Ok(steps)
    } else {
        Err(errors)
    }
}

fn parse<T: DeserializeOwned>(value: &Value) -> Result<T, String> {
    T::deserialize(value).map_err(|error| error.to_string())
}

fn refuse_repeated<'a>(
    steps: &'a [StepSpec],
    what: &str,
    key: impl Fn(&'a StepSpec) -> &'a str,
    errors: &mut Vec<SpecError>,
) {
    let mut seen = BTreeMap::new();
    for (position, step) in steps.iter().enumerate() {
        if let Some(first) = seen.insert(key(step), position) {
            let message = format!("the {what} {:?} is that of /steps/{first} too", key(step));
            errors.push(at(&format!("/steps/{position}/{what}"), message));
        }
    }
}

fn refuse_empty(steps: &[StepSpec], errors: &mut Vec<SpecError>) {
    for (position, step) in steps.iter().enumerate() {
        for (key, text) in [("id", &step.id), ("prompt_ref", &step.prompt_ref)] {
            if text.trim().is_empty() {
                errors.push(at(&format!("/steps/{position}/{key}"), "this is empty"));
            }
        }
    }
}

/// Sorts by `order`, where given, and turns the names of dependencies into places.
fn place(steps: Vec<StepSpec>, errors: &mut Vec<SpecError>) -> Vec<PlannedStep> {
    let mut sorted: Vec<(usize, StepSpec)> = steps.into_iter().enumerate().collect();
    sorted.sort_by_key(|(position, step)| {
        let position = i64::try_from(*position).unwrap_or(i64::MAX);
        step.order.unwrap_or(position)
    });
    let places: BTreeMap<String, i64> = (0i64..)
        .zip(&sorted)
        .map(|(index, (_, step))| (step.id.clone(), index))
        .collect();
    let mut planned = Vec::with_capacity(sorted.len());
    for (index, (position, spec)) in (0i64..).zip(sorted) {
        let mut depends_on = Vec::new();
        for (nth, id) in spec.depends_on.iter().enumerate() {
            match places.get(id) {
                Some(place) => depends_on.push(*place),
                None => errors.push(at(
                    &format!("/steps/{position}/depends_on/{nth}"),
                    format!("there is no step with the id {id:?}"),
                )),
            }
        }
        let step_type = spec
            .step_type
            .unwrap_or_else(|| infer_step_type(spec.row_name()));
        planned.push(PlannedStep {
            index,
            spec,
            step_type,
            depends_on,
        });
    }
    planned
}

/// Takes away what depends on nothing left, until nothing more can be taken: what remains holds a cycle.
fn refuse_cycle(steps: &[PlannedStep], errors: &mut Vec<SpecError>) {
    let mut open: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
    let mut needed_by: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for step in steps {
        open.insert(step.index, step.depends_on.iter().copied().collect());
        for need in &step.depends_on {
            needed_by.entry(*need).or_default().push(step.index);
        }
    }
    let mut free: Vec<i64> = open
        .iter()
        .filter(|(_, needs)| needs.is_empty())
        .map(|(index, _)| *index)
        .collect();
    while let Some(done) = free.pop() {
        open.remove(&done);
        for next in needed_by.get(&done).into_iter().flatten() {
            if let Some(needs) = open.get_mut(next)
                && needs.remove(&done)
                && needs.is_empty()
            {
                free.push(*next);
            }
        }
    }
    if let Some(cycle) = walk_cycle(&open) {
        let id = |index: &i64| {
            let step = usize::try_from(*index)
                .ok()
                .and_then(|index| steps.get(index));
            step.map_or("?", |step| step.spec.id.as_str()).to_owned()
        };
        let path: Vec<String> = cycle.iter().map(id).collect();
        let message = format!(
            "steps depend on each other in a circle: {}",
            path.join(" -> ")
        );
        errors.push(at("/steps", message));
    }
}

fn walk_cycle(open: &BTreeMap<i64, BTreeSet<i64>>) -> Option<Vec<i64>> {
    let mut path = vec![*open.keys().next()?];
    loop {
        let last = path.last()?;
        let next = *open
            .get(last)?
            .iter()
            .find(|need| open.contains_key(need))?;
        if let Some(start) = path.iter().position(|index| *index == next) {
            path.drain(..start);
            path.push(next);
            return Some(path);
        }
        path.push(next);
    }
}

fn at(pointer: &str, message: impl Into<String>) -> SpecError {
    SpecError {
        pointer: pointer.to_owned(),
        message: message.into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn step(id: &str, more: &Value) -> Value {
        let mut step =
            json!({"id": id, "engine_id": "shell", "prompt_ref": "p.sh", "qa": {"policy": "skip"}});
        for (key, value) in more.as_object().into_iter().flatten() {
            step[key] = value.clone();
        }
        step
    }

    fn errors(spec: &Value) -> Vec<String> {
        let errors = planned_steps(spec).unwrap_err();
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn steps_are_placed_with_their_types_and_dependencies() {
        let spec = json!({"steps": [
            step("b", &json!({"depends_on": ["a"], "order": 5})),
            step("a", &json!({"name": "00-start", "my_key": 1})),
        ]});
        let planned = planned_steps(&spec).unwrap();
        let seen: Vec<_> = planned
            .iter()
            .map(|step| (step.spec.id.as_str(), step.step_type, &*step.depends_on))
            .collect();
        assert_eq!(
            seen,
            [
                ("a", StepType::Setup, &[][..]),
                ("b", StepType::Work, &[0][..])
            ]
        );
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let spec = json!({"steps": [
            {"id": "a", "engine_id": null, "qa": {"policy": "skip"}},
            {"id": "b", "prompt_ref": "x", "qa": {"policy": "skip"}},
            {"id": "c", "engine_id": null, "prompt_ref": "x", "qa": {}},
            {"id": "d", "engine_id": null, "prompt_ref": "x", "qa": {"policy": null}, "outputs": {"other": "x"}},
        ]});
        assert_eq!(
            errors(&spec),
            [
                "/steps/0: missing field `prompt_ref`",
                "/steps/1: missing field `engine_id`",
                "/steps/2: missing field `policy`",
                "/steps/3: unknown field `other`, expected `protocol` or `aux`",
            ]
        );
    }

    #[test]
    fn repeated_ids_unknown_dependencies_and_circles_are_named() {
        let spec = json!({"steps": [
            step("a", &json!({"depends_on": ["nope"]})),
            step("a", &json!({"name": "x"})),
            step("b", &json!({"depends_on": ["d"]})),
            step("c", &json!({"depends_on": ["b"]})),
            step("d", &json!({"depends_on": ["c"]})),
            step("e", &json!({"depends_on": ["d"]})),
        ]});
        assert_eq!(
            errors(&spec),
            [
                "/steps/1/id: the id \"a\" is that of /steps/0 too",
                "/steps/0/depends_on/0: there is no step with the id \"nope\"",
                "/steps: steps depend on each other in a circle: b -> d -> c -> b",
            ]
        );
    }

    #[test]
    fn what_is_no_list_of_steps_is_refused() {
        assert_eq!(errors(&json!({})), ["/: `steps` is missing"]);
        assert_eq!(errors(&json!({"steps": []})), ["/steps: there is no step"]);
        assert_eq!(
            errors(&json!({"steps": "x"})),
            ["/steps: this is no list of steps"]
        );
    }

    #[test]
    fn ten_thousand_steps_in_a_chain_are_fine() {
        let steps: Vec<Value> = (0..10_000)
            .map(|n| {
                let needs: Vec<String> =
                    (n > 0).then(|| format!("s{}", n - 1)).into_iter().collect();
                step(&format!("s{n}"), &json!({"depends_on": needs}))
            })
            .collect();
        assert_eq!(
            planned_steps(&json!({"steps": steps})).unwrap().len(),
            10_000
        );
    }
}
