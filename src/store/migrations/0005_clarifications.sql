-- Questions to people, with their answers. The scope is `project:<id>`, `protocol:<id>` or `step:<id>`; recommended, options
-- and answer are JSON.
CREATE TABLE clarifications (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    scope TEXT NOT NULL,
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    protocol_run_id INTEGER REFERENCES protocol_runs (id) ON DELETE CASCADE,
    step_run_id INTEGER REFERENCES step_runs (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    question TEXT NOT NULL,
    applies_to TEXT,
    blocking INTEGER NOT NULL,
    recommended TEXT,
    options TEXT,
    status TEXT NOT NULL,
    answer TEXT,
    answered_by TEXT,
    answered_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (scope, key)
) STRICT;
CREATE INDEX clarifications_by_project ON clarifications (project_id, id);
CREATE INDEX clarifications_by_protocol ON clarifications (protocol_run_id) WHERE protocol_run_id IS NOT NULL;
CREATE INDEX clarifications_by_step ON clarifications (step_run_id) WHERE step_run_id IS NOT NULL;

-- Finds a step's events, also those that lose their step with its row.
CREATE INDEX events_by_step ON events (step_run_id, id) WHERE step_run_id IS NOT NULL;
