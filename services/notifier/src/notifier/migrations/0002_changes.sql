-- What was decided about systems lately, as audit.records.v1 tells it: shown beside an incident, and decided upon by nobody.
CREATE TABLE changes (
    tenant   text NOT NULL,
    system   text NOT NULL,
    at       timestamptz NOT NULL,
    id       uuid NOT NULL,
    kind     text NOT NULL,
    subject  text NOT NULL,
    decision text NOT NULL,
    reason   text NOT NULL,
    actor    text NOT NULL,
    PRIMARY KEY (tenant, system, at, id)
);
CREATE INDEX changes_by_time ON changes (at);
