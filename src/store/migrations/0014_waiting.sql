-- Whether a flow's inputs are what its preprocessor made of them.
ALTER TABLE jobs ADD COLUMN preprocessed INTEGER NOT NULL DEFAULT 0;

-- Answers of people to flows that wait for them: to the step after which a flow waits, or to the flow itself.
CREATE TABLE job_resumes (
    seq INTEGER PRIMARY KEY,
    job TEXT NOT NULL,
    flow TEXT NOT NULL,
    resume_id INTEGER NOT NULL,
    value TEXT NOT NULL,
    approver TEXT,
    approved INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (job, resume_id)
) STRICT;

-- What signs the addresses by which people answer.
CREATE TABLE workspace_keys (
    workspace TEXT PRIMARY KEY,
    key TEXT NOT NULL
) STRICT;

-- Results that are kept for a while, for the same work with the same arguments.
CREATE TABLE job_cache (
    key BLOB PRIMARY KEY,
    result TEXT NOT NULL,
    kept_at INTEGER NOT NULL,
    kept_until INTEGER NOT NULL
) STRICT;
