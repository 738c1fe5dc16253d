-- Rejected records that somebody replayed: each once, also by two people at the same time.
CREATE TABLE replays (
    rejected    uuid        PRIMARY KEY,
    tenant      text        NOT NULL,
    system      text        NOT NULL,
    source      text        NOT NULL,
    event_id    text        NOT NULL,
    changed     boolean     NOT NULL,
    actor       text        NOT NULL,
    replayed_at timestamptz NOT NULL
);
CREATE INDEX replays_by_time ON replays (replayed_at);
