"""Alerts that were meant for an Alertmanager: told as ours, or refused with what is missing."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from notifier_builders import START, after
from notifier_on_postgres import world
from starlette.applications import Starlette
from starlette.routing import Route

from notifier.domain.posted import NOT_SAID, NotActionableError, PostedAlert, alert_of
from notifier.posting import PostedAlerts

LABELS = {"alertname": "HighErrorRate", "severity": "error", "job": "Payment API", "team": "payments"}
NOTES = {"summary": "5 % of requests fail", "runbook_url": "https://runbooks.example.com/x"}


def posted(changes: dict[str, str] | None = None, notes: dict[str, str] | None = None, **more: Any) -> PostedAlert:
    labels = {name: value for name, value in {**LABELS, **(changes or {})}.items() if value}
    return PostedAlert.model_validate({"labels": labels, "annotations": NOTES if notes is None else notes, **more})


def test_labels_and_annotations_are_told_as_an_alert() -> None:
    alert = alert_of(posted(startsAt="2026-11-21T08:00:00Z", endsAt="2026-11-21T10:00:00Z"), "default", START)
    assert (alert.system, alert.rule, alert.severity, alert.status) == ("payment-api", "higherrorrate", 1, "firing")
    assert (alert.owner, alert.summary, str(alert.runbook)) == ("payments", NOTES["summary"], NOTES["runbook_url"])
    assert (alert.observed, alert.sample_size) == (NOT_SAID, 0)
    assert alert.labels["job"] == "Payment API"
    over = alert_of(posted(startsAt="2026-11-21T08:00:00Z", endsAt="2026-11-21T08:30:00Z"), "default", START)
    assert (over.status, over.fingerprint, over.ended_at) == ("resolved", alert.fingerprint, after(-1_800))


@pytest.mark.parametrize(
    ("changes", "notes", "missing"),
    [
        ({"alertname": ""}, None, "label alertname"),
        ({"job": ""}, None, "label system or service or job"),
        ({"job": "???"}, None, "with a letter or digit"),
        ({"team": ""}, None, "label owner or team"),
        ({"severity": "P1"}, None, "severity_scheme"),
        ({"severity": "P4", "severity_scheme": "p0p3"}, None, "severity_scheme"),
        ({"severity": "bad"}, None, "write critical"),
        ({}, {}, "annotation summary"),
    ],
)
def test_what_nobody_can_act_on_says_what_it_lacks(changes: dict[str, str], notes: Any, missing: str) -> None:
    with pytest.raises(NotActionableError, match=missing):
        alert_of(posted(changes, notes), "default", START)


@pytest.mark.parametrize(("value", "scheme", "severity"), [("P1", "p0p3", 1), ("P1", "p1p4", 0), ("P4", "p1p4", 3)])
def test_a_severity_with_its_scheme(value: str, scheme: str, severity: int) -> None:
    assert alert_of(posted({"severity": value, "severity_scheme": scheme}), "default", START).severity == severity


@given(st.dictionaries(st.text(min_size=1, max_size=300), st.text(max_size=600), max_size=30))
def test_whatever_else_is_in_it_is_told_or_refused(labels: dict[str, str]) -> None:
    try:
        found = PostedAlert.model_validate({"labels": {**labels, **LABELS}, "annotations": {**labels, **NOTES}})
    except ValueError:
        return
    assert alert_of(found, "default", START).rule == "higherrorrate"


@pytest.mark.stack
async def test_good_ones_are_taken_and_bad_ones_named(postgres_dsn: str) -> None:
    async with world(postgres_dsn) as notifier:
        desk = PostedAlerts(notifier.database, notifier.clock)
        application = Starlette(routes=[Route("/api/v2/alerts", desk.post, methods=["POST"])])
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://notifier") as client:
            good = {"labels": LABELS, "annotations": NOTES, "startsAt": "2026-11-21T08:00:00Z"}
            twice = [await client.post("/api/v2/alerts", json=[good]) for _ in range(2)]
            mixed = await client.post(
                "/api/v2/alerts", json=[{**good, "labels": {}}, {**good, "endsAt": "2026-11-21T08:30:00Z"}]
            )
            wrong = [b"", b"{", b"{}", b"[1]", b"null", b"[" * 100_000, b'[{"labels": {"a": 1}}]']
            bad = [(await client.post("/api/v2/alerts", content=body)).status_code for body in wrong]
            large = await client.post("/api/v2/alerts", content=b" " * 1_000_000)
        rows = await notifier.database.fetch("SELECT header_values, body FROM outbox ORDER BY id")
    assert [one.status_code for one in twice] == [200, 200]
    assert (mixed.status_code, "alert 0: it has no label alertname" in mixed.json()["detail"]) == (400, True)
    assert (bad, large.status_code) == ([400] * len(wrong), 413)
    assert [json.loads(row["body"])["status"] for row in rows] == ["firing", "firing", "resolved"]
    assert len({tuple(row["header_values"]) for row in rows[:2]}) == 1, "posted again it is the same record"
