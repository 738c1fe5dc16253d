"""One action under guard: asked before it runs, told afterwards how it ended."""

import asyncio
import json
import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

from pydantic import TypeAdapter

from flyball.schemas.autonomy import ActionReported, ActionRequested, Parameters, Verdict
from flyball.sdk.deciding import decide, decided

if TYPE_CHECKING:
    from flyball.sdk.client import Client

logger = logging.getLogger("flyball.sdk")
POLL_SECONDS = 0.2
TEXT_CHARACTERS_MAX = 256
DEADLINE = timedelta(seconds=30)
PARAMETERS: TypeAdapter[dict[str, Any]] = TypeAdapter(Parameters)


@dataclass(frozen=True, slots=True)
class Permit:
    """May it run? A permit is true if it may; ``reason`` says why not, in words for people."""

    allowed: bool
    verdict: Verdict
    rule: str
    reason: str
    action_id: str

    def __bool__(self) -> bool:
        return self.allowed


class Guard:
    """``with guard(...) as permit:`` or ``async with``. It never raises; what the agent raises goes through it."""

    def __init__(self, client: "Client | None", action: Mapping[str, Any], wait_seconds: float) -> None:
        self._client = client
        self._action = action
        self._wait_seconds = wait_seconds
        self._permit: Permit | None = None

    def __enter__(self) -> Permit:
        try:
            self._permit = self._asked()
        except Exception:
            logger.exception("guard failed; the action is not allowed")
            self._permit = Permit(False, "deny", "error", "the guard failed, see the log", "")
        return self._permit

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        try:
            self._told(kind)
        except Exception:
            logger.exception("the end of an action was not reported")

    async def __aenter__(self) -> Permit:
        # Waiting for a person, or for the broker, happens on a thread: the event loop goes on.
        return await asyncio.to_thread(self.__enter__)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def _asked(self) -> Permit:
        client = self._client
        if client is None:
            return Permit(True, "allow", "unconfigured", "Flyball is not configured", "")
        request = request_of(client, self._action)
        known = client.levels.known(request.tenant, request.system, request.parent_system)
        given = decide(request, known)
        if given.verdict == "require_approval":
            return self._approved(client, request, given.rule, given.reason)
        recorded = threading.Event() if request.write and given.verdict == "allow" else None
        client.publish_decision(decided(request, given, known, datetime.now(UTC)), recorded)
        if recorded is not None and not recorded.wait(client.settings.recorded_seconds_max):
            reason = "the decision could not be recorded in time, so a write does not run"
            return Permit(False, "deny", "unrecorded", reason, request.action_id)
        return Permit(given.verdict == "allow", given.verdict, given.rule, given.reason, request.action_id)

    def _approved(self, client: "Client", request: ActionRequested, rule: str, reason: str) -> Permit:
        """Ask the controller, wait for a person as long as the caller wants to, then start: all three must say yes."""
        no = Permit(False, "require_approval", rule, reason, request.action_id)
        if client.controller is None:
            client.publish_request(request)
            return no
        answer = client.controller.decide(request)
        if answer.get("verdict") not in ("allow", "require_approval") or answer.get("digest") != request.digest:
            return Permit(
                False, "deny", str(answer.get("rule", rule)), str(answer.get("reason", "no answer")), no.action_id
            )
        if answer["verdict"] == "require_approval" and not self._approval(client, request.action_id):
            return no
        found = client.controller.start(request.action_id, request.digest, int(answer["policy_version"]))
        return Permit(found == "started", answer["verdict"], str(answer["rule"]), found, request.action_id)

    def _approval(self, client: "Client", action_id: str) -> bool:
        deadline = time.monotonic() + self._wait_seconds
        while client.controller is not None:
            state = client.controller.state(action_id)
            if state != "waiting" and state != "unknown":  # noqa: PLR1714 - two different things
                return state == "approved"
            if time.monotonic() >= deadline:
                return False
            time.sleep(POLL_SECONDS)
        return False

    def _told(self, kind: type[BaseException] | None) -> None:
        permit, client = self._permit, self._client
        if client is None or permit is None or not permit.allowed:
            return
        end: Literal["executed", "failed"] = "executed" if kind is None else "failed"
        client.publish_report(
            ActionReported(
                kind="reported",
                action_id=permit.action_id,
                tenant=client.settings.tenant,
                system=client.settings.system,
                end=end,
                detail=kind.__name__ if kind else "",
                reported_at=datetime.now(UTC),
            )
        )


def request_of(client: "Client", action: Mapping[str, Any]) -> ActionRequested:
    """The action as a request. What cannot be written down is left out and marked, which makes it high risk."""
    settings, now = client.settings, datetime.now(UTC)
    parameters, readable = readable_parameters(action.get("parameters") or {})
    return ActionRequested.model_validate(
        {
            **action,
            "kind": "requested",
            "action_id": action.get("action_id") or str(uuid4()),
            "tenant": settings.tenant,
            "system": settings.system,
            "release": settings.release,
            "evidence_epoch": settings.evidence_epoch,
            "target": str(action["target"])[:TEXT_CHARACTERS_MAX],
            "parameters": parameters,
            "arguments_readable": readable,
            "deadline": now + DEADLINE,
            "requested_at": now,
        }
    )


def readable_parameters(given: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    try:
        written = json.loads(json.dumps(dict(given), allow_nan=False))
        return PARAMETERS.validate_python(written), True
    except (TypeError, ValueError, RecursionError):
        return {"unreadable": repr(sorted(map(str, given)))[:TEXT_CHARACTERS_MAX]}, False
