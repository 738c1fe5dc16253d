-- How often each part of the pages has changed. A page that is open looks here, and asks again for what it shows.
CREATE TABLE changes (
    fragment text   PRIMARY KEY,
    last     bigint NOT NULL
);
INSERT INTO changes SELECT name, 0 FROM unnest(ARRAY['systems', 'budgets', 'levels', 'reviews', 'rollouts', 'incidents', 'drift']) AS name;

-- What live data are compared with: the newest versions of each system.
CREATE TABLE drift_references (
    tenant    text   NOT NULL,
    system    text   NOT NULL,
    version   bigint NOT NULL,
    reference json   NOT NULL,
    PRIMARY KEY (tenant, system, version)
);

-- The newest reports of each feature. `number` rises with arrival here.
CREATE TABLE drift_reports (
    number     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         uuid        NOT NULL UNIQUE,
    tenant     text        NOT NULL,
    system     text        NOT NULL,
    feature    text        NOT NULL,
    pane_start timestamptz NOT NULL,
    severity   text        NOT NULL,
    state      text        NOT NULL,
    report     json        NOT NULL
);
CREATE INDEX drift_reports_by_feature ON drift_reports (tenant, system, feature, number);
