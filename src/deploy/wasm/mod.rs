//! A script as one TypeScript file that carries its step as WebAssembly.
//!
//! Always so: the file needs nothing but a runtime with `fetch`, and what differs between two of them is their head alone.

mod module;
mod signature;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use millwright_core::catalog::{GENERATED, ScriptInfo};

pub(super) use module::{Module, is_embedded};

/// Sends, waits and logs for the module.
const RUNTIME: &str = include_str!("runtime.js");

/// The whole file.
pub(super) fn script(script: &ScriptInfo, module: &Module) -> String {
    let ScriptInfo { name, summary, .. } = script;
    let version = env!("CARGO_PKG_VERSION");
    let repository = env!("CARGO_PKG_REPOSITORY");
    let main = signature::main(script);
    let glue = module.glue(name);
    let module = STANDARD.encode(module.gzipped);
    format!(
        "// {GENERATED}
//
// {summary}: the step `{name}` of millwright {version}, compiled to WebAssembly, which is the long text at the
// end of this file. It calls the API that TASKSGODZILLA_API_URL and TASKSGODZILLA_API_TOKEN name, needs nothing else,
// and runs under bun, deno and node.
//
// Source: {repository}, crates/step/src/steps/{name}.rs
// @ts-nocheck: everything below `main` is JavaScript.

{main}

const VERSION = \"{version}\";

{RUNTIME}
// What wasm-bindgen says is between JavaScript and the module.

{glue}// The module, compressed by gzip.
const MODULE = \"{module}\";
"
    )
}

#[cfg(test)]
mod tests {
    use millwright_core::catalog::scripts;

    use super::*;

    #[test]
    fn only_the_head_differs_between_two_scripts() {
        let module = Module {
            glue: "/**\n * A job.\n */\nexport class Job {}\nasync function __wbg_load() {\n    fetch(1);\n}\nexport { initSync };\n",
            gzipped: b"module",
        };
        let texts = scripts::all().into_iter().take(2);
        let texts: Vec<String> = texts.map(|info| script(&info, &module)).collect();
        let tail = |text: &str| text.split_once("const VERSION").unwrap().1.to_owned();
        assert_ne!(texts[0], texts[1]);
        assert_eq!(tail(&texts[0]), tail(&texts[1]));
        for text in texts {
            assert_eq!(
                text.matches("\nexport ").count(),
                1,
                "only main is exported"
            );
            assert!(text.contains("\nclass Job {}\n// The module"), "{text}");
            assert!(text.ends_with("const MODULE = \"bW9kdWxl\";\n"));
        }
    }
}
