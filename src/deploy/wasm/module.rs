//! The modules that `make wasm` builds, as far as this executable carries them.
//!
//! Always so: modules that are older than their sources are not carried; the build script looks.

include!(concat!(env!("OUT_DIR"), "/wasm_modules.rs"));

/// A step's module, and the JavaScript that loads it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Module {
    /// What wasm-bindgen wrote, a JavaScript module.
    pub(super) glue: &'static str,
    /// The module, compressed by gzip.
    pub(super) gzipped: &'static [u8],
}

impl Module {
    /// The JavaScript as a part of a larger file, for one step: it exports nothing, does not load a module from elsewhere, and
    /// has no comments.
    pub(super) fn glue(&self, step: &str) -> String {
        let unused = |name: &str| name.starts_with("__wbg_init") || name.starts_with("__wbg_load");
        let other = |name: &str| name != step && MODULES.iter().any(|(module, _)| *module == name);
        let mut text = String::new();
        let mut left_out = false;
        for line in self.glue.lines().filter(|line| !is_left_out(line)) {
            let line = line.strip_prefix("export ").unwrap_or(line);
            left_out |= function(line).is_some_and(|name| unused(name) || other(name));
            if !left_out {
                text += line;
                text.push('\n');
            }
            // What begins at a line's beginning ends so.
            left_out &= line != "}";
        }
        text
    }

    /// A step's module, as it was when this executable was built; none where it was not there.
    pub(crate) fn embedded(step: &str) -> Option<Self> {
        let (_, gzipped) = MODULES.iter().find(|(name, _)| *name == step)?;
        Some(Self {
            glue: GLUE,
            gzipped,
        })
    }
}

/// Whether this executable carries the modules.
pub(crate) fn is_embedded() -> bool {
    !MODULES.is_empty()
}

/// The name of the function that a line begins.
fn function(line: &str) -> Option<&str> {
    let line = line.strip_prefix("async ").unwrap_or(line);
    line.strip_prefix("function ")?.split('(').next()
}

fn is_left_out(line: &str) -> bool {
    let text = line.trim_start();
    let comment = ["/**", "* ", "*/"]
        .iter()
        .any(|mark| text.starts_with(mark));
    comment
        || text.is_empty()
        || line.starts_with("export {")
        || line.starts_with("let __wbg_init_promise")
}
