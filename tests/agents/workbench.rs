//! Where an agent works in these tests: a workspace, a home of its own, and a model on this machine.
//!
//! Always so: each agent is pointed at the model by its own settings, as a user would write them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use millwright_step::engine::{
    Agent, Cancel, Control, Engine, EngineError, EngineOutput, LineSink, Mode, Task,
};
use played_model::{Answer, KEY_VARIABLE, Model, settings_of_codex};
use serde_json::json;
use tempfile::TempDir;

/// The key that the agents are given; it is to appear nowhere.
pub(crate) const KEY: &str = "key-of-the-stub-4711";

pub(crate) struct Workbench {
    folder: TempDir,
    pub(crate) stub: Model,
    pub(crate) task: Task,
}

/// What came of a run.
pub(crate) struct Ran {
    pub(crate) outcome: Result<EngineOutput, EngineError>,
    pub(crate) log: Vec<String>,
    pub(crate) took: Duration,
    /// What marks the run's processes.
    pub(crate) mark: String,
}

struct Log {
    lines: Mutex<Vec<String>>,
    mark: String,
}

impl LineSink for Log {
    fn line(&self, line: &str) {
        self.lines.lock().unwrap().push(line.to_owned());
    }

    fn execution_id(&self) -> Option<&str> {
        Some(&self.mark)
    }
}

impl Workbench {
    pub(crate) fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let stub = Model::saying(answers).unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["workspace", "home/.gemini", "codex"] {
            fs::create_dir_all(path(name)).unwrap();
        }
        let gemini = json!({"security": {"auth": {"selectedType": "gemini-api-key"}},
            "privacy": {"usageStatisticsEnabled": false}, "general": {"enableAutoUpdate": false}});
        fs::write(path("home/.gemini/settings.json"), gemini.to_string()).unwrap();
        let options = json!({"baseURL": format!("{}/v1", stub.url()), "apiKey": KEY});
        let opencode = json!({"autoupdate": false, "share": "disabled", "provider": {"stub": {
            "npm": "@ai-sdk/openai-compatible", "name": "stub", "options": options,
            "models": {"m": {"name": "m", "cost": {"input": 1000, "output": 1000}}}}}});
        fs::write(path("opencode.json"), opencode.to_string()).unwrap();
        let text = |path: PathBuf| path.display().to_string();
        let environment = BTreeMap::from([
            ("HOME", text(path("home"))),
            ("XDG_DATA_HOME", text(path("home/data"))),
            ("XDG_CONFIG_HOME", text(path("home/config"))),
            ("XDG_STATE_HOME", text(path("home/state"))),
            ("XDG_CACHE_HOME", text(path("home/cache"))),
            ("CODEX_HOME", text(path("codex"))),
            (KEY_VARIABLE, KEY.to_owned()),
            ("OPENCODE_CONFIG", text(path("opencode.json"))),
            ("OPENCODE_DISABLE_AUTOUPDATE", "1".to_owned()),
            ("OPENCODE_DISABLE_MODELS_FETCH", "1".to_owned()),
            ("OPENCODE_DISABLE_DEFAULT_PLUGINS", "1".to_owned()),
            ("OPENCODE_DISABLE_LSP_DOWNLOAD", "1".to_owned()),
            ("ANTHROPIC_BASE_URL", stub.url()),
            ("ANTHROPIC_API_KEY", KEY.to_owned()),
            ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1".to_owned()),
            ("CLAUDE_CODE_MAX_RETRIES", "0".to_owned()),
            ("GOOGLE_GEMINI_BASE_URL", stub.url()),
            ("GEMINI_API_KEY", KEY.to_owned()),
        ]);
        let task = Task {
            mode: Mode::Execute,
            prompt: path("prompt.md"),
            input: "Do what is to be done.\n".to_owned(),
            output_schema: None,
            effort: None,
            fallback_engine: None,
            directory: path("workspace"),
            model: None,
            environment,
            limit: Duration::from_mins(2),
        };
        let bench = Self { folder, stub, task };
        bench.codex_retries(0)
    }

    /// Says how often Codex tries again.
    pub(crate) fn codex_retries(self, times: u8) -> Self {
        let url = self.stub.url();
        self.codex_at(&url, times)
    }

    /// Points Codex at another model.
    pub(crate) fn codex_at(self, url: &str, retries: u8) -> Self {
        let settings = settings_of_codex(url, retries);
        fs::write(self.folder.path().join("codex/config.toml"), settings).unwrap();
        self
    }

    pub(crate) fn mode(mut self, mode: Mode) -> Self {
        self.task.mode = mode;
        self
    }

    pub(crate) fn model(mut self, model: &str) -> Self {
        self.task.model = Some(model.to_owned());
        self
    }

    /// A path beside the workspace.
    pub(crate) fn outside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn workspace(&self) -> &Path {
        &self.task.directory
    }

    pub(crate) fn run(&self, agent: &Agent) -> Ran {
        self.run_until(agent, &Cancel::default())
    }

    pub(crate) fn run_until(&self, agent: &Agent, cancel: &Cancel) -> Ran {
        let log = Log {
            lines: Mutex::default(),
            mark: self.folder.path().display().to_string(),
        };
        let began = Instant::now();
        let control = Control { log: &log, cancel };
        let outcome = agent.run(&self.task, &control);
        Ran {
            outcome,
            took: began.elapsed(),
            log: log.lines.into_inner().unwrap(),
            mark: log.mark,
        }
    }
}

impl Ran {
    pub(crate) fn output(self) -> String {
        let Self { outcome, log, .. } = self;
        let yielded = outcome.unwrap_or_else(|error| panic!("{error}\n{}", log.join("\n")));
        String::from_utf8(yielded.output).unwrap()
    }

    pub(crate) fn error(self) -> String {
        self.outcome.unwrap_err().to_string()
    }

    /// Whether a line of the log holds this.
    pub(crate) fn told(&self, text: &str) -> bool {
        self.log.iter().any(|line| line.contains(text))
    }
}

/// The program at a path below the folder where the agents are installed.
pub(crate) fn installed(path: &str) -> PathBuf {
    let folder = std::env::var_os("MILLWRIGHT_TEST_AGENTS")
        .expect("MILLWRIGHT_TEST_AGENTS names the folder of the agents: run `make test-agents`");
    let program = Path::new(&folder).join(path);
    assert!(program.exists(), "{} is not installed", program.display());
    program
}
