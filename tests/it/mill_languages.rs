//! Scripts in other languages than bash, and the programs that run them.
//!
//! Always so: the programs are real ones, and a test that lacks one fails and says which.

use std::fs;

use millwright::mill::{Mill, MillError};
use millwright::store::jobs::{self, Cancellation, Offset};
use millwright_core::refs::JobId;
use serde_json::{Map, Value, json};

use crate::mill_fixture::{Fixture, bash, given, refused, run, script_with};
use crate::wait::until;

/// What a step in a language returns for these arguments.
async fn result_of(language: &str, program: &str, text: &str, args: &Value) -> Value {
    let fixture = Fixture::new();
    let mill = fixture.mill_with(fixture.options_with(&[program])).await;
    let step = script_with("a", language, text, &given(args));
    run(&mill, &json!({"modules": [step]}), &json!({}))
        .await
        .result
        .as_ref()
        .clone()
}

const TYPED: &str = "enum Kind { One = 1 }\n\
    type Wish = { when: Date };\n\
    export async function main(when: Date, { n }: { n: number } = { n: 7 }, big = 10n, toString?: string) {\n\
      return [when.getTime(), n, big, Kind.One, typeof toString];\n\
    }\n";

#[tokio::test]
async fn typescript_runs_with_bun_and_with_node() {
    for (language, program) in [
        ("bun", "bun"),
        ("bun", "node"),
        ("nativets", "node"),
        ("deno", "bun"),
    ] {
        let args = json!({"when": "1970-01-01T00:00:01Z", "more": 1});
        let result = result_of(language, program, TYPED, &args).await;
        assert_eq!(
            result,
            json!([1000, 7, "10", 1, "undefined"]),
            "{language} by {program}"
        );
    }
}

#[tokio::test]
async fn what_a_script_throws_is_told_with_all_that_it_carries() {
    let text = "export function main() { throw Object.assign(new RangeError('far'), { code: 7 }) }";
    for program in ["bun", "node"] {
        let error = result_of("bun", program, text, &json!({})).await["error"].clone();
        assert_eq!(error["name"], "RangeError", "{error}");
        assert_eq!(error["message"], "far");
        assert_eq!(error["step_id"], "a");
        assert_eq!(error["extra"], json!({"code": 7}));
        assert!(error["stack"].as_str().unwrap().contains("main"), "{error}");
    }
}

#[tokio::test]
async fn a_script_without_main_or_with_a_throwing_beginning_fails() {
    for (text, expected) in [
        ("export const other = 1", "main function is missing"),
        (
            "throw new Error('early')\nexport function main() {}",
            "exit code for \"node run\": 1",
        ),
    ] {
        let error = result_of("bun", "node", text, &json!({})).await["error"].clone();
        assert!(
            error["message"].as_str().unwrap().starts_with(expected),
            "{error}"
        );
    }
}

const PYTHON: &str = "import datetime\n\
    def main(a, b, c=3, d: datetime.date = None, e: bytes = b'', *, f='f'):\n    \
        return {'a': a, 'b': b, 'c': c, 'd': d.year, 'e': len(e), 'f': f, 'nan': float('nan'), 'raw': b'hi'}\n";

#[tokio::test]
async fn python_gets_its_arguments_by_name() {
    let args =
        json!({"a": [1, null], "c": null, "d": "1999-12-31", "e": "aGV5", "f": "g", "unknown": 1});
    let expected = json!({"a": [1, null], "b": null, "c": 3, "d": 1999, "e": 3, "f": "g", "nan": null, "raw": "aGk="});
    assert_eq!(
        result_of("python3", "python3", PYTHON, &args).await,
        expected
    );
    let all = "def main(**given):\n    return sorted(given)\n";
    assert_eq!(
        result_of("python3", "python3", all, &json!({"b": 1, "a": 2})).await,
        json!(["a", "b"])
    );
    let parts = "def main():\n    yield 'part'\n";
    assert_eq!(
        result_of("python3", "python3", parts, &json!({})).await,
        Value::Null
    );
}

#[tokio::test]
async fn what_python_raises_is_told_with_its_own_lines() {
    let text = "class Odd(Exception):\n    pass\n\ndef main():\n    error = Odd('odd')\n    error.code = 4\n    raise error\n";
    let error = result_of("python3", "python3", text, &json!({})).await["error"].clone();
    assert_eq!(error["name"], "Odd", "{error}");
    assert_eq!(error["message"], "odd");
    assert_eq!(error["extra"], json!({"code": 4}));
    assert_eq!(error["step_id"], "a");
    let stack = error["stack"].as_str().unwrap();
    assert!(
        stack.contains("line 7, in main") && !stack.contains("wrapper"),
        "{stack}"
    );
    let later = "async def main():\n    return 1\n";
    let later = result_of("python3", "python3", later, &json!({})).await["error"].clone();
    assert!(
        later["message"]
            .as_str()
            .unwrap()
            .starts_with("main is async"),
        "{later}"
    );
    let missing = result_of("python3", "python3", "x = 1\n", &json!({})).await;
    assert_eq!(missing["error"]["message"], "main function is missing");
}

#[tokio::test]
async fn a_program_that_the_project_names_runs_its_language() {
    let fixture = Fixture::new();
    fixture.file(
        "millwright.toml",
        "[interpreters]\nposix = [\"sh\", \"-e\", \"{script}\"]\n",
    );
    fixture.file(
        "scripts/team/copy.rb",
        "cat \"$MILLWRIGHT_ARGUMENTS\" > result.json\n",
    );
    let mill = fixture.mill_with(fixture.options_with(&[])).await;
    let copy = script_with(
        "a",
        "posix",
        "cat \"$MILLWRIGHT_ARGUMENTS\" > result.json\n",
        &given(&json!({"n": [1]})),
    );
    let last = script_with("b", "posix", "echo first; echo last\n", &json!({}));
    let fails = script_with("c", "posix", "echo why\nexit 3\n", &json!({}));
    let result = run(&mill, &json!({"modules": [copy.clone()]}), &json!({}))
        .await
        .result;
    assert_eq!(*result, json!({"n": [1]}));
    assert_eq!(
        *run(&mill, &json!({"modules": [copy, last]}), &json!({}))
            .await
            .result,
        json!("last")
    );
    let error = run(&mill, &json!({"modules": [fails]}), &json!({}))
        .await
        .result;
    assert_eq!(
        error["error"]["message"],
        "exit code for \"posix run\": 3, last log lines:\nwhy"
    );
    let reasons = refused_at(&mill, "u/team/copy").await;
    assert!(
        reasons.contains("not `ruby`: name what runs it in millwright.toml"),
        "{reasons}"
    );
}

async fn refused_at(mill: &Mill, path: &str) -> String {
    match mill.run_script_at(path, Map::new()).await {
        Err(error @ MillError::Refused(_)) => error.to_string(),
        other => panic!("it was not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_missing_program_is_told_before_anything_runs() {
    let fixture = Fixture::new();
    let mill = fixture.mill_with(fixture.options_with_only(&[])).await;
    let steps = [
        bash("a", "echo ran > ran"),
        script_with("b", "deno", "export function main() {}", &json!({})),
        script_with("c", "python3", "def main(): pass", &json!({})),
        script_with("d", "go", "package inner", &json!({})),
    ];
    let reasons = refused(&mill, &json!({"modules": steps})).await;
    let expected = [
        "/value/modules/1/value: the mill runs `deno` with bun or node, which is not on the PATH",
        "/value/modules/2/value: the mill runs `python3` with python3, which is not on the PATH",
        "/value/modules/3/value: the mill runs bash, bun, nativets, deno and python3, and not `go`",
    ];
    assert_eq!(reasons.len(), expected.len(), "{reasons:?}");
    for (reason, expected) in reasons.iter().zip(expected) {
        assert!(reason.starts_with(expected), "{reason}");
    }
}

#[tokio::test]
async fn an_import_that_cannot_be_there_is_refused() {
    let fixture = Fixture::new();
    fixture.file(
        "node_modules/here/package.json",
        "{\"name\": \"here\", \"type\": \"module\", \"exports\": \"./main.js\"}",
    );
    fixture.file(
        "node_modules/here/main.js",
        "export const here = 'from the package';",
    );
    let mill = fixture
        .mill_with(fixture.options_with_only(&["node"]))
        .await;
    let step = |text: &str| json!({"modules": [script_with("a", "bun", text, &json!({}))]});
    for (text, expected) in [
        (
            "import { x } from './other'; x();",
            "a script imports no other script",
        ),
        (
            "export * from '/f/team/other';",
            "a script imports no other script",
        ),
        ("import x from 'npm:x'; x();", "which deno alone knows"),
        (
            "import { $ } from 'bun'; $`x`;",
            "which bun alone knows: install bun",
        ),
        (
            "import x from '@scope/x/part'; x();",
            "the project's node_modules has no such package",
        ),
        ("export function main( {", "it is no TypeScript: line 1: "),
        ("export function main([a]) {}", "an argument without a name"),
    ] {
        let reasons = refused(&mill, &step(text)).await;
        assert!(reasons[0].contains(expected), "{text}: {reasons:?}");
    }
    let python = script_with(
        "a",
        "python3",
        "from f.team.other import x\ndef main(): pass\n",
        &json!({}),
    );
    let with_python = Fixture::new();
    let python_mill = with_python
        .mill_with(with_python.options_with(&["python3"]))
        .await;
    let reasons = refused(&python_mill, &json!({"modules": [python]})).await;
    assert!(
        reasons[0].contains("imports \"f.team.other\""),
        "{reasons:?}"
    );
    let text = "import { here } from 'here@1.2.3';\nimport { sep } from 'path';\nimport type { T } from './types';\n\
        export function main(): T { return here + sep }";
    assert_eq!(
        *run(&mill, &step(text), &json!({})).await.result,
        json!("from the package/")
    );
}

#[tokio::test]
async fn a_script_is_found_by_the_end_of_its_file() {
    let fixture = Fixture::new();
    let main = "export function main(n: number) { return n + 1 }";
    fixture.file("scripts/team/one.ts", main);
    fixture.file("scripts/team/two.bun.ts", main);
    fixture.file("scripts/team/three.py", "def main(n): return n + 1\n");
    fixture.file("u/team/four.deno.ts", main);
    fixture.file("f/team/five.fetch.ts", main);
    let mill = fixture
        .mill_with(fixture.options_with(&["bun", "python3"]))
        .await;
    for path in [
        "u/team/one",
        "u/team/two",
        "u/team/three",
        "u/team/four",
        "f/team/five",
    ] {
        let args = json!({"n": 1}).as_object().unwrap().clone();
        let end = mill
            .run_script_at(path, args)
            .await
            .unwrap()
            .wait()
            .await
            .unwrap();
        assert_eq!(*end.result, json!(2), "{path}");
    }
    fixture.file("scripts/team/one.py", "def main(n): return n + 1\n");
    let error = mill
        .run_script_at("u/team/one", Map::new())
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("scripts/team/one.ts is u/team/one as well"),
        "{error}"
    );
}

#[tokio::test]
async fn a_flow_is_found_where_windmills_command_line_has_it() {
    let fixture = Fixture::new();
    let flow = "summary: Adds\nvalue:\n  modules:\n    - id: a\n      value:\n        type: rawscript\n        language: python3\n        \
        content: '!inline add.inline_script.py'\n        lock: '!inline add.inline_script.lock'\n        input_transforms:\n          \
        n: {type: javascript, expr: flow_input.n}\n";
    fixture.file("f/team/add.flow/flow.yaml", flow);
    fixture.file(
        "f/team/add.flow/add.inline_script.py",
        "def main(n): return n + 1\n",
    );
    fixture.file("f/team/add.flow/add.inline_script.lock", "\n");
    fixture.file(
        "f/team/out__flow/flow.yaml",
        &flow.replace("add.inline_script.py", "../secret"),
    );
    let mill = fixture.mill_with(fixture.options_with(&["python3"])).await;
    let args = json!({"n": 1}).as_object().unwrap().clone();
    let end = mill
        .run_flow_at("f/team/add", args)
        .await
        .unwrap()
        .wait()
        .await
        .unwrap();
    assert_eq!(*end.result, json!(2));
    let error = mill
        .run_flow_at("f/team/out", Map::new())
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("leads out of the flow's folder"),
        "{error}"
    );
}

#[tokio::test]
async fn a_job_says_its_language_and_keeps_its_log() {
    let fixture = Fixture::new();
    fixture.file(
        "scripts/team/says.ts",
        "export function main() { console.log('said'); console.error('and err') }",
    );
    let mill = fixture.mill_with(fixture.options_with(&["bun"])).await;
    let started = mill.run_script_at("u/team/says", Map::new()).await.unwrap();
    let job = started.job;
    assert_eq!(*started.wait().await.unwrap().result, Value::Null);
    let known = mill
        .store()
        .read(move |connection| jobs::get(connection, job));
    assert_eq!(known.await.unwrap().language.as_deref(), Some("bun"));
    let log = log_of(&mill, job).await;
    assert!(
        log.contains("tag=bun ") && log.contains("--- BUN CODE EXECUTION ---"),
        "{log}"
    );
    assert!(log.ends_with("said\nand err"), "{log}");
}

#[tokio::test]
async fn all_processes_of_a_script_end_with_it() {
    let fixture = Fixture::new();
    let text = "import { spawn } from 'node:child_process';\n\
        export async function main() {\n  const child = spawn('sleep', ['600']);\n  console.log(`pid ${child.pid}.`);\n  \
        await new Promise(() => setInterval(() => {}, 1000));\n}";
    fixture.file("scripts/team/spawns.ts", text);
    let mill = fixture.mill_with(fixture.options_with(&["bun"])).await;
    let started = mill
        .run_script_at("u/team/spawns", Map::new())
        .await
        .unwrap();
    let job = started.job;
    let pid = until("the script's word of its child", async || {
        let log = log_of(&mill, job).await;
        let (_, rest) = log.split_once("pid ")?;
        rest.split_once('.').map(|(pid, _)| pid.to_owned())
    });
    let pid = pid.await;
    let wish = Cancellation {
        by: "a test".to_owned(),
        reason: "enough".to_owned(),
    };
    mill.cancel(job, wish).await.unwrap();
    assert!(!started.wait().await.unwrap().success);
    until("the child's end", async || {
        let state = fs::read_to_string(format!("/proc/{pid}/stat"));
        let is_gone = state.map_or(true, |state| state.contains(") Z "));
        is_gone.then_some(())
    })
    .await;
}

async fn log_of(mill: &Mill, job: JobId) -> String {
    let read = mill.store().read(move |connection| {
        Ok(jobs::read_log(connection, job, Offset::Bytes(0), usize::MAX)?.text)
    });
    read.await.unwrap()
}
