"""Sessions of people in Postgres, so that any replica knows them and a sign-out holds everywhere."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from flyball.store.postgres import PostgresDatabase

SESSIONS_PER_HOLDER_MAX = 20
"""The oldest ends when there is one more."""
SECRET_BYTES = 32
TRIM = """
DELETE FROM sessions WHERE expires_at <= $2 OR digest IN (
    SELECT digest FROM sessions WHERE holder = $1 ORDER BY opened_at DESC OFFSET $3
)
"""


@dataclass(frozen=True, slots=True)
class Session:
    """``csrf`` goes into each form of this session and must come back with it."""

    holder: str
    csrf: str


@dataclass(frozen=True, slots=True)
class Sessions:
    """Every method raises ``Transient`` while Postgres is away."""

    database: PostgresDatabase
    lasts: timedelta

    async def open(self, holder: str, now: datetime) -> str:
        """A new session's cookie."""
        cookie, csrf = secrets.token_urlsafe(SECRET_BYTES), secrets.token_urlsafe(SECRET_BYTES)
        async with self.database.transaction() as transaction:
            connection = transaction.connection
            await connection.execute(TRIM, holder, now, SESSIONS_PER_HOLDER_MAX - 1)
            await connection.execute(
                "INSERT INTO sessions VALUES ($1, $2, $3, $4, $5)", _digest(cookie), holder, csrf, now, now + self.lasts
            )
        return cookie

    async def find(self, cookie: str, now: datetime) -> Session | None:
        rows = await self.database.fetch(
            "SELECT holder, csrf FROM sessions WHERE digest = $1 AND expires_at > $2", _digest(cookie), now
        )
        return Session(rows[0]["holder"], rows[0]["csrf"]) if rows else None

    async def close(self, cookie: str) -> None:
        async with self.database.transaction() as transaction:
            await transaction.connection.execute("DELETE FROM sessions WHERE digest = $1", _digest(cookie))


def _digest(cookie: str) -> str:
    return sha256(cookie.encode("utf-8", "surrogateescape")).hexdigest()
