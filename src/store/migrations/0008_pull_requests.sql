-- A protocol's pull request, and the worktree that was made for it; worktree_path is the one that someone chose.
ALTER TABLE protocol_runs ADD COLUMN pr_url TEXT;
ALTER TABLE protocol_runs ADD COLUMN pr_number INTEGER;
ALTER TABLE protocol_runs ADD COLUMN own_worktree TEXT;
