-- What features are counted on: every version that drift.references.v1 has told. They never change.
CREATE TABLE drift_references (
    tenant       text    NOT NULL,
    system       text    NOT NULL,
    version      integer NOT NULL,
    effective_at timestamptz NOT NULL,
    body         json    NOT NULL,  -- not jsonb, which refuses a NUL in a text
    PRIMARY KEY (tenant, system, version)
);
