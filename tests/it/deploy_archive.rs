//! A workspace as the official command line reads it: an archive of files, as the server packs it.
//!
//! Always so: names and metadata are those of the server's export; nothing is compressed.

use serde_json::{Map, Value, json};

use crate::deploy_double::{Held, Reply};

/// What is said of a script beside its text.
const OF_SCRIPT: [&str; 6] = ["summary", "description", "schema", "kind", "lock", "tag"];
/// What is said of a flow.
const OF_FLOW: [&str; 5] = ["summary", "description", "value", "schema", "tag"];

/// What a dependency job makes of a script that installs nothing.
const INSTALLED: &str = "{\n  \"dependencies\": {}\n}\n//bun.lock\n<empty>";

/// Answers what the official command line asks beside what `deploy` does.
pub(crate) fn for_command_line(path: &str) -> Option<Reply> {
    let user = json!({
        "email": "ada@example.invalid", "username": "ada", "is_admin": true, "is_super_admin": false,
        "operator": false, "disabled": false, "folders": [], "folders_owners": [], "groups": [],
        "created_at": "2026-11-21T10:27:37.000000Z",
    });
    let text = match path.trim_start_matches('/') {
        "users/whoami" => user.to_string(),
        "resources/file_resource_type_to_file_ext_map" => "{}".to_owned(),
        "jobs/completed/list" | "jobs/queue/list" => "[]".to_owned(),
        "workspaces/list_ws_specific" => {
            return Some((axum::http::StatusCode::NOT_FOUND, String::new()));
        }
        _ => return None,
    };
    Some((axum::http::StatusCode::OK, text))
}

impl Held {
    /// The archive.
    pub(crate) fn archive(&self) -> Vec<u8> {
        let mut files: Vec<(String, String)> = Vec::new();
        for (name, folder) in &self.folders {
            let mut about = json!({});
            for member in ["summary", "display_name", "owners", "extra_perms"] {
                about[member] = folder[member].clone();
            }
            files.push((format!("f/{name}/folder.meta.json"), about.to_string()));
        }
        for (key, item) in &self.items {
            let (kind, path) = key.split_once(' ').unwrap();
            if kind == "flows" {
                files.push((format!("{path}.flow.json"), chosen(item, &OF_FLOW)));
            } else if kind == "scripts" {
                let ending = if item["language"] == "bun" {
                    "ts"
                } else {
                    "sh"
                };
                let content = item["content"].as_str().unwrap().to_owned();
                files.push((format!("{path}.{ending}"), content));
                let mut about = item.clone();
                if ending == "ts" {
                    // Windmill finds out by itself what was not said.
                    let lock = item["lock"].as_str().filter(|lock| !lock.is_empty());
                    let lock = lock.unwrap_or(INSTALLED).to_owned();
                    about["lock"] = format!("!inline {path}.script.lock").into();
                    files.push((format!("{path}.script.lock"), lock));
                }
                files.push((format!("{path}.script.json"), chosen(&about, &OF_SCRIPT)));
            }
        }
        zip(&files)
    }
}

fn chosen(item: &Value, names: &[&str]) -> String {
    let members = names
        .iter()
        .map(|name| ((*name).to_owned(), item[*name].clone()));
    let members = members.filter(|(_, value)| !value.is_null());
    Value::Object(members.collect::<Map<_, _>>()).to_string()
}

/// An archive whose files are as they are.
fn zip(files: &[(String, String)]) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (name, text) in files {
        let at = number(archive.len());
        let mut about = Vec::new();
        for word in [20_u16, 0, 0, 0, 0x21] {
            about.extend(word.to_le_bytes());
        }
        let size = number(text.len());
        for long in [checksum(text.as_bytes()), size, size] {
            about.extend(long.to_le_bytes());
        }
        about.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        about.extend([0, 0]);
        archive.extend(b"PK\x03\x04");
        archive.extend(&about);
        archive.extend(name.as_bytes());
        archive.extend(text.as_bytes());
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&about);
        directory.extend([0; 10]);
        directory.extend(at.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let count = u16::try_from(files.len()).unwrap().to_le_bytes();
    let (at, size) = (number(archive.len()), number(directory.len()));
    archive.extend(directory);
    archive.extend(b"PK\x05\x06\x00\x00\x00\x00");
    archive.extend(count);
    archive.extend(count);
    archive.extend(size.to_le_bytes());
    archive.extend(at.to_le_bytes());
    archive.extend([0, 0]);
    archive
}

fn number(length: usize) -> u32 {
    u32::try_from(length).unwrap()
}

/// CRC-32, bit by bit.
fn checksum(bytes: &[u8]) -> u32 {
    let mut sum = !0_u32;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = (sum >> 1) ^ (0xEDB8_8320 & (sum & 1).wrapping_neg());
        }
    }
    !sum
}
