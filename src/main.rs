//! The `millwright` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    millwright::cli::main()
}
