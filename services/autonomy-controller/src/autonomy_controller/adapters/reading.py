"""What the HTTP port reads."""

from collections.abc import Sequence

from autonomy_controller.domain.state import CLOSED, Action, ClassState, Review
from flyball.store.postgres import PostgresDatabase


async def read_action(database: PostgresDatabase, action_id: str) -> Action | None:
    rows = await database.fetch("SELECT document FROM actions WHERE action_id = $1", action_id)
    return Action.model_validate_json(rows[0]["document"]) if rows else None


async def read_actions(
    database: PostgresDatabase, tenant: str, system: str | None, state: str | None, after: str, rows_max: int
) -> Sequence[Action]:
    """In order of their ids, after ``after``."""
    rows = await database.fetch(
        "SELECT document FROM actions WHERE tenant = $1 AND ($2::text IS NULL OR system = $2)"
        " AND ($3::text IS NULL OR state = $3) AND action_id > $4 ORDER BY action_id LIMIT $5",
        tenant,
        system,
        state,
        after,
        rows_max,
    )
    return [Action.model_validate_json(row["document"]) for row in rows]


async def read_classes(
    database: PostgresDatabase, tenant: str, system: str | None, after: str, rows_max: int
) -> Sequence[ClassState]:
    """In order of ``system/class``, after ``after``."""
    rows = await database.fetch(
        "SELECT document FROM classes WHERE tenant = $1 AND ($2::text IS NULL OR system = $2)"
        " AND system || '/' || action_class > $3 ORDER BY system || '/' || action_class LIMIT $4",
        tenant,
        system,
        after,
        rows_max,
    )
    return [ClassState.model_validate_json(row["document"]) for row in rows]


async def read_reviews(
    database: PostgresDatabase, tenant: str, system: str | None, state: str, after: str, rows_max: int
) -> Sequence[tuple[Review, Action]]:
    """In order of their ids, after ``after``; ``open`` means all that are not closed, ``all`` means all."""
    rows = await database.fetch(
        "SELECT r.document AS review, a.document AS action FROM reviews r JOIN actions a USING (action_id)"
        " WHERE r.tenant = $1 AND ($2::text IS NULL OR r.system = $2) AND r.review_id > $4 AND"
        " ($3 = 'all' OR r.state = $3 OR ($3 = 'open' AND r.state <> ALL($6::text[]))) ORDER BY r.review_id LIMIT $5",
        tenant,
        system,
        state,
        after,
        rows_max,
        sorted(CLOSED),
    )
    return [(Review.model_validate_json(row["review"]), Action.model_validate_json(row["action"])) for row in rows]


async def read_review(database: PostgresDatabase, review_id: str) -> tuple[Review, Action] | None:
    rows = await database.fetch(
        "SELECT r.document AS review, a.document AS action FROM reviews r JOIN actions a USING (action_id)"
        " WHERE r.review_id = $1",
        review_id,
    )
    if not rows:
        return None
    return Review.model_validate_json(rows[0]["review"]), Action.model_validate_json(rows[0]["action"])
