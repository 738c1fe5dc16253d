-- What is open for a tenant. The row is its lock: whoever decides for the tenant holds it, so one writer decides.
CREATE TABLE boards (
    tenant      text PRIMARY KEY,
    sequence    bigint NOT NULL,
    now         timestamptz,
    new_groups  timestamptz[] NOT NULL,
    storm_key   text,
    failing     json NOT NULL,
    due_at      timestamptz  -- when a tick has something to do
);
CREATE INDEX boards_by_due ON boards (due_at);

-- Everything that was decided upon, in the order in which it was: alerts, ticks, people's words, providers' answers.
-- Folding a tenant's inputs into an empty board makes the same board again.
CREATE TABLE inputs (
    tenant   text   NOT NULL,
    sequence bigint NOT NULL,
    at       timestamptz NOT NULL,
    body     json   NOT NULL,
    PRIMARY KEY (tenant, sequence)
);

CREATE TABLE alerts (
    tenant      text NOT NULL,
    fingerprint text NOT NULL,
    body        json NOT NULL,
    ended_at    timestamptz,
    added       bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (tenant, fingerprint)
);

CREATE TABLE groups (
    tenant text NOT NULL,
    key    text NOT NULL,
    body   json NOT NULL,
    PRIMARY KEY (tenant, key)
);

CREATE TABLE silences (
    tenant  text NOT NULL,
    id      text NOT NULL,
    body    json NOT NULL,
    ends_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE incidents (
    tenant      text NOT NULL,
    id          text NOT NULL,
    state       text NOT NULL,
    detected_at timestamptz NOT NULL,
    resolved_at timestamptz,
    body        json NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX incidents_by_time ON incidents (tenant, detected_at DESC, id DESC);

-- Alerts as they are listed under their incident.
CREATE TABLE children (
    tenant      text NOT NULL,
    incident    text NOT NULL,
    fingerprint text NOT NULL,
    severity    integer NOT NULL,
    body        json NOT NULL,
    PRIMARY KEY (tenant, incident, fingerprint)
);

CREATE TABLE timeline (
    tenant   text   NOT NULL,
    incident text   NOT NULL,
    sequence bigint GENERATED ALWAYS AS IDENTITY,
    at       timestamptz NOT NULL,
    kind     text   NOT NULL,
    actor    text   NOT NULL,
    text     text   NOT NULL,
    PRIMARY KEY (tenant, incident, sequence)
);

-- Intents, and after an answer receipts. Written before anything is sent; the columns from claims on are the sender's.
CREATE TABLE deliveries (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant     text NOT NULL,
    incident   text NOT NULL,
    epoch      integer NOT NULL,
    step       text NOT NULL,
    action     text NOT NULL,
    channel    text NOT NULL,
    target     text NOT NULL,
    severity   integer NOT NULL,
    state      text NOT NULL,
    decided_at timestamptz NOT NULL,
    not_before timestamptz NOT NULL,
    body       json NOT NULL,
    claims     integer NOT NULL DEFAULT 0,
    leased_to  timestamptz,
    claimed_at timestamptz,
    UNIQUE (tenant, incident, epoch, step, action, channel, target)
);
CREATE INDEX deliveries_open ON deliveries (not_before) WHERE state = 'open';
CREATE INDEX deliveries_claimed ON deliveries (channel, target, claimed_at);
