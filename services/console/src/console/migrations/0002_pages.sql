-- Who is signed in. The cookie itself is nowhere: its SHA-256 is. `holder` is `user:<name>` or `token:<digest>`, and
-- what it may do is looked up at each request, so that whoever is taken out of the settings is out at once.
CREATE TABLE sessions (
    digest     text        PRIMARY KEY,
    holder     text        NOT NULL,
    csrf       text        NOT NULL,
    opened_at  timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX sessions_by_holder ON sessions (holder, opened_at);
CREATE INDEX sessions_by_end ON sessions (expires_at);
