-- Revisions of system specs, as registry.systems.v1 tells them. Documents are json, not jsonb, which refuses a NUL in a text.
CREATE TABLE systems (
    tenant    text NOT NULL,
    system    text NOT NULL,
    revisions json NOT NULL,
    next_at   timestamptz,  -- when the next revision takes effect
    PRIMARY KEY (tenant, system)
);

-- Levels and rules of each class of action.
CREATE TABLE classes (
    tenant       text NOT NULL,
    system       text NOT NULL,
    action_class text NOT NULL,
    document     json NOT NULL,
    PRIMARY KEY (tenant, system, action_class)
);

-- What budgets and drift say of each system.
CREATE TABLE standings (
    tenant   text NOT NULL,
    system   text NOT NULL,
    document json NOT NULL,
    PRIMARY KEY (tenant, system)
);

-- Every action, from its decision to its one end.
CREATE TABLE actions (
    action_id      text NOT NULL PRIMARY KEY,
    tenant         text NOT NULL,
    system         text NOT NULL,
    action_class   text NOT NULL,
    evidence_epoch text NOT NULL,
    state          text NOT NULL,
    shadow_stopped boolean NOT NULL,
    sample_rule    text NOT NULL,
    decided_at     timestamptz NOT NULL,
    due_at         timestamptz,
    document       json NOT NULL
);
CREATE INDEX actions_due ON actions (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX actions_of_a_class ON actions (tenant, system, action_class, decided_at);

-- An end is final, whoever tries to give a second one.
CREATE FUNCTION refuse_second_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'action % has ended as %: it cannot become %', OLD.action_id, OLD.state, NEW.state;
END
$$;
CREATE TRIGGER one_end BEFORE UPDATE ON actions FOR EACH ROW
    WHEN (OLD.state IN ('executed', 'denied', 'expired', 'failed')) EXECUTE FUNCTION refuse_second_end();

CREATE TABLE reviews (
    review_id  text NOT NULL PRIMARY KEY,
    action_id  text NOT NULL REFERENCES actions,
    tenant     text NOT NULL,
    system     text NOT NULL,
    kind       text NOT NULL,
    state      text NOT NULL,
    resolution text,
    opened_at  timestamptz NOT NULL,
    look_at    timestamptz,
    document   json NOT NULL
);
CREATE INDEX reviews_due ON reviews (look_at) WHERE look_at IS NOT NULL;
CREATE INDEX reviews_by_state ON reviews (tenant, state, opened_at);

-- Who gave which verdict when: the limit per reviewer, and that nobody has two.
CREATE TABLE verdicts (
    review_id text NOT NULL REFERENCES reviews,
    reviewer  text NOT NULL,
    at        timestamptz NOT NULL,
    PRIMARY KEY (review_id, reviewer)
);
CREATE INDEX verdicts_by_reviewer ON verdicts (reviewer, at);

CREATE TABLE promotions (
    promotion_id text NOT NULL PRIMARY KEY,
    document     json NOT NULL
);

-- One row: this service's clock, which never goes back, and when the next heartbeat is due.
CREATE TABLE clock (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    at       timestamptz NOT NULL,
    beat_at  timestamptz NOT NULL
);
INSERT INTO clock VALUES (true, 'epoch', 'epoch');

-- The key of the audit sample. It never leaves this table's owner.
CREATE TABLE salts (
    salt_id    text NOT NULL PRIMARY KEY,
    key        bytea NOT NULL CHECK (length(key) >= 32),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
