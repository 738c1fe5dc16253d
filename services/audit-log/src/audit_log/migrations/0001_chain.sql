-- The end of each tenant's chain.
CREATE TABLE heads (
    tenant   text PRIMARY KEY,
    sequence bigint NOT NULL,
    hash     text   NOT NULL
);

-- The chain. Rows are appended and never touched again; the text is what was hashed.
CREATE TABLE links (
    tenant        text   NOT NULL,
    sequence      bigint NOT NULL,
    previous_hash text   NOT NULL,
    text          text   NOT NULL,
    hash          text   NOT NULL,
    record_id     uuid   NOT NULL,
    PRIMARY KEY (tenant, sequence),
    UNIQUE (tenant, previous_hash)
);
CREATE INDEX links_by_record ON links (tenant, record_id);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only';
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON links
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON links FROM CURRENT_USER;
