-- What is declared of each system's telemetry: all revisions, oldest first.
CREATE TABLE declarations (
    tenant text    NOT NULL,
    system text    NOT NULL,
    newest integer NOT NULL,
    body   json    NOT NULL,  -- not jsonb, which refuses a NUL in a text
    PRIMARY KEY (tenant, system)
);

-- A feed is what stands of one system on one partition, so that all of this follows from its records in their order.
CREATE TABLE feeds (
    topic       text    NOT NULL,
    partition   integer NOT NULL,
    tenant      text    NOT NULL,
    system      text    NOT NULL,
    apart       json    NOT NULL,  -- labels and models that are told apart
    told        json    NOT NULL,  -- what was told of it, and when
    windows     json    NOT NULL,  -- rows, nulls and broken ones of each field of late
    quarantine  json,              -- null: it is trusted
    released_ms bigint,            -- its owner's word: what the broker appended later is trusted again
    PRIMARY KEY (topic, partition, tenant, system)
);
CREATE INDEX feeds_by_system ON feeds (tenant, system);
