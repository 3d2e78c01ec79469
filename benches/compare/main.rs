//! `make bench`: how fast and how big it is, as ratios against references measured in the same run.
//!
//! Always so: nothing here passes or fails; it prints what it saw.

#![expect(clippy::print_stdout, reason = "this program prints a table")]

mod api;
mod emit;
mod follow;
mod load;
mod mill;
mod native;
mod process;
mod reconcile;
mod rehearsal;
mod spec;
mod table;
mod wasm;

use std::path::PathBuf;

use table::Row;

/// The programs under measurement.
struct Programs {
    millwright: PathBuf,
    step: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let millwright = PathBuf::from(env!("CARGO_BIN_EXE_millwright"));
    let step = millwright.with_file_name("millwright-step");
    anyhow::ensure!(
        step.exists(),
        "{} is missing: run `make bench`, which builds it",
        step.display()
    );
    let programs = Programs { millwright, step };
    let mut rows: Vec<Row> = Vec::new();
    for measure in [
        emit::measure,
        api::measure,
        mill::measure,
        rehearsal::measure,
        follow::measure,
        reconcile::measure,
        spec::measure,
        wasm::measure,
        native::measure,
    ] {
        rows.extend(measure(&programs)?);
    }
    table::print(&rows);
    Ok(())
}
