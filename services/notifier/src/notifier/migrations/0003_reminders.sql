-- When people are next reminded of an incident that is over: its post-mortem and its follow-ups.
ALTER TABLE incidents ADD COLUMN remind_at timestamptz;
CREATE INDEX incidents_to_remind_of ON incidents (remind_at) WHERE remind_at IS NOT NULL;
