"""The controller over HTTP, for what needs a person: ask, wait, start. Every answer but a clear yes is a no."""

import logging
from dataclasses import dataclass
from typing import Any

import httpx

from flyball.schemas.autonomy import ActionRequested

logger = logging.getLogger("flyball.sdk")
UNANSWERED: dict[str, Any] = {}


@dataclass(slots=True)
class Controller:
    """A connection that is made when it is first needed."""

    url: str
    token: str | None
    seconds_max: float
    _client: httpx.Client | None = None

    def decide(self, request: ActionRequested) -> dict[str, Any]:
        """The controller's decision; empty if there was none."""
        return self._ask("POST", "/v1/decisions", request.model_dump_json())

    def state(self, action_id: str) -> str:
        return str(self._ask("GET", f"/v1/actions/{action_id}").get("state", "unknown"))

    def start(self, action_id: str, digest: str, policy_version: int) -> str:
        """``started``, or the reason why not."""
        body = f'{{"digest": "{digest}", "policy_version": {int(policy_version)}}}'
        answer = self._ask("POST", f"/v1/actions/{action_id}/start", body)
        return str(answer.get("state") if answer.get("state") == "started" else answer.get("reason", "no answer"))

    def close(self) -> None:
        if self._client is not None:
            self._client.close()

    def _ask(self, method: str, path: str, body: str | None = None) -> dict[str, Any]:
        if self._client is None:
            headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
            self._client = httpx.Client(base_url=self.url, headers=headers, timeout=self.seconds_max)
        try:
            answer = self._client.request(
                method, path, content=body, headers={"content-type": "application/json"} if body else None
            )
            found = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            logger.warning("the controller gave no answer to %s %s: %s", method, path, error)
            return UNANSWERED
        return found if isinstance(found, dict) else UNANSWERED
