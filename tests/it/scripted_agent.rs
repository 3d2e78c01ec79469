//! An agent that answers as a test says: it speaks as Claude Code does, and reads its prompt as Claude Code does.
//!
//! Always so: what it was asked is written down beside it.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::protocol_fixture::write_script;

/// The variable that says where Claude Code is.
pub(crate) const VARIABLE: &str = "MILLWRIGHT_CLAUDE_CODE_BIN";

/// An agent's program.
pub(crate) struct ScriptedAgent {
    folder: PathBuf,
}

impl ScriptedAgent {
    /// An agent in a folder, which answers a prompt that holds a text with what is given for the first such text. The
    /// second time it is asked so, it answers with the second answer, where there is one.
    pub(crate) fn new(folder: &Path, answers: &[(&str, &[&str])]) -> Self {
        let folder = folder.join("agent");
        fs::create_dir_all(&folder).unwrap();
        let mut cases = String::new();
        for (nth, (asked, answers)) in answers.iter().enumerate() {
            for (turn, answer) in answers.iter().enumerate() {
                let result = json!({"type": "result", "is_error": false, "result": answer});
                fs::write(folder.join(format!("{nth}.{turn}")), format!("{result}\n")).unwrap();
            }
            writeln!(cases, "*\"{asked}\"*) case={nth} ;;").unwrap();
        }
        let script = format!(
            r#"cd {folder}
prompt=$(cat)
printf '%s\n' "$prompt" >> asked
case "$prompt" in {cases} *) exit 9 ;; esac
turn=0; while [ -e "$case.$turn.said" ] && [ -e "$case.$((turn + 1))" ]; do turn=$((turn + 1)); done
: > "$case.$turn.said"
cat "$case.$turn""#,
            folder = folder.display()
        );
        write_script(&folder, "claude", &script);
        Self { folder }
    }

    /// Where it is.
    pub(crate) fn program(&self) -> PathBuf {
        self.folder.join("claude")
    }

    /// All that it was asked.
    pub(crate) fn asked(&self) -> String {
        fs::read_to_string(self.folder.join("asked")).unwrap_or_default()
    }
}
