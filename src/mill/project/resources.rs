//! Variables and resources: `millwright.resources.toml` below a project's root.
//!
//! Always so: a value is found only by its path, and what is missing is told with the file to write it into.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};
use toml::Table;

use super::file::{ProjectFile, json_of};
use super::references::{RESOURCE, VARIABLE};
use crate::mill::MillError;

/// The file below a project's root.
const FILE: &str = "millwright.resources.toml";
/// How often resources may lead to each other.
const DEEPEST: usize = 16;

/// The variables and resources of a project.
#[derive(Debug, Default)]
pub(in crate::mill) struct Resources {
    variables: BTreeMap<String, Variable>,
    resources: BTreeMap<String, Value>,
}

enum Variable {
    Plain(String),
    Secret(String),
    /// A secret whose variable of the environment is not set.
    Unset(String),
}

impl std::fmt::Debug for Variable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Plain(_) => "Plain",
            Self::Secret(_) => "Secret",
            Self::Unset(_) => "Unset",
        })
    }
}

impl Resources {
    /// Reads a project's file; one that is missing has none.
    ///
    /// # Errors
    /// [`MillError::Unreadable`] or [`MillError::BadFile`].
    pub(super) fn read(root: &Path) -> Result<Self, MillError> {
        let mut file = ProjectFile::read(root.join(FILE))?;
        let mut variables = BTreeMap::new();
        for (path, value) in file.take("variables")? {
            let variable = variable_of(&path, value).map_err(|reason| file.bad(&reason))?;
            variables.insert(path, variable);
        }
        let resources = file.take("resources")?.into_iter();
        let resources = resources
            .map(|(path, value)| (path, json_of(value)))
            .collect();
        file.end("[variables], [resources]")?;
        Ok(Self {
            variables,
            resources,
        })
    }

    /// The value of a variable.
    ///
    /// # Errors
    /// Why there is none.
    pub(in crate::mill) fn variable(&self, path: &str) -> Result<&str, String> {
        match self.variables.get(path) {
            Some(Variable::Plain(text) | Variable::Secret(text)) => Ok(text),
            Some(Variable::Unset(name)) => Err(format!(
                "the variable {path} comes from the environment's {name}, which is not set"
            )),
            None => Err(format!(
                "there is no variable {path}: write it into [variables] of {FILE}"
            )),
        }
    }

    /// The value of a resource, with the variables and resources that it names.
    ///
    /// # Errors
    /// Why there is none.
    pub(in crate::mill) fn resource(&self, path: &str) -> Result<Value, String> {
        self.resource_within(path, DEEPEST)
    }

    fn resource_within(&self, path: &str, depth: usize) -> Result<Value, String> {
        let value = self.resources.get(path).ok_or_else(|| {
            format!("there is no resource {path}: write it into [resources] of {FILE}")
        })?;
        let depth = depth.checked_sub(1);
        let depth = depth.ok_or_else(|| format!("the resource {path} leads back to itself"))?;
        self.interpolated(value, depth)
    }

    fn interpolated(&self, value: &Value, depth: usize) -> Result<Value, String> {
        match value {
            Value::String(text) => match self.referred(text, depth) {
                Some(found) => found,
                None => Ok(value.clone()),
            },
            Value::Array(items) => items
                .iter()
                .map(|item| self.interpolated(item, depth))
                .collect(),
            Value::Object(fields) => {
                let fields = fields.iter().map(|(key, value)| {
                    let value = self.interpolated(value, depth)?;
                    Ok((key.clone(), value))
                });
                fields
                    .collect::<Result<Map<_, _>, String>>()
                    .map(Value::Object)
            }
            other => Ok(other.clone()),
        }
    }

    /// What `$var:path` or `$res:path` stands for; `None` for any other text.
    fn referred(&self, text: &str, depth: usize) -> Option<Result<Value, String>> {
        if let Some(path) = text.strip_prefix(VARIABLE) {
            return Some(self.variable(path).map(Value::from));
        }
        let path = text.strip_prefix(RESOURCE)?;
        Some(self.resource_within(path, depth))
    }

    /// A script's arguments, with the values of the variables and resources that they name. As on Windmill, a list
    /// is passed as it is.
    ///
    /// # Errors
    /// Which argument names what is not there.
    pub(in crate::mill) fn resolved(
        &self,
        args: &Map<String, Value>,
    ) -> Result<Map<String, Value>, String> {
        let resolve = |(name, value): (&String, &Value)| {
            Ok((name.clone(), self.resolved_value(name, value)?))
        };
        args.iter().map(resolve).collect()
    }

    fn resolved_value(&self, name: &str, value: &Value) -> Result<Value, String> {
        match value {
            Value::String(text) => match self.referred(text, DEEPEST) {
                Some(found) => found.map_err(|reason| format!("argument `{name}`: {reason}")),
                None => Ok(value.clone()),
            },
            Value::Object(fields) => self.resolved(fields).map(Value::Object),
            other => Ok(other.clone()),
        }
    }

    /// The secrets, each with the path of its variable.
    pub(super) fn secrets(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables
            .iter()
            .filter_map(|(path, variable)| match variable {
                Variable::Secret(text) if !text.is_empty() => Some((path.as_str(), text.as_str())),
                _ => None,
            })
    }
}

fn variable_of(path: &str, value: toml::Value) -> Result<Variable, String> {
    match value {
        toml::Value::String(text) => Ok(Variable::Plain(text)),
        toml::Value::Table(table) => secret_of(path, &table),
        _ => Err(format!("variables.{path:?} is no text: {HINT}")),
    }
}

const HINT: &str = "write \"text\", or of a secret { env = \"NAME\" }, the variable of the environment that holds it";

fn secret_of(path: &str, table: &Table) -> Result<Variable, String> {
    let only = if table.len() == 1 {
        table.iter().next()
    } else {
        None
    };
    match only {
        Some((key, toml::Value::String(text))) if key == "secret" => {
            Ok(Variable::Secret(text.clone()))
        }
        Some((key, toml::Value::String(name))) if key == "env" => Ok(match std::env::var(name) {
            Ok(text) => Variable::Secret(text),
            Err(_) => Variable::Unset(name.clone()),
        }),
        _ => Err(format!(
            "variables.{path:?} has not one key, `env` or `secret`, with a text: {HINT}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn resources() -> Resources {
        let secret = |text: &str| Variable::Secret(text.to_owned());
        Resources {
            variables: [
                ("f/a/plain".to_owned(), Variable::Plain("p".to_owned())),
                ("f/a/key".to_owned(), secret("k3y-of-the-house")),
                ("f/a/part".to_owned(), secret("house")),
                (
                    "f/a/unset".to_owned(),
                    Variable::Unset("NOT_SET".to_owned()),
                ),
            ]
            .into(),
            resources: [
                (
                    "f/a/db".to_owned(),
                    json!({"host": "h", "keys": ["$var:f/a/key"]}),
                ),
                (
                    "f/a/both".to_owned(),
                    json!({"db": "$res:f/a/db", "me": "x$var:f/a/key"}),
                ),
                ("f/a/circle".to_owned(), json!(["$res:f/a/circle"])),
            ]
            .into(),
        }
    }

    #[test]
    fn arguments_get_what_they_name() {
        let args = json!({"a": "$var:f/a/plain", "b": {"c": "$res:f/a/both"}, "d": ["$var:f/a/key"], "e": "$x"});
        let resolved = resources().resolved(args.as_object().unwrap()).unwrap();
        let both =
            json!({"db": {"host": "h", "keys": ["k3y-of-the-house"]}, "me": "x$var:f/a/key"});
        let expected = json!({"a": "p", "b": {"c": both}, "d": ["$var:f/a/key"], "e": "$x"});
        assert_eq!(Value::Object(resolved), expected);
    }

    #[test]
    fn what_is_missing_is_named() {
        let complaint = |text: &str| {
            let args = json!({"x": text});
            resources().resolved(args.as_object().unwrap()).unwrap_err()
        };
        assert!(
            complaint("$var:f/a/nope").starts_with("argument `x`: there is no variable f/a/nope")
        );
        assert!(
            complaint("$res:f/a/nope").starts_with("argument `x`: there is no resource f/a/nope")
        );
        assert!(complaint("$var:f/a/unset").contains("NOT_SET, which is not set"));
        assert!(complaint("$res:f/a/circle").contains("leads back to itself"));
    }
}
