//! The refs API: routes, log sources, and, for `up`, the mill.
