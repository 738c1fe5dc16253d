-- Revisions of system specs, as registry.systems.v1 tells them.
CREATE TABLE systems (
    tenant    text NOT NULL,
    system    text NOT NULL,
    revisions json NOT NULL,  -- not jsonb, which refuses a NUL in a text
    PRIMARY KEY (tenant, system)
);

-- The state of each budget: read in O(1), however long its history is. Amounts are points.
CREATE TABLE budgets (
    tenant          text   NOT NULL,
    system          text   NOT NULL,
    dimension       text   NOT NULL,
    sequence        bigint NOT NULL,
    hash            text   NOT NULL,
    source          bigint NOT NULL,
    available       bigint NOT NULL,
    burned          bigint NOT NULL,
    expired         bigint NOT NULL,
    sums            numeric[] NOT NULL CHECK (cardinality(sums) = 7),
    zone            text   NOT NULL,
    zone_since      timestamptz,
    improving_since timestamptz,
    policy_version  integer NOT NULL,
    PRIMARY KEY (tenant, system, dimension),
    CHECK (source + available + burned + expired = 0)
);

-- The chain. Rows are appended and never touched again.
CREATE TABLE entries (
    tenant         text   NOT NULL,
    system         text   NOT NULL,
    dimension      text   NOT NULL,
    sequence       bigint NOT NULL,
    kind           text   NOT NULL,
    debit          text   NOT NULL,
    credit         text   NOT NULL,
    amount         bigint NOT NULL CHECK (amount > 0),
    events         bigint NOT NULL,
    sampling_ppm   integer NOT NULL,
    evaluator      text   NOT NULL,
    cause          text   NOT NULL,
    release        text   NOT NULL,
    effective_at   timestamptz NOT NULL,
    recorded_at    timestamptz NOT NULL,
    policy_version integer NOT NULL,
    previous_hash  text   NOT NULL,
    hash           text   NOT NULL,
    PRIMARY KEY (tenant, system, dimension, sequence)
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'ledger entries are append-only: correct an entry with another one';
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
-- The service's own role lacks the right as well, so that no statement of it gets as far as the trigger.
REVOKE UPDATE, DELETE, TRUNCATE ON entries FROM CURRENT_USER;

-- What each hour put into its window, so that it can be taken out again. Hours past the window are removed.
CREATE TABLE hours (
    tenant    text NOT NULL,
    system    text NOT NULL,
    dimension text NOT NULL,
    hour      timestamptz NOT NULL,
    sums      numeric[] NOT NULL CHECK (cardinality(sums) = 7),
    PRIMARY KEY (tenant, system, dimension, hour)
);

-- Interactions by minute, for availability. Minutes past the window are removed.
CREATE TABLE minutes (
    tenant text   NOT NULL,
    system text   NOT NULL,
    minute timestamptz NOT NULL,
    good   bigint NOT NULL,
    bad    bigint NOT NULL,
    booked bigint NOT NULL,
    PRIMARY KEY (tenant, system, minute)
);
