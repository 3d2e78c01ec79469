//! millwright: the refs API, the mill and the command line.
//!
//! Always so: an arrow between rooms never points up. From the lowest: [`store`], [`mill`], [`server`], [`cli`].

pub mod cli;
pub mod mill;
pub mod server;
pub mod store;
