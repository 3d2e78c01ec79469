//! Protocols: the spec, statuses and transitions, selection, policies. Given a snapshot, it returns decisions.
