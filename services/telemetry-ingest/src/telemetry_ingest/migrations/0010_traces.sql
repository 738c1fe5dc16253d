-- Traces of OpenTelemetry: those that wait for more of their spans, and those told lately.
CREATE TABLE traces (
    trace_id  bytea   PRIMARY KEY CHECK (length(trace_id) = 16),
    topic     text    NOT NULL,  -- its home: the partition whose time decides when it is told
    partition integer NOT NULL,
    told      boolean NOT NULL,
    due_ms    bigint  NOT NULL,  -- append time: when to tell it, or, when it was told, to forget it
    spans     integer NOT NULL CHECK (spans >= 0),  -- how many wait
    logs      integer NOT NULL CHECK (logs >= 0),
    body      bytea   NOT NULL
);
CREATE INDEX traces_waiting ON traces (topic, partition, due_ms) WHERE NOT told;
CREATE INDEX traces_told ON traces (topic, partition, due_ms) WHERE told;

-- What became of spans and log events: received = the others + those that wait in traces. By the partition whose batch counted.
CREATE TABLE otlp_totals (
    signal          text    NOT NULL CHECK (signal IN ('spans', 'logs')),
    topic           text    NOT NULL,
    partition       integer NOT NULL,
    received        bigint  NOT NULL,
    used            bigint  NOT NULL,
    not_of_interest bigint  NOT NULL,
    duplicate       bigint  NOT NULL,
    late            bigint  NOT NULL,
    left_out        bigint  NOT NULL,
    rejected        bigint  NOT NULL,
    last_seen_ms    bigint  NOT NULL,
    PRIMARY KEY (signal, topic, partition)
);
