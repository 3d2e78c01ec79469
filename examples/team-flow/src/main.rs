//! An example: a team's own step and its own flow.

fn main() {}
