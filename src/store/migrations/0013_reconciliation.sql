-- Finds the runs that refer to a job, whichever of its resources they name.
CREATE INDEX run_artifacts_path ON run_artifacts (path);
DROP INDEX run_artifacts_flow_result;
DROP INDEX run_artifacts_logs;

-- When Windmill first told of the job that an open run follows.
ALTER TABLE codex_runs ADD COLUMN job_seen_at INTEGER;

-- What one server at a time does for all that share the database: who, and until when.
CREATE TABLE leases (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    until INTEGER NOT NULL
) STRICT;
