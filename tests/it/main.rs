//! The integration tests: one binary, a file per command and per route.

mod api_fixture;
mod claims;
mod contract;
mod conventions;
mod executions;
mod flow_branches;
mod flow_doubles;
mod flow_full_protocol;
mod flows;
mod logs;
mod loops;
mod mill_faults;
mod mill_fixture;
mod mill_flows;
mod mill_semantics;
mod process;
mod protocol_fixture;
mod protocols;
mod run;
mod runs;
mod serve;
mod server;
mod step_executable;
mod up;
mod windmill_double;
mod worker;
