//! The `millwright-step` command.
//!
//! Always so: everything it does is in the library, so a team's own executable does the same with its own steps.

use std::process::ExitCode;

fn main() -> ExitCode {
    millwright_step::program::main(millwright_step::steps::ALL)
}
