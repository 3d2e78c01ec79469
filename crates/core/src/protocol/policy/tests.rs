//! What holds of policies and selection whatever happens: properties over random protocols and outcomes.
//!
//! Always so: a protocol is driven by decisions alone, as a server drives it.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::protocol::*;

/// What befalls the next step: its engine fails, or its check does, or neither.
#[derive(Debug, Clone, Copy)]
enum Fate {
    FailsExecution,
    FailsCheck,
    Passes,
}

fn step(index: i64, policies: Vec<Value>, needs: &[i64], qa: QaPolicy) -> Step {
    Step {
        id: index + 1,
        index,
        name: format!("{index:02}-agent{index}"),
        status: StepStatus::Pending,
        retries: 0,
        depends_on: needs.iter().map(|index| index + 1).collect(),
        policies,
        qa,
        runtime_state: Map::new(),
        summary: None,
        claimed: false,
    }
}

fn running(steps: Vec<Step>) -> Snapshot {
    Snapshot {
        protocol_run_id: 7,
        project_id: 3,
        git_url: None,
        folder: None,
        questions: Vec::new(),
        status: ProtocolStatus::Running,
        template: Value::Null,
        spec_hash: Some("3fa2f9e89a63".to_owned()),
        steps,
    }
}

fn executed(outcome: ExecutionOutcome) -> Report {
    Report::Executed(ExecutionReport::of(outcome, "done"))
}

fn checked(verdict: QaVerdict) -> Report {
    Report::Checked(QaReport::of(Some(verdict), "judged"))
}

/// Works on one step as a worker would, and gives the state after it with what happened.
fn work_on(snapshot: &Snapshot, id: i64, fate: Fate) -> (Snapshot, Vec<NewEvent>) {
    let begun = begin_execution(snapshot, id).expect("a ready step can begin");
    let outcome = match fate {
        Fate::FailsExecution => ExecutionOutcome::Failed,
        Fate::FailsCheck | Fate::Passes => ExecutionOutcome::Succeeded,
    };
    let mut decision = reported(&begun.after, id, &executed(outcome)).expect("it runs");
    let mut events = decision.events;
    if decision.after.step(id).unwrap().status == StepStatus::NeedsQa {
        let verdict = match fate {
            Fate::FailsCheck => QaVerdict::Failed,
            Fate::FailsExecution | Fate::Passes => QaVerdict::Passed,
        };
        decision = reported(&decision.after, id, &checked(verdict)).expect("it waits for that");
        events.extend(decision.events);
    }
    (decision.after, events)
}

fn any_policy() -> impl Strategy<Value = Value> {
    let condition = prop::sample::select(vec![
        Value::Null,
        json!("qa_failed"),
        json!(["exec_failed", " QA_FAILED "]),
        json!({"on": "qa_passed"}),
    ]);
    let loops =
        (1..4i64, 0..3i64, prop::collection::vec(0..5i64, 0..3)).prop_map(|(back, most, skip)| {
            json!({"behavior": {"type": "loop", "action": "stepBack", "stepBack": back,
                "maxIterations": most, "skip": skip}})
        });
    let triggers = (0..5i64).prop_map(
        |agent| json!({"behavior": "trigger", "trigger_agent_id": format!("agent{agent}")}),
    );
    (condition, prop_oneof![loops, triggers], "[a-c]").prop_map(|(condition, mut policy, id)| {
        policy["condition"] = condition;
        policy["module_id"] = id.into();
        policy
    })
}

fn any_protocol() -> impl Strategy<Value = Snapshot> {
    let qa = prop::sample::select(QaPolicy::ALL);
    let one = (prop::collection::vec(any_policy(), 0..3), any::<bool>(), qa);
    prop::collection::vec(one, 1..6).prop_map(|steps| {
        let steps = (0i64..).zip(steps).map(|(index, (policies, waits, qa))| {
            let needs = if waits && index > 0 {
                vec![index - 1]
            } else {
                vec![]
            };
            step(index, policies, &needs, qa)
        });
        running(steps.collect())
    })
}

fn any_fates() -> impl Strategy<Value = Vec<Fate>> {
    let fate = prop::sample::select(vec![
        Fate::FailsExecution,
        Fate::FailsCheck,
        Fate::FailsCheck,
        Fate::Passes,
        Fate::Passes,
    ]);
    prop::collection::vec(fate, 1..40)
}

proptest! {
    #[test]
    fn bounded_loops_and_triggers_come_to_an_end(
        start in any_protocol(),
        fates in any_fates(),
    ) {
        let mut snapshot = start;
        let mut fates = fates.into_iter().cycle();
        let mut turns = 0;
        while let Some(&id) = ready_steps(&snapshot).first() {
            (snapshot, _) = work_on(&snapshot, id, fates.next().unwrap());
            turns += 1;
            prop_assert!(turns < 2_000, "no end: {snapshot:#?}");
        }
    }

    #[test]
    fn what_is_selected_is_pending_free_and_has_what_it_needs(
        mut snapshot in any_protocol(),
        statuses in prop::collection::vec(
            (prop::sample::select(StepStatus::ALL), any::<bool>()), 6),
        status in prop::sample::select(ProtocolStatus::ALL),
    ) {
        snapshot.status = status;
        for (step, (status, claimed)) in snapshot.steps.iter_mut().zip(statuses) {
            (step.status, step.claimed) = (status, claimed);
        }
        let ready = ready_steps(&snapshot);
        prop_assert!(ready.is_sorted());
        for id in ready {
            let step = snapshot.step(id).unwrap();
            prop_assert!(!step.claimed && status.takes_steps());
            let needs = step.depends_on.iter().map(|id| snapshot.step(*id).unwrap().status);
            let may = match step.status {
                StepStatus::Pending => needs.into_iter().all(StepStatus::satisfies),
                other => other == StepStatus::NeedsQa,
            };
            prop_assert!(may);
        }
    }

    #[test]
    fn no_step_is_lost_and_no_cancelled_one_comes_back(
        mut snapshot in any_protocol(),
        cancelled in 0..6i64,
        fates in any_fates(),
    ) {
        let count = snapshot.steps.len();
        let cancelled = cancelled.min(i64::try_from(count).unwrap() - 1) + 1;
        for step in &mut snapshot.steps {
            if step.id == cancelled {
                step.status = StepStatus::Cancelled;
            }
            step.depends_on.retain(|id| *id != cancelled);
        }
        for fate in fates {
            let Some(&id) = ready_steps(&snapshot).first() else { break };
            let (after, events) = work_on(&snapshot, id, fate);
            prop_assert_eq!(after.steps.len(), count);
            prop_assert_eq!(after.step(cancelled).unwrap().status, StepStatus::Cancelled);
            prop_assert!(events.iter().all(|event| event.metadata.contains_key("spec_hash")));
            snapshot = after;
        }
    }
}

#[test]
fn a_loop_without_a_limit_ends_too() {
    let back = json!({"behavior": {"type": "loop"}});
    let mut snapshot = running(vec![step(0, vec![back], &[], QaPolicy::Full)]);
    let mut turns = 0;
    while let Some(&id) = ready_steps(&snapshot).first() {
        (snapshot, _) = work_on(&snapshot, id, Fate::FailsCheck);
        turns += 1;
    }
    assert_eq!((turns, snapshot.status), (1_001, ProtocolStatus::Blocked));
    assert_eq!(snapshot.steps[0].status, StepStatus::Failed);
}

fn names(events: &[NewEvent]) -> Vec<&'static str> {
    events
        .iter()
        .map(|event| event.event_type.as_str())
        .collect()
}

#[test]
fn the_first_loop_that_applies_decides_and_skips_what_it_is_told_to() {
    let not_now = json!({"id": "a", "behavior": {"type": "loop"}, "condition": "exec_failed"});
    let used_up = json!({"id": "b", "behavior": {"type": "loop", "max_iterations": 0}});
    let back = json!({"id": "c", "behavior": {"type": "loop", "step_back": 2, "skip_steps": [1]}});
    let unreached = json!({"id": "d", "behavior": {"type": "loop"}});
    let mut steps: Vec<Step> = (0..4)
        .map(|n| step(n, vec![], &[], QaPolicy::Full))
        .collect();
    steps[3].policies = vec![not_now, used_up, back, unreached];
    for done in &mut steps[..3] {
        done.status = StepStatus::Completed;
    }
    let (after, events) = work_on(&running(steps), 4, Fate::FailsCheck);
    assert_eq!(
        names(&events)[2..],
        [
            "loop_condition_skipped",
            "loop_limit_reached",
            "loop_decision"
        ]
    );
    let statuses: Vec<_> = after.steps.iter().map(|step| step.status).collect();
    let (pending, completed) = (StepStatus::Pending, StepStatus::Completed);
    assert_eq!(statuses, [pending, completed, pending, pending]);
    let state = &after.steps[3].runtime_state;
    assert_eq!(state["loop_counts"], json!({"c": 1}));
    assert_eq!(state["last_action"], "loop_step_back");
    assert_eq!(state["last_policy_module_id"], "c");
    assert_eq!(state["last_target_step_index"], 0);
}

#[test]
fn a_trigger_readies_a_failed_step_once_and_stops_at_its_depth() {
    let trigger = json!({"behavior": {"type": "trigger"}, "target_agent_id": "agent1"});
    let mut steps = vec![
        step(0, vec![trigger], &[], QaPolicy::Skip),
        step(1, vec![], &[], QaPolicy::Skip),
    ];
    steps[1].status = StepStatus::Failed;
    let (after, events) = work_on(&running(steps.clone()), 1, Fate::Passes);
    assert_eq!(
        names(&events),
        [
            "step_completed",
            "qa_skipped_policy",
            "trigger_decision",
            "trigger_pending"
        ]
    );
    assert_eq!(after.steps[1].status, StepStatus::Pending);
    assert_eq!(after.steps[1].runtime_state["inline_trigger_depth"], 1);

    steps[0]
        .runtime_state
        .insert("inline_trigger_depth".to_owned(), json!(2));
    let (after, events) = work_on(&running(steps), 1, Fate::Passes);
    assert_eq!(
        names(&events).last(),
        Some(&"trigger_inline_depth_exceeded")
    );
    assert_eq!(after.steps[1].status, StepStatus::Failed);
}
