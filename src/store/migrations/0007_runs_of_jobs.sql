-- Finds the run of a flow or a job by its log.
CREATE INDEX run_artifacts_logs ON run_artifacts (path) WHERE name IN ('windmill.flow.logs', 'windmill.logs');
