-- How long predictions and interactions wait for their judgements, where that is not the default of the policy.
CREATE TABLE join_horizons (
    tenant       text        NOT NULL,
    system       text        NOT NULL,
    effective_at timestamptz NOT NULL,
    days         integer     NOT NULL CHECK (days BETWEEN 0 AND 90),
    PRIMARY KEY (tenant, system, effective_at)
);
