//! What a Windmill workspace is given: flows and scripts as files.
//!
//! Always so: the files come from the catalog alone, and a file that does not say that it is generated is left alone.

mod files;
mod layout;

pub use files::{DeployError, Difference, GeneratedFiles};
pub use layout::Layout;
