"""What one configured process has: an outbox, the levels and, where there is an address, the controller."""

import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4, uuid5

from pydantic import BaseModel

from flyball.schemas.autonomy import ActionDecided, ActionReported, ActionRequested
from flyball.schemas.envelope import headers_of
from flyball.schemas.native import InteractionCompleted
from flyball.schemas.topics import AGENT_ACTIONS, AGENT_DECISIONS, AGENT_EVENTS, Topic
from flyball.sdk.controller import Controller
from flyball.sdk.levels import Levels
from flyball.sdk.outbox import Headers, Letter, Outbox
from flyball.sdk.settings import SdkSettings

NAMESPACE = UUID("6f6c41a2-51a7-5f36-a0cf-2c0a2d7a9b10")


@dataclass(frozen=True, slots=True)
class Client:
    settings: SdkSettings
    outbox: Outbox
    levels: Levels
    controller: Controller | None

    def publish_interaction(self, event: InteractionCompleted, at: datetime) -> None:
        self._publish(AGENT_EVENTS, event, "interaction.completed", uuid4(), at)

    def publish_decision(self, event: ActionDecided, recorded: threading.Event | None) -> None:
        identity = uuid5(NAMESPACE, f"decided {event.action_id}")
        self._publish(AGENT_DECISIONS, event, AGENT_DECISIONS.name, identity, event.decided_at, recorded)

    def publish_request(self, event: ActionRequested) -> None:
        identity = uuid5(NAMESPACE, f"requested {event.action_id}")
        self._publish(AGENT_ACTIONS, event, AGENT_ACTIONS.name, identity, event.requested_at)

    def publish_report(self, event: ActionReported) -> None:
        # Behind the decision, on the same topic and key: the controller never hears of an end before its beginning.
        identity = uuid5(NAMESPACE, f"reported {event.action_id}")
        self._publish(AGENT_DECISIONS, event, AGENT_DECISIONS.name, identity, event.reported_at)

    def close(self, seconds_max: float) -> int:
        """Returns how many events were left behind."""
        left = self.outbox.close(seconds_max)
        self.levels.close()
        if self.controller is not None:
            self.controller.close()
        return left

    def _publish(
        self,
        topic: Topic,
        event: BaseModel,
        kind: str,
        identity: UUID,
        at: datetime,
        recorded: threading.Event | None = None,
    ) -> None:
        settings = self.settings

        def write() -> tuple[Headers, bytes]:
            headers = headers_of(identity, f"/agents/{settings.system}", kind, at.astimezone(UTC), settings.system)
            tenant = ("ce_tenant", settings.tenant.encode())
            return [*headers, tenant], event.model_dump_json().encode()

        self.outbox.put(Letter(topic.name, settings.system, write, recorded))


def connect(settings: SdkSettings) -> Client:
    """Start the threads; nothing waits for a broker."""
    levels = Levels(settings.client())
    levels.start()
    controller = Controller(settings.url, settings.token, settings.answer_seconds_max) if settings.url else None
    return Client(settings, Outbox(settings.client(), settings.queue_max), levels, controller)
