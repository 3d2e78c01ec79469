//! `millwright run --on windmill`: followed, failed, left, followed again, cancelled; and what is refused.
//!
//! Always so: a flow is made by the test in a folder of its own, and how its job stands is read from the server.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use millwright::windmill::ItemPath;
use millwright_core::refs::JobId;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::Live;

tests![
    a_flow_is_followed_to_its_end,
    a_failed_step_fails_the_command,
    every_line_of_a_log_is_shown,
    a_script_runs_by_itself,
    what_cannot_run_is_refused,
    a_flow_that_is_left_is_followed_again,
    a_stream_that_the_server_ends_is_taken_up_again,
];

/// A step that runs bash.
pub(super) fn bash(id: &str, text: &str) -> Value {
    json!({"id": id, "value": {"type": "rawscript", "language": "bash", "content": text, "input_transforms": {}}})
}

/// A flow of such steps.
pub(super) fn flow(modules: &[Value]) -> Value {
    json!({"value": {"modules": modules}})
}

fn on_windmill<'a>(path: &'a ItemPath, more: &[&'a str]) -> Vec<&'a str> {
    [&["run", path.as_str(), "--on", "windmill"], more].concat()
}

async fn a_flow_is_followed_to_its_end(live: &Live) {
    let folder = live.make_folder("follow").await;
    let rounds = json!({"id": "l", "value": {"type": "forloopflow", "skip_failures": false,
        "iterator": {"type": "static", "value": [1, 2]}, "modules": [bash("x", "echo x"), bash("y", "echo y")]}});
    let steps = [bash("a", "echo hello"), rounds, bash("z", "echo done")];
    let path = live.flow(&folder, "rounds", &flow(&steps)).await;
    let said = live.ends(0, &on_windmill(&path, &[])).await;
    assert_eq!(said.stdout, "\"done\"\n");
    let mut shown = said.stderr.as_str();
    for part in ["▸ f/", "✓ a ", "l[0]", "l[1]", "✓ z ", "✓ f/"] {
        let found = shown.split_once(part);
        let missing = || panic!("{part:?} is not in its place in\n{}", said.stderr);
        shown = found.map_or_else(missing, |(_, rest)| rest);
    }
    let said = live.ends(0, &on_windmill(&path, &["--json"])).await;
    assert_eq!(
        (said.stdout.as_str(), said.stderr.as_str()),
        ("\"done\"\n", "")
    );
}

async fn a_failed_step_fails_the_command(live: &Live) {
    let folder = live.make_folder("fail").await;
    let steps = [
        bash("bad", "echo the reason\nexit 3"),
        bash("z", "echo done"),
    ];
    let path = live.flow(&folder, "fails", &flow(&steps)).await;
    let said = live.ends(1, &on_windmill(&path, &[])).await;
    for part in ["✗ bad", "the reason", "log: windmill://job/", "✗ f/"] {
        assert!(said.stderr.contains(part), "{part} in {}", said.stderr);
    }
    let result: Value = serde_json::from_str(&said.stdout).unwrap();
    assert!(result["error"].is_object(), "{result}");
}

async fn every_line_of_a_log_is_shown(live: &Live) {
    let folder = live.make_folder("lines").await;
    let text = "for n in 1 2 3 4 5; do echo \"line $n: ü\"; sleep 0.3; done";
    let path = live.flow(&folder, "lines", &flow(&[bash("a", text)])).await;
    let said = live
        .ends(0, &on_windmill(&path, &["--logs", "--json"]))
        .await;
    let lines: Vec<String> = (1..=5).map(|n| format!("a | line {n}: ü")).collect();
    assert_eq!(said.stderr.lines().collect::<Vec<_>>(), lines);
}

async fn a_script_runs_by_itself(live: &Live) {
    let folder = live.make_folder("script").await;
    let text = "a=\"$1\"\necho \"$a and $a\"\n";
    let path = live.script(&folder, "twice", text).await;
    let said = live
        .ends(0, &on_windmill(&path, &["-i", "a=one", "--json"]))
        .await;
    assert_eq!(said.stdout, "\"one and one\"\n");
}

async fn what_cannot_run_is_refused(live: &Live) {
    let folder = live.make_folder("refused").await;
    let mut wants = flow(&[bash("a", "echo hello")]);
    wants["schema"] =
        json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]});
    let path = live.flow(&folder, "wants", &wants).await;
    let said = live.ends(2, &on_windmill(&path, &["--strict"])).await;
    assert!(said.stderr.contains("`n` is missing"), "{}", said.stderr);

    let missing: ItemPath = format!("f/{folder}/missing").parse().unwrap();
    let said = live.ends(2, &on_windmill(&missing, &[])).await;
    assert!(
        said.stderr.contains("`millwright deploy --apply`"),
        "{}",
        said.stderr
    );

    let mut command = live.command(&on_windmill(&path, &["-i", "n=1"]));
    command.env("TASKSGODZILLA_WINDMILL_TOKEN", "not-the-token");
    let said = live.run(3, command).await;
    assert!(said.stderr.contains("refused the token"), "{}", said.stderr);
}

async fn a_flow_that_is_left_is_followed_again(live: &Live) {
    let folder = live.make_folder("left").await;
    let path = live
        .flow(
            &folder,
            "slow",
            &flow(&[bash("a", "echo begun\nsleep 120")]),
        )
        .await;
    let mut leaving = Followed::start(live, &on_windmill(&path, &["--logs"]));
    let job = leaving.until_line("job ");
    let job = job.split([' ', ':']).nth(1).unwrap();
    leaving.until_line("a | begun");
    assert_eq!(leaving.interrupt(), 130);
    let id: JobId = job.parse().unwrap();
    assert_eq!(
        live.client.job(id).await.unwrap()["type"],
        "QueuedJob",
        "it goes on"
    );

    let mut following = Followed::start(
        live,
        &["run", "--on", "windmill", "--follow", job, "--logs"],
    );
    following.until_line("a | begun");
    live.client
        .cancel(id, "the test has seen enough")
        .await
        .unwrap();
    assert_eq!(following.child.wait().unwrap().code(), Some(1));
    assert_eq!(live.ended(id).await["canceled"], true);
}

async fn a_stream_that_the_server_ends_is_taken_up_again(live: &Live) {
    let folder = live.make_folder("long").await;
    let text = "for n in $(seq 8); do echo \"line $n\"; sleep 10; done";
    let path = live.flow(&folder, "long", &flow(&[bash("a", text)])).await;
    let said = live
        .ends(0, &on_windmill(&path, &["--logs", "--json"]))
        .await;
    let lines: Vec<String> = (1..=8).map(|n| format!("a | line {n}")).collect();
    assert_eq!(said.stderr.lines().collect::<Vec<_>>(), lines);
}

/// A command that is read while it runs.
struct Followed {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStderr>>,
}

impl Followed {
    fn start(live: &Live, arguments: &[&str]) -> Self {
        let mut command = live.command(arguments);
        let command = command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The next line that begins so.
    fn until_line(&mut self, beginning: &str) -> String {
        let lines = self.lines.by_ref().map(Result::unwrap);
        let mut seen = Vec::new();
        for line in lines {
            if line.starts_with(beginning) {
                return line;
            }
            seen.push(line);
        }
        panic!("there is no line {beginning:?} in {seen:?}")
    }

    /// Interrupts it, and gives how it ended.
    fn interrupt(&mut self) -> i32 {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
        self.until_line("it goes on there");
        self.child.wait().unwrap().code().unwrap()
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
