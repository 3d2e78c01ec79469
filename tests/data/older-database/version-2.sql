-- A database as the second version of the tables left it: protocol runs from before there were specs. {{workspace}} stands for
-- the project's folder.
BEGIN;
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

INSERT INTO projects (id, name, local_path, base_branch, created_at, updated_at, policy_pack_key, policy_pack_version,
    policy_repo_local_enabled, policy_enforcement_mode, status)
VALUES
    (1, 'shop', '{{workspace}}', 'main', 1700000000000000, 1700000000000000, 'default', '1.0', 0, 'warn', 'active'),
    (2, 'elsewhere', '/nowhere/at/all', 'main', 1700000000000000, 1700000000000000, 'default', '1.0', 0, 'warn', 'active');

INSERT INTO protocol_runs (id, project_id, protocol_name, status, base_branch, template_config, template_source, created_at, updated_at)
VALUES
    (11, 1, '0001-files', 'completed', 'main', NULL, NULL, 1700000000000000, 1700000000000000),
    (12, 1, '0002-tasks', 'running', 'main', '{"branch": "feature/tasks"}', NULL, 1700000000000000, 1700000000000000),
    (13, 1, '0003-agents', 'blocked', 'main', NULL, '{"type": "codemachine", "path": "agents"}', 1700000000000000, 1700000000000000),
    (14, 2, '0004-gone', 'completed', 'main', NULL, NULL, 1700000000000000, 1700000000000000),
    (15, 1, '0005-entries', 'paused', 'main', 'null', NULL, 1700000000000000, 1700000000000000),
    (16, 1, '0006-nothing', 'pending', 'main', NULL, NULL, 1700000000000000, 1700000000000000),
    (17, 1, '0007-valid', 'planned', 'main',
        '{"protocol_spec": {"steps": [{"id": "a", "engine_id": "our-own", "prompt_ref": "a.md", "qa": {"policy": "skip"}}]}}',
        NULL, 1700000000000000, 1700000000000000),
    (18, 1, '0008-invalid', 'planned', 'main',
        '{"protocol_spec": {"steps": [{"id": "a", "engine_id": null, "prompt_ref": "../../../etc/passwd", "qa": {}}]}}',
        NULL, 1700000000000000, 1700000000000000),
    (19, 1, '0009-others', 'running', 'main', NULL, NULL, 1700000000000000, 1700000000000000);

INSERT INTO step_runs (id, protocol_run_id, step_index, step_name, step_type, status, model, engine_id, policy, step_spec, retries,
    summary, depends_on, created_at, updated_at)
VALUES
    (101, 11, 0, '00-setup.md', 'setup', 'completed', NULL, NULL, NULL, NULL, 0, 'set up', NULL, 1700000000000000, 1700000000000000),
    (102, 11, 1, '01-build.md', 'work', 'completed', 'gpt-5', 'codex', NULL, NULL, 1, 'built', '[101]', 1700000000000000, 1700000000000000),
    (103, 12, 0, 'T001', 'work', 'completed', NULL, 'codex', NULL, NULL, 0, 'made', NULL, 1700000000000000, 1700000000000000),
    (104, 12, 1, 'T002', 'work', 'pending', 'gpt-5', 'codex',
        '{"module_id": "again", "behavior": "loop", "max_iterations": 2, "condition": "qa_failed"}', NULL, 0, NULL, NULL,
        1700000000000000, 1700000000000000),
    (105, 13, 0, '00-plan', 'work', 'failed', NULL, 'codemachine', NULL, NULL, 0, 'no answer', NULL, 1700000000000000, 1700000000000000),
    (106, 14, 0, '01-look.md', 'work', 'completed', NULL, 'opencode', NULL, NULL, 0, 'looked', NULL, 1700000000000000, 1700000000000000),
    (107, 15, 0, 'one', 'work', 'completed', NULL, 'shell', NULL,
        '{"id": "one", "engine_id": "shell", "prompt_ref": "one.sh", "qa": {"policy": "skip"}, "our_own": [1]}', 0, 'done', '[]',
        1700000000000000, 1700000000000000),
    (108, 15, 1, 'two', 'work', 'pending', NULL, 'shell', NULL,
        '{"id": "two", "engine_id": "shell", "prompt_ref": "two.sh", "qa": {"policy": "full"}, "depends_on": ["one"]}', 0, NULL, '[107]',
        1700000000000000, 1700000000000000),
    (109, 19, 0, 'deploy', 'deploy', 'running', NULL, NULL, NULL, NULL, 0, NULL, NULL, 1700000000000000, 1700000000000000);

INSERT INTO events (protocol_run_id, step_run_id, event_type, message, metadata, created_at)
VALUES (11, 102, 'step_completed', 'Step completed.', NULL, 1700000000000000);

PRAGMA user_version = 2;
COMMIT;
