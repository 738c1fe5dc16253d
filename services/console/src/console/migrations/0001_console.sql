-- Declared systems. The row is the lock under which a system's revisions are appended.
CREATE TABLE systems (
    tenant text NOT NULL,
    system text NOT NULL,
    PRIMARY KEY (tenant, system)
);

CREATE TABLE revisions (
    tenant   text   NOT NULL,
    system   text   NOT NULL,
    version  bigint NOT NULL CHECK (version > 0),
    revision json   NOT NULL,  -- not jsonb, which refuses a NUL in a text
    PRIMARY KEY (tenant, system, version),
    FOREIGN KEY (tenant, system) REFERENCES systems
);

-- The newest rejected records of each system, whole. `number` rises with arrival here, and is the page's cursor.
CREATE TABLE rejected (
    number        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id            uuid        NOT NULL UNIQUE,
    tenant        text        NOT NULL,
    system        text        NOT NULL,
    recorded_at   timestamptz NOT NULL,
    reason        text        NOT NULL,
    field         text,
    detail        text        NOT NULL,
    topic         text        NOT NULL,
    partition     integer     NOT NULL,
    "offset"      bigint      NOT NULL,
    key           bytea,
    header_names  text[]      NOT NULL,
    header_values bytea[]     NOT NULL,
    body          bytea
);
CREATE INDEX rejected_by_system ON rejected (tenant, system, number);

-- The newest budget states of each system, for the live view. `change` says in which order they were committed.
CREATE TABLE budget_states (
    tenant text   NOT NULL,
    system text   NOT NULL,
    change bigint NOT NULL,
    states jsonb  NOT NULL,
    PRIMARY KEY (tenant, system)
);
CREATE INDEX budget_states_by_change ON budget_states (tenant, change);

-- One row, locked until commit by whoever takes the next number: a reader can never see 8 before 7.
CREATE TABLE budget_changes (
    only_row boolean PRIMARY KEY CHECK (only_row),
    last     bigint NOT NULL
);
INSERT INTO budget_changes VALUES (true, 0);
