-- Projects, protocols, steps, events; claims and executions. Times are microseconds since 1970, UTC; JSON is text.
CREATE TABLE projects (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    git_url TEXT,
    local_path TEXT,
    base_branch TEXT NOT NULL,
    ci_provider TEXT,
    project_classification TEXT,
    default_models TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    policy_pack_key TEXT NOT NULL,
    policy_pack_version TEXT NOT NULL,
    policy_overrides TEXT,
    policy_repo_local_enabled INTEGER NOT NULL,
    policy_effective_hash TEXT,
    policy_enforcement_mode TEXT NOT NULL,
    description TEXT,
    status TEXT NOT NULL,
    constitution_version TEXT
) STRICT;

CREATE TABLE protocol_runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id INTEGER NOT NULL REFERENCES projects (id),
    protocol_name TEXT NOT NULL,
    status TEXT NOT NULL,
    base_branch TEXT NOT NULL,
    worktree_path TEXT,
    protocol_root TEXT,
    description TEXT,
    template_config TEXT,
    template_source TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    spec_hash TEXT,
    policy_pack_key TEXT,
    policy_pack_version TEXT,
    policy_effective_hash TEXT,
    summary TEXT,
    windmill_flow_id TEXT,
    speckit_metadata TEXT
) STRICT;
CREATE INDEX protocol_runs_by_project ON protocol_runs (project_id);

-- step_spec is the step's entry in the spec when the steps were last made from it.
CREATE TABLE step_runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    protocol_run_id INTEGER NOT NULL REFERENCES protocol_runs (id),
    step_index INTEGER NOT NULL,
    step_name TEXT NOT NULL,
    step_type TEXT NOT NULL,
    status TEXT NOT NULL,
    model TEXT,
    engine_id TEXT,
    policy TEXT,
    step_spec TEXT,
    retries INTEGER NOT NULL,
    runtime_state TEXT,
    summary TEXT,
    assigned_agent TEXT,
    depends_on TEXT,
    parallel_group TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (protocol_run_id, step_name)
) STRICT;
CREATE INDEX step_runs_by_index ON step_runs (protocol_run_id, step_index);

CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    protocol_run_id INTEGER NOT NULL REFERENCES protocol_runs (id),
    step_run_id INTEGER REFERENCES step_runs (id) ON DELETE SET NULL,
    event_type TEXT NOT NULL,
    message TEXT NOT NULL,
    metadata TEXT,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX events_by_protocol ON events (protocol_run_id, id);

-- One row a step: two holders cannot have the same one. phase is null until the claim is used.
CREATE TABLE claims (
    step_run_id INTEGER PRIMARY KEY REFERENCES step_runs (id) ON DELETE CASCADE,
    protocol_run_id INTEGER NOT NULL,
    claim TEXT NOT NULL UNIQUE,
    holder TEXT NOT NULL,
    phase TEXT,
    of_caller INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX claims_by_protocol ON claims (protocol_run_id);

-- Claims on steps that a policy has sent back since: whoever comes with one has nothing to do.
CREATE TABLE superseded_claims (
    claim TEXT PRIMARY KEY,
    step_run_id INTEGER NOT NULL REFERENCES step_runs (id) ON DELETE CASCADE
) STRICT;

CREATE TABLE executions (
    id TEXT PRIMARY KEY,
    step_run_id INTEGER NOT NULL REFERENCES step_runs (id) ON DELETE CASCADE,
    protocol_run_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    claim TEXT NOT NULL,
    status TEXT NOT NULL,
    result TEXT,
    error TEXT,
    owner TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    finished_at INTEGER,
    UNIQUE (claim, kind)
) STRICT;
CREATE INDEX executions_by_protocol ON executions (protocol_run_id, status);
CREATE INDEX executions_running ON executions (status) WHERE status = 'running';
