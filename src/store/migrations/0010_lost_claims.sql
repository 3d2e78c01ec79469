-- Claims that were taken from a holder who was at work: a report under one comes too late, and is told of once.
CREATE TABLE lost_claims (
    claim TEXT PRIMARY KEY,
    step_run_id INTEGER NOT NULL REFERENCES step_runs (id) ON DELETE CASCADE,
    holder TEXT NOT NULL,
    is_told INTEGER NOT NULL
) STRICT;
