//! Task lists: what they say, and what is wrong with them.
//!
//! Always so: each list stands in the test as a person would write it.

use proptest::prelude::*;

use super::*;
use crate::protocol::{SpecContext, planned_steps};

fn levels_of(text: &str) -> Vec<Vec<String>> {
    read(text).unwrap().levels
}

#[test]
fn each_task_says_what_it_needs() {
    let list = read(
        "# Tasks\n## Phase 1: Setup\n- [x] T001: prepare [DEPENDS: none]\n  - [ ] T002: build [fast] [DEPENDS: T001, T001]\n\
         - [/] T003: write [DEPENDS: ] [PARALLEL]\n## Phase 2\n- [ ] T004: check [PARALLEL] it [DEPENDS: T002,T003]\n\
         - [-] T005: no\n- [ ] T: no\n- [ ] T6 no: yes\n* [ ] T007: no\n- [X] T008: no\n",
    )
    .unwrap();
    let told: Vec<String> = list
        .tasks
        .iter()
        .map(|task| {
            let Task {
                id,
                description,
                status,
                depends_on,
                parallel,
                phase,
            } = task;
            format!("{id} {status} {depends_on:?} {parallel} {phase:?} {description}")
        })
        .collect();
    assert_eq!(
        told,
        [
            r#"T001 completed [] false Some("Phase 1: Setup") prepare"#,
            r#"T002 pending ["T001"] false Some("Phase 1: Setup") build [fast]"#,
            r#"T003 in_progress [] true Some("Phase 1: Setup") write"#,
            r#"T004 pending ["T002", "T003"] true Some("Phase 2") check [PARALLEL] it"#,
            r#"T6 pending [] false Some("Phase 2") no: yes"#,
        ]
    );
    assert_eq!(
        list.levels,
        [vec!["T001", "T003", "T6"], vec!["T002"], vec!["T004"]]
    );
    assert_eq!(list.dag()["edges"][2], json!(["T003", "T004"]));
    let spec = list.spec("tasks.md").unwrap();
    let planned = planned_steps(&spec, &SpecContext::default()).unwrap();
    assert_eq!(planned.len(), 4);
    assert_eq!(planned[3].depends_on, [2, 0]);
}

#[test]
fn neighbours_that_may_be_done_together_do_not_need_each_other() {
    let text = "## Phase 1: Setup\n- [ ] T001 Create it\n- [ ] T002 [P] Lint it\n- [X] T003 [P] Test it\n\
        ## Phase 3: Story\n- [ ] T010 [P] [US1] Model in src/a.rs\n- [ ] T011 [P] [US1] Model in src/b.rs\n\
        - [ ] T012 [US1] Service (depends on T010, T001)\n";
    assert_eq!(
        levels_of(text),
        [
            vec!["T001"],
            vec!["T002", "T003"],
            vec!["T010", "T011"],
            vec!["T012"]
        ]
    );
    let list = read(text).unwrap();
    assert_eq!(list.tasks[5].depends_on, ["T010", "T001", "T011"]);
    assert_eq!(list.tasks[3].description, "[US1] Model in src/a.rs");
}

#[test]
fn what_cannot_be_done_is_named() {
    for (text, message) in [
        (
            "- [ ] T1: a [DEPENDS: T3]\n- [ ] T2: b [DEPENDS: T1]\n- [ ] T3: c [DEPENDS: T2]\n- [ ] T4: d [DEPENDS: T3]",
            "tasks depend on each other in a circle: T1 -> T3 -> T2 -> T1",
        ),
        (
            "- [ ] T1: a [DEPENDS: T1]",
            "tasks depend on each other in a circle: T1 -> T1",
        ),
        (
            "\n- [ ] T1: a [DEPENDS: T9]",
            "line 2: T1 depends on T9, which is not in the list",
        ),
        (
            "- [ ] T1: a\n\n- [ ] T1: b",
            "line 3: there is a task T1 already, in line 1",
        ),
    ] {
        assert_eq!(read(text).unwrap_err().to_string(), message);
    }
    assert_eq!(
        read("- [x] T1: a").unwrap().spec("p"),
        Err(TaskListError::Nothing)
    );
    assert_eq!(read("").unwrap().spec("p"), Err(TaskListError::Nothing));
}

/// Phases of so many tasks, all of which may be done beside their neighbours.
fn phases_of(tasks: usize, phases: usize) -> String {
    let phase = |phase| {
        let tasks = (0..tasks).map(move |task| format!("- [ ] T{phase}{task:04} [P] do it\n"));
        format!("## Phase {phase}\n{}", tasks.collect::<String>())
    };
    (1..=phases).map(phase).collect()
}

#[test]
fn what_is_more_than_a_plan_is_refused_before_it_costs_anything() {
    assert_eq!(read(&phases_of(200, 2)).unwrap().levels.len(), 2);
    let one = (0..20_001).map(|task| format!("- [ ] T{task} do it\n"));
    let ids: Vec<String> = (0..500_000).map(|task| format!("T{task}")).collect();
    for (text, message) in [
        (
            phases_of(2_000, 2),
            "line 2028: with T20025 the tasks need each other more than 50000 times: make the groups",
        ),
        (
            format!("- [ ] T1: do it [DEPENDS: {}]\n", ids.join(", ")),
            "line 1: with T1 the tasks need",
        ),
        (one.collect(), "there are 20001 tasks: at most 20000"),
    ] {
        let error = read(&text).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
    }
}

proptest! {
    #[test]
    fn each_task_is_in_one_level_after_all_that_it_needs(needs in prop::collection::vec(prop::collection::vec(0usize..60, 0..4), 1..60)) {
        let lines = needs.iter().enumerate().map(|(n, needs)| {
            let ids = needs.iter().filter(|need| **need < n).map(|need| format!("T{need}"));
            format!("- [ ] T{n}: do it [DEPENDS: {}]\n", ids.collect::<Vec<_>>().join(", "))
        });
        let list = read(&lines.collect::<String>()).unwrap();
        let level_of = |id: &str| list.levels.iter().position(|level| level.iter().any(|one| one == id));
        prop_assert_eq!(list.levels.iter().map(Vec::len).sum::<usize>(), needs.len());
        for task in &list.tasks {
            let least = task.depends_on.iter().map(|need| level_of(need).unwrap() + 1).max();
            prop_assert_eq!(level_of(&task.id), Some(least.unwrap_or(0)));
        }
        let spec = list.spec("tasks.md").unwrap();
        prop_assert!(planned_steps(&spec, &SpecContext::default()).is_ok());
    }

    #[test]
    fn no_text_does_harm(text in "(- \\[[ xX/]\\] ?T?[0-9]{0,2}[: ](\\[P\\]|ü|\\[DEPENDS: T1\\])*\\n?|## Phase\\n|\\PC){0,30}") {
        let _ = read(&text);
    }
}
