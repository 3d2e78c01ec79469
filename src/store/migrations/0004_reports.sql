-- What was reported under a claim, and the answer: the same report again gets the same answer. Both are JSON.
CREATE TABLE reports (
    claim TEXT NOT NULL,
    report TEXT NOT NULL,
    step_run_id INTEGER NOT NULL REFERENCES step_runs (id) ON DELETE CASCADE,
    answer TEXT NOT NULL,
    PRIMARY KEY (claim, report)
) STRICT;
CREATE INDEX reports_by_step ON reports (step_run_id);
