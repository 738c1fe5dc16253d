-- What is known of each system. Its row is the one lock for everything of that system.
CREATE TABLE systems (
    tenant                     text NOT NULL,
    system                     text NOT NULL,
    revisions                  json,  -- not jsonb, which refuses a NUL in a text
    budgets                    json,
    automatic_rollback_at      timestamptz,
    PRIMARY KEY (tenant, system)
);

-- Interactions by minute and release, for the advice that a proposal gets. Decisions do not read it.
CREATE TABLE traffic (
    tenant       text   NOT NULL,
    system       text   NOT NULL,
    minute       timestamptz NOT NULL,
    release      text   NOT NULL,
    interactions bigint NOT NULL,
    PRIMARY KEY (tenant, system, minute, release)
);
CREATE INDEX traffic_by_age ON traffic (minute);

-- The last epoch given out for each target. It grows across rollouts, so that no command of an old one can win.
CREATE TABLE targets (
    tenant      text   NOT NULL,
    system      text   NOT NULL,
    environment text   NOT NULL,
    epoch       bigint NOT NULL,
    PRIMARY KEY (tenant, system, environment)
);

CREATE TABLE rollouts (
    id          text    NOT NULL PRIMARY KEY,
    number      bigint  GENERATED ALWAYS AS IDENTITY,
    tenant      text    NOT NULL,
    system      text    NOT NULL,
    environment text    NOT NULL,
    adapter     text    NOT NULL,
    step        text    NOT NULL,
    is_open     boolean NOT NULL,
    is_watched  boolean NOT NULL,  -- inputs still concern it: it is open, or done not long ago
    epoch       bigint  NOT NULL,
    version     bigint  NOT NULL,
    sequence    bigint  NOT NULL,  -- of the last input
    ticked_at   timestamptz NOT NULL,
    policy      json    NOT NULL,
    opening     json    NOT NULL,  -- the state before the first input
    state       json    NOT NULL,
    FOREIGN KEY (tenant, system) REFERENCES systems
);
CREATE UNIQUE INDEX one_open_rollout ON rollouts (tenant, system, environment) WHERE is_open;
CREATE INDEX watched_rollouts ON rollouts (tenant, system) WHERE is_watched;

-- Everything that a rollout was decided by, in the order in which it was applied: enough to decide it all again.
CREATE TABLE inputs (
    rollout_id text   NOT NULL REFERENCES rollouts,
    sequence   bigint NOT NULL,
    kind       text   NOT NULL,
    body       json   NOT NULL,
    PRIMARY KEY (rollout_id, sequence)
);

-- Every change, with its evidence, as it went out on rollouts.v1.
CREATE TABLE changes (
    rollout_id text   NOT NULL REFERENCES rollouts,
    version    bigint NOT NULL,
    body       json   NOT NULL,
    PRIMARY KEY (rollout_id, version)
);

-- What the world was asked to do: the row is the intent, its outcome the receipt.
CREATE TABLE effects (
    rollout_id  text    NOT NULL REFERENCES rollouts,
    epoch       bigint  NOT NULL,
    step        text    NOT NULL,
    token       json    NOT NULL,
    attempts    integer NOT NULL DEFAULT 0,
    next_try_at timestamptz NOT NULL,
    outcome     text,
    detail      text    NOT NULL DEFAULT '',
    receipt_at  timestamptz,
    PRIMARY KEY (rollout_id, epoch, step)
);
CREATE INDEX effects_without_receipt ON effects (next_try_at) WHERE outcome IS NULL;

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'inputs and changes of a rollout are append-only';
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON inputs
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON changes
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
