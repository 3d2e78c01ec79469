-- The mill: jobs, what they were given, and their logs. Times are microseconds since 1970, UTC; JSON is text.
CREATE TABLE jobs (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    workspace TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'completed')),
    parent TEXT,
    root TEXT NOT NULL,
    step_id TEXT,
    path TEXT,
    script_hash TEXT,
    language TEXT,
    created_by TEXT NOT NULL,
    -- The process that runs the job: its id and when it began, so that a job whose process died can be told.
    owner TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    completed_at INTEGER,
    success INTEGER,
    skipped INTEGER NOT NULL DEFAULT 0,
    canceled_by TEXT,
    canceled_reason TEXT,
    result TEXT,
    flow_status TEXT
) STRICT;

CREATE INDEX jobs_parent ON jobs (parent) WHERE parent IS NOT NULL;
CREATE INDEX jobs_path ON jobs (path);
CREATE INDEX jobs_unfinished ON jobs (owner) WHERE state <> 'completed';
CREATE INDEX jobs_unfinished_root ON jobs (root) WHERE state <> 'completed';

-- A flow's text, once for all the jobs that run it.
CREATE TABLE job_flows (
    id INTEGER PRIMARY KEY,
    sha256 BLOB NOT NULL UNIQUE,
    text TEXT NOT NULL
) STRICT;

-- Beside `jobs`, so that a change of a job's status does not write its inputs again.
CREATE TABLE job_inputs (
    job INTEGER PRIMARY KEY REFERENCES jobs (seq) ON DELETE CASCADE,
    args TEXT NOT NULL,
    flow INTEGER REFERENCES job_flows (id)
) STRICT;

-- A log in pieces, each with where it begins and ends, in bytes and in characters.
CREATE TABLE job_logs (
    id INTEGER PRIMARY KEY,
    job INTEGER NOT NULL REFERENCES jobs (seq) ON DELETE CASCADE,
    byte_start INTEGER NOT NULL,
    byte_end INTEGER NOT NULL,
    char_start INTEGER NOT NULL,
    char_end INTEGER NOT NULL,
    text TEXT NOT NULL,
    UNIQUE (job, byte_start),
    UNIQUE (job, char_start)
) STRICT;
