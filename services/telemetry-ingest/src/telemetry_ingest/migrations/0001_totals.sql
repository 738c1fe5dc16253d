-- published = counted + duplicates + rejected, by system. Late events are among the counted.
CREATE TABLE totals (
    tenant        text   NOT NULL,
    system        text   NOT NULL,
    counted       bigint NOT NULL CHECK (counted >= 0),
    duplicates    bigint NOT NULL CHECK (duplicates >= 0),
    rejected      bigint NOT NULL CHECK (rejected >= 0),
    late          bigint NOT NULL CHECK (late BETWEEN 0 AND counted),
    first_seen_at timestamptz NOT NULL,
    last_seen_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant, system)
);

-- Systems that somebody declared; every other one in totals was discovered.
CREATE TABLE declared (
    tenant text NOT NULL,
    system text NOT NULL,
    PRIMARY KEY (tenant, system)
);

-- Which Redis these totals were counted with.
CREATE TABLE id_memory (
    only_row   boolean PRIMARY KEY CHECK (only_row),
    generation text NOT NULL
);
