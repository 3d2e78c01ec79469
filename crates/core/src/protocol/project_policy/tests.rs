//! The rules of policies: what is found, what blocks, and what cannot be a policy.
//!
//! Always so: what is on the ground is written in the test.

use serde_json::{Value, json};

use super::*;

/// Files by their paths, and whether each can be executed.
struct Files(Vec<(&'static str, &'static str, bool)>);

impl Ground for Files {
    fn file(&self, path: &str) -> Option<bool> {
        let found = self.0.iter().find(|(name, ..)| *name == path);
        found.map(|(_, _, executable)| *executable)
    }

    fn in_protocol(&self, name: &str) -> String {
        format!(".protocols/demo/{name}")
    }

    fn prompt(&self, prompt_ref: &str) -> Option<PromptFile> {
        let there = self.0.iter().find(|(name, ..)| *name == prompt_ref);
        there.map(|(path, text, _)| PromptFile {
            path: (*path).to_owned(),
            text: Some((*text).to_owned()),
        })
    }
}

fn policy(value: Value) -> ProjectPolicy {
    let policy: ProjectPolicy = serde_json::from_value(value).unwrap();
    policy.in_effect(PolicyMode::Warn, None)
}

fn steps(prompts: &[&str]) -> Vec<StepPrompt> {
    let step = |prompt: &&str| {
        let outputs = json!({"protocol": "written.md", "aux": {"x": "also.md"}});
        let entry = json!({"prompt_ref": prompt, "outputs": outputs});
        (format!("step of {prompt}"), Some(entry))
    };
    let entries = prompts
        .iter()
        .map(step)
        .chain([("by hand".to_owned(), None)]);
    StepPrompt::of_entries(entries.collect(), Some(&json!({"d": "x"})))
}

#[test]
fn what_is_missing_is_found_in_the_order_of_the_policy_and_the_steps() {
    let policy = policy(json!({
        "requirements": {"step_sections": ["Verification", "Rollback"], "protocol_files": ["plan.md", "risks.md"]},
        "defaults": {"ci": {"required_checks": ["ci/test.sh", "ci/lint.sh", "ci/data.json"]}},
    }));
    let ground = Files(vec![
        ("ci/lint.sh", "", false),
        ("ci/data.json", "", false),
        (".protocols/demo/plan.md", "", false),
        ("a.md", "# A\n\n### verification ##\nso", false),
        ("b.sh", "echo", true),
    ]);
    let steps = steps(&["a.md", "b.sh", "c.md", "{{d}}.md", "also.md", "written.md"]);
    let found = policy.findings(&steps, Some(&ground));
    let told: Vec<_> = found
        .iter()
        .map(|finding| (finding.code.as_str(), finding.path.as_deref().unwrap()))
        .collect();
    let expected = [
        ("policy.ci.required_check_missing", "ci/test.sh"),
        ("policy.ci.required_check_not_executable", "ci/lint.sh"),
        ("policy.protocol.missing_file", ".protocols/demo/risks.md"),
        ("policy.step.missing_section", "a.md"),
        ("policy.step.file_missing", "c.md"),
    ];
    assert_eq!(told, expected);
    assert_eq!(
        found[3].message,
        "a.md has no section \"Rollback\": add a heading of that name"
    );
    assert_eq!(found[3].step.as_deref(), Some("step of a.md"));
    assert!(found.iter().all(|finding| !finding.blocks()));
}

#[test]
fn a_prompt_that_only_its_own_step_writes_has_to_be_there() {
    let policy = policy(json!({"requirements": {"step_sections": ["Verification"]}}));
    let missing = |prompts: &[&str]| {
        let found = policy.findings(&steps(prompts), Some(&Files(Vec::new())));
        let named = found.into_iter().map(|finding| finding.path.unwrap());
        named.collect::<Vec<_>>()
    };
    assert_eq!(missing(&["written.md"]), ["written.md"]);
    assert_eq!(missing(&["written.md", "c.md"]), ["c.md"]);
}

#[test]
fn a_script_has_no_sections_whatever_its_name() {
    let policy = policy(json!({"requirements": {"step_sections": ["Verification"]}}));
    let found = |text| {
        let ground = Files(vec![("run.md", text, true)]);
        policy.findings(&steps(&["run.md"]), Some(&ground)).len()
    };
    assert_eq!(found("#!/bin/sh\n"), 0);
    assert_eq!(found("# Run\n"), 1);
}

#[test]
fn fields_that_no_policy_has_are_named_and_the_others_count() {
    let given = json!({
        "requirements": {"steps": 1, "step_sections": ["A"]}, "more": {"x": 1},
        "defaults": {"models": {"planning": "x"}, "ci": {"jobs": [], "required_checks": ["ci/test.sh"]}},
        "enforcement": {"mode": "block", "strict": true},
    });
    let unknown = unknown_fields(&given).into_iter();
    let unknown: Vec<String> = unknown.map(|field| field.place.join(".")).collect();
    let expected = [
        "requirements.steps",
        "more",
        "defaults.ci.jobs",
        "enforcement.strict",
    ];
    assert_eq!(
        sorted(unknown),
        sorted(expected.map(str::to_owned).to_vec())
    );
    let read = policy(given);
    assert_eq!(read.requirements.step_sections, ["A"]);
    assert_eq!(read.defaults.ci.required_checks, ["ci/test.sh"]);
    assert_eq!(read.mode(), PolicyMode::Block);
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

#[test]
fn only_the_codes_that_are_named_block_and_only_in_that_mode() {
    let asked = |enforcement: Value| {
        let policy = policy(json!({
            "requirements": {"protocol_files": ["plan.md"]},
            "defaults": {"ci": {"required_checks": ["test.sh"]}}, "enforcement": enforcement,
        }));
        let found = policy.findings(&[], Some(&Files(Vec::new())));
        found.iter().map(PolicyFinding::blocks).collect::<Vec<_>>()
    };
    assert_eq!(asked(json!({"mode": "block"})), [true, true]);
    assert_eq!(asked(json!({"mode": "warn"})), [false, false]);
    assert_eq!(asked(json!({"mode": "off"})), [true; 0]);
    let codes = json!({"mode": "block", "block_codes": ["policy.protocol.missing_file"]});
    assert_eq!(asked(codes), [false, true]);
}

#[test]
fn files_on_another_machine_are_no_reason_to_block() {
    let policy = policy(json!({
        "requirements": {"protocol_files": ["plan.md"]}, "enforcement": {"mode": "block"},
    }));
    let found = policy.findings(&[], None);
    assert_eq!(found[0].code, PolicyCode::Unverifiable);
    assert!(!found[0].blocks());
}

#[test]
fn a_repository_adds_to_its_project_and_makes_nothing_laxer() {
    let read = |value: Value| serde_json::from_value::<ProjectPolicy>(value).unwrap();
    let project = read(json!({
        "requirements": {"step_sections": ["A"]}, "enforcement": {"mode": "block", "autofix": true},
    }));
    let local = read(json!({
        "requirements": {"step_sections": ["A", "B"]},
        "enforcement": {"mode": "off", "block_codes": ["policy.unverifiable"], "autofix": false},
    }));
    let both = project.in_effect(PolicyMode::Warn, Some(local));
    assert_eq!(both.requirements.step_sections, ["A", "B"]);
    assert_eq!(both.mode(), PolicyMode::Block);
    assert!(both.adds_what_is_missing());
    assert!(both.blocks(PolicyCode::CheckMissing) && both.blocks(PolicyCode::Unverifiable));
    let silent =
        ProjectPolicy::default().in_effect(PolicyMode::Off, Some(ProjectPolicy::default()));
    assert_eq!(silent.mode(), PolicyMode::Off);
}

#[test]
fn headings_in_code_count_for_nothing_and_what_is_added_is_found() {
    let wanted = ["Verification".to_owned(), "Rollback".to_owned()];
    for (text, missing) in [
        ("# Verification\n## ROLLBACK", vec![]),
        ("```\n# Verification\n```\n# Rollback", vec!["Verification"]),
        (
            "#Verification\n    # Rollback",
            vec!["Verification", "Rollback"],
        ),
        (
            "# Verification of it\n####### Rollback",
            vec!["Verification", "Rollback"],
        ),
        (
            "~~~~ md\n# Rollback\n~~~\n# Verification",
            vec!["Verification", "Rollback"],
        ),
        ("", vec!["Verification", "Rollback"]),
    ] {
        assert_eq!(missing_sections(text, &wanted), missing, "{text}");
        let mended = with_sections(text, &missing);
        assert_eq!(missing_sections(&mended, &wanted), [""; 0], "{mended}");
        assert!(mended.starts_with(text.trim_end()), "{mended}");
    }
}

#[test]
fn entries_that_cannot_be_are_named_with_their_place() {
    let lists = |sections: Value, files: Value, checks: Value| {
        json!({
            "requirements": {"step_sections": sections, "protocol_files": files},
            "defaults": {"ci": {"required_checks": checks}},
        })
    };
    let none = || json!([]);
    for (value, place) in [
        (
            lists(json!(["ok", "## no"]), none(), none()),
            "requirements.step_sections.1",
        ),
        (
            lists(json!([" "]), none(), none()),
            "requirements.step_sections.0",
        ),
        (
            lists(none(), json!(["../x"]), none()),
            "requirements.protocol_files.0",
        ),
        (
            lists(none(), json!(["/etc/passwd"]), none()),
            "requirements.protocol_files.0",
        ),
        (
            lists(none(), none(), json!(["a/.git/x"])),
            "defaults.ci.required_checks.0",
        ),
        (
            lists(none(), none(), json!(vec!["x"; 51])),
            "defaults.ci.required_checks.50",
        ),
        (
            lists(none(), none(), json!(["a\nb"])),
            "defaults.ci.required_checks.0",
        ),
        (
            lists(json!(["x".repeat(201)]), none(), none()),
            "requirements.step_sections.0",
        ),
    ] {
        let policy: ProjectPolicy = serde_json::from_value(value).unwrap();
        let complaint = policy.check().unwrap_err().to_string();
        assert!(complaint.starts_with(&format!("{place}: ")), "{complaint}");
    }
    let policy = lists(
        json!(["How it is checked"]),
        json!(["docs/plan.md"]),
        json!(["ci/test.sh"]),
    );
    serde_json::from_value::<ProjectPolicy>(policy)
        .unwrap()
        .check()
        .unwrap();
}
