-- What is looked for when old rows are forgotten.
CREATE INDEX incidents_by_end ON incidents (resolved_at) WHERE resolved_at IS NOT NULL;
CREATE INDEX inputs_by_time ON inputs (at);
