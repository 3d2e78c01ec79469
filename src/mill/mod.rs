//! The local stand-in for Windmill: jobs, worker, expressions, Windmill's job routes.
