-- Answers of models in each trace, by the hashes of their ids, for evaluations that name nothing else.
ALTER TABLE traces ADD COLUMN responses bigint[] NOT NULL DEFAULT '{}';
CREATE INDEX traces_responses ON traces USING gin (responses);
