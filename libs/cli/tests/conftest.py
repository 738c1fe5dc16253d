"""A small HTTP server in console's place, with canned answers."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import governing_answers as governing
import pytest
import rollout_answers as rollouts

TOKEN = "token-of-the-test"

TOTALS = {
    "system": "support",
    "published": 1000,
    "counted": 930,
    "duplicates": 50,
    "rejected": 20,
    "late": 7,
    "declared": True,
    "first_seen_at": "2026-11-21T09:30:00+00:00",
    "last_seen_at": "2026-11-21T09:31:00+00:00",
}
FEED = {
    "system": "support",
    "topic": "agent.events.v1",
    "partition": 3,
    "state": "quarantined",
    "since": "2026-11-21T09:30:00+00:00",
    "reason": "latency_ms is broken in 2 of 12 rows (16.67%, limit 10 %) within 60 s",
    "owner": "team-ops",
    "labels": {"market": 2},
    "told": [{"kind": "pii.detected", "subject": "email", "field": "segment.user", "at": "2026-11-21T09:30:00+00:00"}],
}
REJECTED = {
    "id": "bba0d165-6ba0-5cbf-b88b-2edba4ffddc6",
    "system": "support",
    "recorded_at": "2026-11-21T09:30:00Z",
    "reason": "not_json",
    "field": None,
    "detail": "expected ident",
    "position": {"topic": "agent.events.v1", "partition": 3, "offset": 4},
    "body_bytes": 12,
    "body_text": "\x1b[31mred\nline",
    "body_base64": None,
}


def statement(dimension: str, zone: str, remaining_ppm: int | None, granted: int, burned: int) -> dict[str, Any]:
    return {
        "dimension": dimension,
        "zone": zone,
        "target_ppm": 950_000,
        "weight_milli": 1_000,
        "granted": granted,
        "burned": burned,
        "available": granted - burned,
        "remaining_ppm": remaining_ppm,
        "policy_version": 1,
        "zone_since": "2026-11-21T09:30:00Z",
        "entry": None,
    }


STATES = {
    "tenant": "default",
    "system": "support",
    "as_of": "2026-11-21T09:30:00Z",
    "worst": "yellow",
    "budgets": [
        statement("accuracy", "yellow", 549_999, 20_000_000, 9_000_020),
        statement("safety", "no_data", None, 0, 0),
        statement("availability", "velocity", 1_000_000, 2_592_000_000, 0),
    ],
}
EXPLANATION = {
    "system": "support",
    "dimension": "accuracy",
    "statement": STATES["budgets"][0],
    "policy": {"version": 1},
    "formula": "remaining = (granted - burned) / granted",
    "totals": [{"kind": "grant", "debit": "source", "credit": "available", "amount": 20_000_000, "entries": 4}],
    "entries": [
        {
            "sequence": 9,
            "kind": "burn",
            "amount": 1_000_000,
            "events": 1,
            "effective_at": "2026-11-21T09:30:00Z",
            "recorded_at": "2026-11-21T09:30:01Z",
            "cause": "8071fcdf",
            "release": None,
            "hash": "ab" * 32,
        }
    ],
}


class Answers(BaseHTTPRequestHandler):
    """Canned answers by path; what was sent is kept on the server."""

    server: "Console"

    def do_GET(self) -> None:
        page = {"next": None}
        path, _, query = self.path.partition("?")
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            self._problem(401, "no known API token", "send one")
        elif path == "/v1/totals":
            self._json(200, {"items": [TOTALS], "next": "support"} if "after" not in query else {"items": [], **page})
        elif path == "/v1/feeds":
            self._json(200, {"items": [FEED], **page})
        elif path == "/v1/rejected":
            self._json(200, {"items": [REJECTED], "next": 17})
        elif path == "/v1/budgets":
            self._json(200, {"items": [STATES], **page})
        elif path == "/v1/budgets/live":
            self._live()
        elif path == "/v1/budgets/support/explain":
            self._json(200, EXPLANATION)
        elif (found := rollouts.answer(path) or governing.answer(path, self.server.incident_state)) is not None:
            self._json(200, found)
        elif path == "/v1/systems/down":
            self._problem(503, "console's own store or broker is away", "Run `flyball doctor`.")
        else:
            self._problem(404, "there is no such thing", "look elsewhere")

    def do_PUT(self) -> None:
        spec = json.loads(self._body())
        applied = {"system": spec["system"], "version": 1, "effective_at": "2026-11-21T09:30:30Z", "changed": True}
        self._json(201, {**applied, "spec": spec})

    def do_DELETE(self) -> None:
        self.server.told.append((self.path, None))
        self.send_response(204)
        self.end_headers()

    def do_POST(self) -> None:
        if self.path != "/v1/events":
            self._told(json.loads(self._body()))
            return
        events = self._body().splitlines()
        if self.server.busy_for:
            self.server.busy_for -= 1
            self._problem(503, "the broker is away", "again", {"Retry-After": "0"})
            return
        self.server.batches.append(events)
        self._json(202, {"accepted": len(events), "unkeyed": 0})

    def log_message(self, *arguments: object) -> None:
        pass

    def _told(self, body: dict[str, Any]) -> None:
        self.server.told.append((self.path, body))
        if self.path == "/v1/reviews/independent/verdict":
            self._problem(409, "Conflict", "store your own judgment first", reason="judgment_first")
        elif body.get("system") == "closed":
            self._problem(409, "Refused", "the accuracy budget is in red", reason="gate_closed")
        else:
            released = {"system": "support", "released_at": "2026-11-21T09:30:00Z", "feeds": 1, "was": FEED["reason"]}
            done = released if self.path == "/v1/feeds/releases" else rollouts.done(self.path, body)
            self._json(200, done or governing.done(self.path))

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"]))

    def _live(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f": hello\n\nevent: budgets\nid: 5\ndata: {json.dumps(STATES)}\n\n".encode())
        self.wfile.flush()
        self.server.ended.wait(30)

    def _problem(
        self, status: int, title: str, detail: str, headers: dict[str, str] | None = None, reason: str | None = None
    ) -> None:
        problem = {"type": "about:blank", "status": status, "title": title, "detail": detail, "reason": reason}
        self._json(status, problem, headers)

    def _json(self, status: int, answer: object, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


class Console(ThreadingHTTPServer):
    daemon_threads = True
    token, totals, states, explanation = TOKEN, TOTALS, STATES, EXPLANATION

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.batches: list[list[bytes]] = []
        self.told: list[tuple[str, dict[str, Any] | None]] = []
        self.incident_state = "detected"
        self.busy_for = 0
        self.ended = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"


@pytest.fixture
def console() -> Iterator[Console]:
    with Console() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.ended.set()
        server.shutdown()
        thread.join()
