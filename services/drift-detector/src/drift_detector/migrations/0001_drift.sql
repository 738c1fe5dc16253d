-- One system: revisions of its spec, and what its detectors know. Arrays are NumPy's, without pickles.
CREATE TABLE systems (
    tenant    text NOT NULL,
    system    text NOT NULL,
    revisions json,  -- not jsonb, which refuses a NUL in a text
    state     json,
    arrays    bytea,
    PRIMARY KEY (tenant, system)
);

-- Every version of every reference. They never change.
CREATE TABLE drift_references (
    tenant       text    NOT NULL,
    system       text    NOT NULL,
    version      integer NOT NULL,
    effective_at timestamptz NOT NULL,
    body         json    NOT NULL,
    PRIMARY KEY (tenant, system, version)
);

-- The last panes that were judged on the reference in force: counts by cell, compressed.
CREATE TABLE panes (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant text NOT NULL,
    system text NOT NULL,
    start  timestamptz NOT NULL,
    cells  bytea NOT NULL
);
CREATE INDEX panes_by_system ON panes (tenant, system, number);

-- Summaries that a system's next reference is made of, as long as it has none.
CREATE TABLE first_rows (
    number  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant  text    NOT NULL,
    system  text    NOT NULL,
    version integer NOT NULL,
    body    json    NOT NULL
);
CREATE INDEX first_rows_by_system ON first_rows (tenant, system, version, number);

-- What was told of each feature, the newest of each system.
CREATE TABLE reports (
    number  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant  text NOT NULL,
    system  text NOT NULL,
    type    text NOT NULL,
    feature text NOT NULL,
    body    json NOT NULL
);
CREATE INDEX reports_by_system ON reports (tenant, system, number);
