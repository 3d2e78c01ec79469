//! The `millwright` command.
//!
//! Always so: nothing happens here; the library's command line does it all.

use std::process::ExitCode;

fn main() -> ExitCode {
    millwright::cli::main()
}
