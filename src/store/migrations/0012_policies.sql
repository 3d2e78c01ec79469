-- What a project's policy was last found to say of a protocol, and whether that keeps it from going on.
CREATE TABLE policy_states (
    protocol_run_id INTEGER PRIMARY KEY REFERENCES protocol_runs (id) ON DELETE CASCADE,
    findings TEXT NOT NULL,
    holds INTEGER NOT NULL
) STRICT;
