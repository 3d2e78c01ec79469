//! The integration tests: one binary, a file per command and per route.

mod api_fixture;
mod conventions;
mod flows;
mod runs;
mod serve;
mod server;
