//! What a Windmill workspace is given: flows and scripts, as files and as what it holds.
//!
//! Always so: they come from the catalog alone, and what does not say that it is generated is left alone.

mod files;
mod layout;
mod native;
mod packaging;
mod wasm;
mod workspace;

pub use files::{DeployError, Difference, GeneratedFiles};
pub use layout::Layout;
pub use packaging::{Choice, Packaging, PackagingError};
pub use workspace::{
    Action, Applied, Audit, BadFolder, BadName, Create, End, Entry, Fault, Line, Name, Place, Plan,
    Update, Wishes, WorkspaceError,
};
