-- Who plans a protocol: a row is there for as long as it is being planned by the same planning.
CREATE TABLE plannings (
    protocol_run_id INTEGER PRIMARY KEY REFERENCES protocol_runs (id) ON DELETE CASCADE,
    planning TEXT NOT NULL,
    owner TEXT NOT NULL
) STRICT;
