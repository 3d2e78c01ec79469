//! The real Codex, with a home of its own and a model on this machine.
//!
//! Always so: it sees neither the settings nor the login of whoever runs the demo, and asks nobody but that model.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use played_model::{KEY_VARIABLE, Model, settings_of_codex};

use crate::player;

const PROGRAM: &str = "MILLWRIGHT_CODEX_BIN";
/// Where `tests/agents/install.sh` puts it, below the folder for caches.
const CACHED: &str = "millwright/agents/node_modules/.bin/codex";

/// Codex, ready to be started by the server.
pub(crate) struct Codex {
    program: PathBuf,
    home: PathBuf,
    model: Model,
}

impl Codex {
    /// Finds it, and starts its model.
    pub(crate) fn prepare(folder: &Path) -> anyhow::Result<Self> {
        let program = find().with_context(|| {
            format!(
                "codex is not installed: run `npm install -g @openai/codex`, or `tests/agents/install.sh`, which brings \
                 the version that is tested, or say in {PROGRAM} where it is"
            )
        })?;
        let model = Model::playing(player::of_the_demo())?;
        let home = folder.join("codex");
        fs::create_dir(&home)?;
        fs::write(home.join("config.toml"), settings_of_codex(&model.url(), 0))?;
        Ok(Self {
            program,
            home,
            model,
        })
    }

    /// What is said of it in one line.
    pub(crate) fn line(&self) -> String {
        let (program, url) = (self.program.display(), self.model.url());
        format!("{program} asks a played model on {url}")
    }

    /// What the server has to find in its environment.
    pub(crate) fn environment(&self) -> [(&'static str, OsString); 3] {
        [
            (PROGRAM, self.program.clone().into()),
            ("CODEX_HOME", self.home.clone().into()),
            (KEY_VARIABLE, "a key that nobody asks for".into()),
        ]
    }
}

/// Where it is: as the environment says, on the search path, or where the tests keep it.
fn find() -> Option<PathBuf> {
    if let Some(named) = env::var_os(PROGRAM).filter(|path| !path.is_empty()) {
        return Some(named.into());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path = env::split_paths(&path).map(|folder| folder.join("codex"));
    let folder = |name: &str| {
        env::var_os(name)
            .filter(|path| !path.is_empty())
            .map(PathBuf::from)
    };
    let kept = folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")));
    let installed = kept.map(|folder| folder.join(CACHED));
    on_path.chain(installed).find(|program| program.is_file())
}
