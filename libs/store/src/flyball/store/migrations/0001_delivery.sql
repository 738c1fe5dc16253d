-- What exactly-once effects need in every service's schema.

CREATE TABLE positions (
    consumer    text    NOT NULL,
    topic       text    NOT NULL,
    partition   integer NOT NULL,
    next_offset bigint  NOT NULL CHECK (next_offset >= 0),
    PRIMARY KEY (consumer, topic, partition)
);

CREATE TABLE outbox (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    topic         text    NOT NULL,
    key           bytea   NOT NULL,
    header_names  text[]  NOT NULL,
    header_values bytea[] NOT NULL,
    body          bytea   NOT NULL
);

-- Ids of messages whose effect is committed. A relay that dies between publish and delete publishes again.
CREATE TABLE seen (
    consumer    text NOT NULL,
    id          uuid NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (consumer, id)
);
CREATE INDEX seen_by_age ON seen (recorded_at);
