//! The real agents, against stand-ins for their models on this machine.
//!
//! Always so: nothing here reaches further than loopback, and no agent sees the settings or logins of whoever runs it.

mod codex;
mod others;
mod processes;
mod workbench;
