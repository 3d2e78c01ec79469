//! What a Windmill workspace is given: flows and scripts as files.
//!
//! Always so: the files come from the catalog alone, and a file that does not say that it is generated is left alone.

mod files;
mod layout;
mod packaging;
mod wasm;

pub use files::{DeployError, Difference, GeneratedFiles};
pub use layout::Layout;
pub use packaging::{Choice, Packaging, PackagingError};
