//! `millwright run`.
//!
//! Always so: the command is run as a process, and no server answers it.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use millwright::store::jobs::{self, Filter, JobState};
use millwright::store::{Store, StoreOptions};
use serde_json::{Value, json};

use crate::mill_fixture::{Fixture, bash, bash_with};

const PROGRAM: &str = env!("CARGO_BIN_EXE_millwright");

fn command(fixture: &Fixture, args: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .arg("run")
        .args(args)
        .current_dir(fixture.folder("."))
        .env_remove("TASKSGODZILLA_API_URL")
        .env_remove("TASKSGODZILLA_API_TOKEN")
        .stdin(Stdio::null());
    command
}

fn run(fixture: &Fixture, args: &[&str]) -> Output {
    command(fixture, args).output().expect("millwright runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn hello() -> Value {
    let transforms = json!({"who": {"type": "javascript", "expr": "flow_input.who"}});
    json!({
        "summary": "Says hello",
        "value": {"modules": [bash_with("greet", "who=\"$1\"\necho \"hello $who\"\n", &transforms)]},
        "schema": {"type": "object", "properties": {"who": {"type": "string"}}, "required": ["who"]},
    })
}

#[test]
fn json_prints_the_result_alone() {
    let fixture = Fixture::new();
    fixture.flow("f/team/hello", &hello());
    let output = run(&fixture, &["f/team/hello", "-i", "who=5", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "\"hello 5\"\n");
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn each_step_is_shown_as_it_goes() {
    let fixture = Fixture::new();
    let mut flow = hello();
    let steps = flow["value"]["modules"].as_array_mut().unwrap();
    steps.push(json!({"id": "loop", "value": {"type": "forloopflow", "skip_failures": false,
        "iterator": {"type": "static", "value": ["a"]}, "modules": [bash("bad", "echo why\nexit 3")]}}));
    fixture.flow("f/team/hello", &flow);
    let output = run(&fixture, &["hello", "-i", "who=ada"]);
    assert_eq!(output.status.code(), Some(1));
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"\d+\.\d\d s", "[time]");
    settings.add_filter(r"[0-9a-f-]{36}", "[job]");
    settings.bind(|| {
        insta::assert_snapshot!(text(&output.stderr), @r#"
        ▸ f/team/hello
          ✓ greet [time]
          ▸ loop[0]
            ✗ bad [time]: exit code for "bash run": 3
                why
              log: windmill://job/[job]/logs
          ✗ loop[0] [time]: exit code for "bash run": 3
        ✗ f/team/hello [time]: exit code for "bash run": 3
        "#);
    });
}

#[test]
fn a_failed_script_is_followed_by_the_end_of_its_log_and_where_the_log_is() {
    let fixture = Fixture::new();
    let prints =
        "for n in $(seq 3000); do echo \"line $n\"; done\nprintf '\\e[31mred\\e[0m\\rend'\nexit 3";
    fixture.script("u/team/fails", prints);
    let mut command = command(&fixture, &["u/team/fails"]);
    let output = command.env("TASKSGODZILLA_API_URL", "http://127.0.0.1:9/");
    let told = text(&output.output().unwrap().stderr);
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 22, "{told}");
    assert_eq!(lines[1], "    line 2982");
    assert_eq!(lines[20], "    redend");
    let (reference, url) = lines[21].split_once(", ").unwrap();
    let job = reference
        .strip_prefix("  log: windmill://job/")
        .and_then(|rest| rest.strip_suffix("/logs"));
    let expected =
        "from an API on this database: GET http://127.0.0.1:9/api/w/starter/jobs_u/get_logs";
    assert_eq!(url, format!("{expected}/{}", job.unwrap()));
}

#[test]
fn every_line_of_every_log_is_shown_where_it_is_wished() {
    let fixture = Fixture::new();
    let words = "echo one; echo; printf 'th'; sleep 0.2; printf 'ree'";
    let value = json!({"modules": [bash("quiet", ""), {"id": "l", "value": {
        "type": "forloopflow", "skip_failures": true, "modules": [bash("x", words), bash("y", "echo why; exit 3")],
        "iterator": {"type": "static", "value": [1]},
    }}]});
    fixture.flow("f/team/flow", &json!({ "value": value }));
    let output = run(&fixture, &["flow", "--logs", "--json"]);
    let shown = "l[0]/x | one\nl[0]/x | \nl[0]/x | three\nl[0]/y | why\n";
    assert_eq!(text(&output.stderr), shown);
    assert!(text(&output.stdout).starts_with("[{\"error\":"));
    let told = text(&run(&fixture, &["flow", "--logs"]).stderr);
    assert_eq!(told.matches("why").count(), 1, "{told}");
    assert_eq!(told.matches("log: windmill://job/").count(), 1, "{told}");
}

#[test]
fn wrong_input_is_refused_before_anything_runs() {
    let fixture = Fixture::new();
    fixture.flow("f/team/hello", &hello());
    fixture.file("broken.json", "{\"value\": {\"modules\": [{\"id\": 7}]}}");
    fixture.file("not.yaml", "value: [");
    for (args, expected) in [
        (
            &["f/team/hello", "--strict", "-i", "whom=x"][..],
            "nothing was run:\n/whom: there is no input of this name; there are who\n/: `who` is missing",
        ),
        (
            &["f/team/nope"],
            "there is no flow f/team/nope: looked for ./flows/team/nope.flow.json",
        ),
        (&["f/../../etc/passwd"], "is not a path of a flow or script"),
        (&["u/team/nope"], "there is no script u/team/nope"),
        (
            &["broken.json"],
            "broken.json is no flow: /value/modules/0/id: expected a string, found the number 7",
        ),
        (&["not.yaml"], "cannot read not.yaml: no YAML"),
        (&["missing.json"], "cannot read missing.json: No such file"),
        (
            &["f/team/hello", "--input", "nope.json"],
            "cannot read --input nope.json",
        ),
        (
            &["f/team/hello", "-i", "who=x", "--database", "postgres://x"],
            "is not a database address",
        ),
    ] {
        let output = run(&fixture, args);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {error}");
        assert!(error.contains(expected), "{args:?}: {error}");
    }
}

#[test]
fn without_strict_what_is_wrong_with_inputs_is_told_and_the_flow_runs() {
    let fixture = Fixture::new();
    fixture.flow("f/team/hello", &hello());
    let output = run(&fixture, &["f/team/hello", "--json"]);
    assert_eq!(text(&output.stdout), "\"hello null\"\n");
    assert_eq!(text(&output.stderr), "note: /: `who` is missing\n");
}

#[test]
fn a_scripts_own_schema_says_how_its_inputs_are_read() {
    let fixture = Fixture::new();
    fixture.script("u/team/add", "a=\"$1\"\nb=\"$2\"\necho \"$a+$b\"\n");
    let schema = "summary: Adds\nschema:\n  type: object\n  properties:\n    a: {type: string}\n    b: {type: integer}\n  required: [b]\n";
    fixture.file("scripts/team/add.script.yaml", schema);
    let output = run(
        &fixture,
        &[
            "u/team/add",
            "-i",
            "a=[1]",
            "-i",
            "b=2",
            "--json",
            "--strict",
        ],
    );
    assert_eq!(
        text(&output.stdout),
        "\"[1]+2\"\n",
        "{}",
        text(&output.stderr)
    );
    fixture.file("inputs.json", "{\"a\": 1}");
    let output = run(
        &fixture,
        &["u/team/add", "--input", "inputs.json", "--strict"],
    );
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{error}");
    let expected = "/: `b` is missing\n/a: this is a number: expected text\n";
    assert!(error.ends_with(expected), "{error}");
    let output = run(&fixture, &["u/devgodzilla/open_pr", "--strict"]);
    assert!(text(&output.stderr).contains("/: `protocol_run_id` is missing"));
}

#[test]
fn a_secret_comes_from_the_environment_and_is_not_printed() {
    let fixture = Fixture::new();
    fixture.script(
        "u/team/says",
        "key=\"$1\"\necho \"the key: $key\"\necho \"$key\"\n",
    );
    let file = "[variables]\n\"f/team/key\" = { env = \"TEAM_KEY\" }\n";
    fixture.file("millwright.resources.toml", file);
    let mut command = command(
        &fixture,
        &["u/team/says", "-i", "key=$var:f/team/key", "--logs"],
    );
    let output = command.env("TEAM_KEY", "open-sesame").output().unwrap();
    let (result, shown) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(result, "\"$var:f/team/key\"\n", "{shown}");
    assert!(
        shown.contains("the key: ***") && !shown.contains("sesame"),
        "{shown}"
    );
}

#[test]
fn yaml_and_a_file_of_inputs_do_as_well() {
    let fixture = Fixture::new();
    let yaml = "value:\n  modules:\n  - id: a\n    value: {type: identity}\n";
    fixture.file("flow.yaml", yaml);
    fixture.file("inputs.json", "{\"b\": [1], \"a\": \"from the file\"}");
    let args = ["flow.yaml", "--input", "inputs.json", "-i", "a=2", "--json"];
    let output = run(&fixture, &args);
    assert_eq!(text(&output.stdout), "{\"a\":2,\"b\":[1]}\n");
    let yaml = "value: {modules: [{id: a, value: {type: rawscript, language: bash, content: '!inline a.sh', input_transforms: {}}}]}";
    fixture.file("elsewhere/flow.yaml", yaml);
    fixture.file("elsewhere/a.sh", "echo from the file");
    let output = run(&fixture, &["elsewhere/flow.yaml", "--json"]);
    assert_eq!(text(&output.stdout), "\"from the file\"\n");
}

#[test]
fn a_script_runs_by_itself() {
    let fixture = Fixture::new();
    fixture.script(
        "u/team/add",
        "a=\"$1\"\nb=\"$2\"\necho $((a + b)) > result.json\n",
    );
    let output = run(
        &fixture,
        &["u/team/add", "-i", "a=1", "-i", "b=2", "--json"],
    );
    assert_eq!(text(&output.stdout), "3\n", "{}", text(&output.stderr));
}

#[test]
fn ctrl_c_ends_every_process_and_leaves_a_true_state() {
    let fixture = Fixture::new();
    let mark = fixture.folder("marks");
    let script = format!(
        "touch {0}/began\n(trap '' TERM INT; sleep 4; touch {0}/lived) &\nsleep 60\n",
        mark.display()
    );
    let flow = json!({"value": {"modules": [
        {"id": "l", "value": {"type": "forloopflow", "parallel": true, "skip_failures": false,
            "iterator": {"type": "static", "value": [1, 2]}, "modules": [bash("x", &script)]}},
    ]}});
    fixture.flow("f/team/slow", &flow);
    let mut child = command(&fixture, &["slow", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    appears(&mark.join("began"));
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    let ended = Instant::now();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(
        ended.elapsed() < Duration::from_secs(6),
        "{:?}",
        ended.elapsed()
    );

    let database = fixture.folder(".").join(".millwright/millwright.db");
    let store = Store::open(&StoreOptions::file(database)).unwrap();
    let filter = Filter {
        limit: 100,
        ..Filter::default()
    };
    let all = store
        .read_blocking(move |connection| jobs::list(connection, &filter))
        .unwrap();
    assert_eq!(all.len(), 5);
    for job in &all {
        assert_eq!(job.state, JobState::Completed, "{job:?}");
        assert_eq!(job.success, Some(false), "{job:?}");
    }
    assert!(all.iter().any(|job| job.canceled.is_some()));
    std::thread::sleep(Duration::from_secs(5).saturating_sub(begun.elapsed()));
    assert!(!mark.join("lived").exists(), "a process lived on");
}

#[test]
fn a_second_ctrl_c_gives_processes_no_more_time() {
    let fixture = Fixture::new();
    let marks = fixture.folder("marks");
    let (began, asked) = (marks.join("began"), marks.join("asked"));
    let script = format!(
        "trap 'touch {}' TERM\ntouch {}\nwhile true; do sleep 0.05; done\n",
        asked.display(),
        began.display()
    );
    fixture.flow(
        "f/team/stays",
        &json!({"value": {"modules": [bash("x", &script)]}}),
    );
    let mut child = command(&fixture, &["stays", "--json"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let interrupt = |child: &Child| {
        let id = rustix::process::Pid::from_child(child);
        rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    };
    appears(&began);
    interrupt(&child);
    appears(&asked);
    let again = Instant::now();
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    // Without it they have 3 s.
    assert!(
        again.elapsed() < Duration::from_millis(2500),
        "{:?}",
        again.elapsed()
    );
}

fn appears(mark: &Path) {
    let begun = Instant::now();
    while !mark.exists() {
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "there is no {}",
            mark.display()
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn nothing_of_a_run_stays_in_the_folder_for_temporary_files() {
    let fixture = Fixture::new();
    // JavaScript, which knows the flow's results.
    let transforms = json!({"x": {"type": "javascript", "expr": "results.a + results.a"}});
    let flow = json!({"value": {"modules": [
        bash("a", "echo 1"), bash("m", ""), bash_with("b", "x=\"$1\"\necho \"$x\"\n", &transforms),
    ]}});
    fixture.flow("f/team/flow", &flow);
    let temporary = fixture.folder("tmp");
    let mut command = command(&fixture, &["flow", "--json"]);
    let output = command.env("TMPDIR", &temporary).output().unwrap();
    assert_eq!(text(&output.stdout), "\"11\"\n", "{}", text(&output.stderr));
    assert_eq!(temporary.read_dir().unwrap().count(), 0);
}

#[test]
fn a_job_of_a_killed_mill_is_ended_by_the_next() {
    let fixture = Fixture::new();
    let mark = fixture.folder("marks");
    let flow = json!({"value": {"modules": [bash("x", &format!("touch {}/began\nsleep 2", mark.display()))]}});
    fixture.flow("f/team/slow", &flow);
    fixture.flow("f/team/empty", &json!({"value": {"modules": []}}));
    let mut child = command(&fixture, &["slow", "--json"]).spawn().unwrap();
    appears(&mark.join("began"));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(run(&fixture, &["empty"]).status.code(), Some(0));
    let database = fixture.folder(".").join(".millwright/millwright.db");
    let store = Store::open(&StoreOptions::file(database)).unwrap();
    assert_eq!(store.read_blocking(jobs::unfinished).unwrap(), []);
}
