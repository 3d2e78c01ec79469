-- Runs and their artifacts. Times are microseconds since 1970, UTC; JSON is text.
CREATE TABLE codex_runs (
    seq INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL UNIQUE,
    job_type TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    run_kind TEXT,
    project_id INTEGER,
    protocol_run_id INTEGER,
    step_run_id INTEGER,
    queue TEXT,
    attempt INTEGER,
    worker_id TEXT,
    started_at INTEGER,
    finished_at INTEGER,
    prompt_version TEXT,
    params TEXT,
    result TEXT,
    error TEXT,
    log_path TEXT,
    cost_tokens INTEGER,
    cost_cents INTEGER
) STRICT;

-- `seq` is at the end of each, so that a filtered list is read in its order, newest first. Job types and kinds are few: a page
-- of one is found soon without an index, which every write would pay for.
CREATE INDEX codex_runs_status ON codex_runs (status);
CREATE INDEX codex_runs_project ON codex_runs (project_id) WHERE project_id IS NOT NULL;
CREATE INDEX codex_runs_protocol ON codex_runs (protocol_run_id) WHERE protocol_run_id IS NOT NULL;
CREATE INDEX codex_runs_step ON codex_runs (step_run_id) WHERE step_run_id IS NOT NULL;
-- Finds the runs that a job's end finishes.
CREATE INDEX codex_runs_open_log ON codex_runs (log_path) WHERE finished_at IS NULL;

CREATE TABLE run_artifacts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id TEXT NOT NULL REFERENCES codex_runs (run_id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    path TEXT NOT NULL,
    sha256 TEXT,
    bytes INTEGER,
    created_at INTEGER NOT NULL,
    UNIQUE (run_id, name)
) STRICT;

-- Finds the runs that follow a flow's job.
CREATE INDEX run_artifacts_flow_result ON run_artifacts (path) WHERE name = 'windmill.flow.result';
