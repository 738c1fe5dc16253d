"""The board's parts as JSON, and back."""

from typing import Annotated, Any

from pydantic import Discriminator, TypeAdapter

from notifier.domain.board import Delivery, Group, Incident, KnownAlert
from notifier.domain.inputs import Input, Silence

ALERT = TypeAdapter(KnownAlert)
GROUP = TypeAdapter(Group)
INCIDENT = TypeAdapter(Incident)
DELIVERY = TypeAdapter(Delivery)
SILENCE = TypeAdapter(Silence)
INPUT: TypeAdapter[Any] = TypeAdapter(Annotated[Input, Discriminator("kind")])


def text(adapter: TypeAdapter[Any], value: object) -> str:
    return adapter.dump_json(value).decode()
