//! The languages of scripts: their names, their files' endings, and what a script says of itself.
//!
//! Always so: names and endings are those of Windmill and of its command line.

mod script;
mod signature;
mod typescript;

pub(super) use script::{Script, no_other_script};
pub(super) use signature::Parameter;

/// The language of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Language {
    /// `bash`.
    Bash,
    /// `bun`, `nativets` or `deno`: TypeScript, by the name that it has there.
    TypeScript(&'static str),
    /// `python3`.
    Python,
    /// Any other.
    Other(String),
}

/// How files end, and the language that their content is in; the longer ending first.
pub(super) const ENDINGS: &[(&str, &str)] = &[
    (".sh", "bash"),
    (".bun.ts", "bun"),
    (".deno.ts", "deno"),
    (".fetch.ts", "nativets"),
    (".ts", "bun"),
    (".py", "python3"),
    (".go", "go"),
    (".my.sql", "mysql"),
    (".bq.sql", "bigquery"),
    (".odb.sql", "oracledb"),
    (".duckdb.sql", "duckdb"),
    (".sf.sql", "snowflake"),
    (".ms.sql", "mssql"),
    (".pg.sql", "postgresql"),
    (".gql", "graphql"),
    (".ps1", "powershell"),
    (".php", "php"),
    (".rs", "rust"),
    (".cs", "csharp"),
    (".playbook.yml", "ansible"),
    (".nu", "nu"),
    (".java", "java"),
    (".rb", "ruby"),
    (".r", "rlang"),
];

impl Language {
    /// The language of a name.
    pub(super) fn named(name: &str) -> Self {
        match name {
            "bash" => Self::Bash,
            "bun" => Self::TypeScript("bun"),
            "nativets" => Self::TypeScript("nativets"),
            "deno" => Self::TypeScript("deno"),
            "python3" => Self::Python,
            other => Self::Other(other.to_owned()),
        }
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Bash => "bash",
            Self::TypeScript(name) => name,
            Self::Python => "python3",
            Self::Other(name) => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_has_the_name_that_it_was_found_by() {
        for (_, name) in ENDINGS {
            assert_eq!(Language::named(name).name(), *name);
        }
    }
}
