//! millwright: the refs API, the mill and the command line.
//!
//! Always so: an arrow between rooms never points up. From the lowest: `process`, [`executable`], `utf8`, `javascript`, [`windmill`], [`embedded`], [`spec`],
//! [`store`], [`mill`], [`deploy`], [`flowtest`], [`simulate`], [`server`], [`cli`].

pub mod cli;
pub mod deploy;
pub mod embedded;
pub mod executable;
pub mod flowtest;
mod javascript;
pub mod mill;
mod process;
pub mod server;
pub mod simulate;
pub mod spec;
pub mod store;
mod utf8;
pub mod windmill;
