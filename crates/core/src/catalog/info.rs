//! What is known of a script without its types: for lists, for schemas, for the rendering.
//!
//! Always so: it is made from the types, never written.

use serde_json::Value;

use super::schema::schema_of;
use super::{Argument, Reach, Script};

/// A script, described.
#[derive(Debug, Clone)]
pub struct ScriptInfo {
    /// Its name.
    pub name: &'static str,
    /// Its path in a workspace, such as `u/devgodzilla/open_pr`.
    pub path: String,
    /// The executable that does the work.
    pub program: &'static str,
    /// One short line.
    pub summary: &'static str,
    /// What it does, and when it fails.
    pub description: &'static str,
    /// Whether it may be retried.
    pub idempotent: bool,
    /// After how many seconds a flow ends it by default.
    pub timeout_seconds: i64,
    /// What it needs beside itself.
    pub reach: Reach,
    /// Whether it runs agents or other engines on the worker.
    pub runs_engines: bool,
    /// Its arguments, in the order in which bash takes them.
    pub arguments: &'static [Argument],
    /// The JSON Schema of its arguments, with their defaults.
    pub arguments_schema: Value,
    /// The JSON Schema of its result.
    pub output_schema: Value,
    /// The reference that stands for the API's token, such as `$var:f/team/token`, where a job is given one. It is then an
    /// argument more, [`TOKEN_ARGUMENT`]; without it the token comes from the worker's environment.
    pub token: Option<String>,
}

/// The argument that brings the API's token: a job's stored arguments hold the reference alone.
pub const TOKEN_ARGUMENT: &str = "tasksgodzilla_api_token";

impl ScriptInfo {
    /// Describes a script.
    pub fn of<S: Script>() -> Self {
        Self {
            name: S::NAME,
            path: path_of::<S>(),
            program: S::PROGRAM,
            summary: S::SUMMARY,
            description: S::DESCRIPTION,
            idempotent: S::IDEMPOTENT,
            timeout_seconds: S::TIMEOUT_SECONDS,
            reach: S::REACH,
            runs_engines: S::RUNS_ENGINES,
            arguments: S::ARGUMENTS,
            arguments_schema: schema_of::<S>(),
            output_schema: schema_of::<S::Output>(),
            token: None,
        }
    }

    /// The script with the API's token by reference.
    #[must_use]
    pub fn with_token(mut self, reference: &str) -> Self {
        self.token = Some(reference.to_owned());
        self
    }
}

/// A script's path in a workspace.
pub(super) fn path_of<S: Script>() -> String {
    format!("{}/{}", S::FOLDER, S::NAME)
}

#[cfg(test)]
mod tests {
    use crate::catalog::scripts;

    #[test]
    fn the_constants_and_the_schemas_agree() {
        for script in scripts::all() {
            let schema = &script.arguments_schema;
            let properties = schema["properties"].as_object().expect(script.name);
            let names: Vec<_> = script.arguments.iter().map(|one| one.name).collect();
            assert_eq!(
                properties.keys().collect::<Vec<_>>(),
                names,
                "{}",
                script.name
            );
            for argument in script.arguments {
                let required = schema["required"].as_array().into_iter().flatten();
                let required = required.filter(|name| *name == argument.name).count() == 1;
                assert_eq!(
                    required, argument.required,
                    "{} {}",
                    script.name, argument.name
                );
                let described = properties[argument.name]["description"].is_string();
                assert!(
                    described,
                    "{} {} is not described",
                    script.name, argument.name
                );
            }
        }
    }

    #[test]
    fn names_and_files_are_one_to_one() {
        let mut names: Vec<_> = scripts::all().iter().map(|script| script.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 19);
    }

    #[test]
    fn defaults_are_in_the_schema() {
        let emit = &scripts::all()[0].arguments_schema["properties"];
        assert_eq!(emit["job_type"]["default"], "windmill");
        assert_eq!(emit["attach_default_artifacts"]["default"], true);
    }
}
