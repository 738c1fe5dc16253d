"""A rejected record is replayed as the event that it was, once, by a person."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from console.api.access import Access
from console.api.application import create_application
from console.api.rejected import RejectedRoutes
from console.domain.replays import STRUCTURED_HEADERS, ReplayError, audit_record, replay_of
from console.domain.tokens import digest_of_token, tokens_by_digest
from flyball.schemas.envelope import Unreadable, read_agent_event

EXAMPLE = Path(__file__).parents[3] / "schemas/examples/agent.events.v1/interaction_completed.json"
EVENT: dict[str, Any] = json.loads(EXAMPLE.read_text())
REJECTED = UUID("bba0d165-6ba0-5cbf-b88b-2edba4ffddc6")
NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


def row(body: bytes | None, field: str | None = "data.latency_ms", **headers: bytes | None) -> dict[str, Any]:
    return {
        "id": REJECTED,
        "tenant": "default",
        "system": "support-agent",
        "reason": "invalid_field",
        "field": field,
        "topic": "agent.events.v1",
        "partition": 3,
        "offset": 7,
        "header_names": list(headers),
        "header_values": list(headers.values()),
        "body": body,
    }


def written(**changes: Any) -> bytes:
    return json.dumps({**EVENT, **changes}).encode()


BROKEN = written(data={**EVENT["data"], "latency_ms": -1})


def test_a_mended_event_keeps_its_source_and_id() -> None:
    replay = replay_of(row(BROKEN), written())
    assert (replay.source, replay.event_id, replay.changed) == (EVENT["source"], EVENT["id"], True)
    assert read_agent_event(replay.headers, replay.body).subject == replay.system


@pytest.mark.parametrize("change", [{"id": "another"}, {"source": "/another"}])
def test_another_identity_is_refused_unless_that_was_the_flaw(change: dict[str, str]) -> None:
    with pytest.raises(ReplayError, match="an event counts once"):
        replay_of(row(BROKEN), written(**change))
    [field] = change
    assert replay_of(row(BROKEN, field), written(**change)).changed
    assert replay_of(row(BROKEN, f"ce_{field}"), written(**change)).changed


def test_the_identity_is_read_from_a_body_that_was_cut_off() -> None:
    with pytest.raises(ReplayError):
        replay_of(row(written()[:-9], None), written(id="another"))
    assert replay_of(row(b"\xff", None), written(id="another")).event_id == "another"


def test_as_it_arrived_it_is_replayed_only_if_it_is_readable_now() -> None:
    with pytest.raises(Unreadable, match="invalid_field"):
        replay_of(row(BROKEN), None)
    early = replay_of(row(written(), "time"), None)
    assert (early.body, early.changed) == (written(), False)


def test_binary_mode_keeps_its_attributes_and_no_empty_header() -> None:
    attributes = {f"ce_{name}": str(value).encode() for name, value in EVENT.items() if name != "data"}
    body = json.dumps(EVENT["data"]).encode()
    replay = replay_of(row(body, "time", **attributes, trace=None), None)
    assert read_agent_event(replay.headers, replay.body).id == EVENT["id"]
    assert "trace" not in dict(replay.headers)
    assert replay_of(row(body, "time", **attributes), written()).headers == STRUCTURED_HEADERS


def test_the_audit_log_has_who_what_and_both_digests() -> None:
    record = audit_record(replay_of(row(BROKEN), written()), row(BROKEN), "user:ada", "sign was lost", NOW)
    assert (record.actor, record.decision, record.reason) == ("user:ada", "repaired and replayed", "sign was lost")
    assert record.inputs["event_id"] == EVENT["id"]
    assert record.inputs["arrived_sha256"] != record.inputs["replayed_sha256"]


class NothingRejected:
    async def rejected_one(self, identity: UUID) -> None:
        del identity


async def test_reviewers_and_admins_replay_and_never_an_agent() -> None:
    roles = {"viewer": 403, "reviewer": 404, "admin": 404, "agent": 403}
    access = Access(tokens_by_digest(",".join(f"of-{role}:{role}:{digest_of_token(role)}" for role in roles)))
    nothing: Any = NothingRejected()
    application = create_application([RejectedRoutes(nothing, nothing, nothing).router()], access)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://console") as client:
        for role, status in roles.items():
            headers = {"Authorization": f"Bearer {role}"}
            answer = await client.post(f"/v1/rejected/{REJECTED}/replay", json={"reason": "why"}, headers=headers)
            assert answer.status_code == status, role
        named = {"reason": "why", "actor": "user:bea"}
        answer = await client.post(
            f"/v1/rejected/{REJECTED}/replay", json=named, headers=headers | {"Authorization": "Bearer admin"}
        )
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "actor")
