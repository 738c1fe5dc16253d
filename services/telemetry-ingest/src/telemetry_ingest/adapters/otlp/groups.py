"""The walk over a message, the same for both forms and both signals: each part is read, or rejected alone."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from flyball.schemas.unreadable import DETAIL_CHARACTERS_MAX, FIELD_CHARACTERS_MAX, Unreadable, clip
from telemetry_ingest.adapters.otlp.resources import Base
from telemetry_ingest.domain.otlp.facts import RejectedPart
from telemetry_ingest.domain.otlp.rows import Unusable

SCOPE_CHARACTERS_MAX: Final = 256
Part = TypeVar("Part")
Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class Group(Generic[Part]):
    """The spans, or log events, of one resource and one instrumentation scope."""

    path: str
    """Where they stand in the message: ``resource_spans.0.scope_spans.1.spans``."""
    base: Base
    scope_name: str
    scope_version: str
    parts: list[Part]
    alone: Callable[[Part], bytes]
    """One of them as a whole message."""


def read_all(
    groups: Iterable[Group[Part]], read: Callable[[Part, Group[Part], int], Read], recorded_ns: int, parts_max: int
) -> tuple[list[Read], tuple[RejectedPart, ...]]:
    """What was read of each part, and what was rejected. Raises ``Unreadable`` for a message of too many parts."""
    all_groups = list(groups)
    count = sum(len(group.parts) for group in all_groups)
    if count > parts_max:
        raise Unreadable("too_large", None, f"{count:,} spans or log events in one message: at most {parts_max:,}")
    if not count:
        raise Unreadable("missing_field", None, "the message holds no span and no log event")
    done: list[Read] = []
    rejected: list[RejectedPart] = []
    for group in all_groups:
        flaw = group.base.flaw
        for index, part in enumerate(group.parts):
            try:
                if flaw is not None:
                    raise flaw
                done.append(read(part, group, recorded_ns))
            except Unusable as error:
                rejected.append(_rejected(error, group, index, len(done) + len(rejected)))
    return done, tuple(rejected)


def _rejected(flaw: Unusable, group: Group[Any], index: int, position: int) -> RejectedPart:
    # The resource stands two steps above its spans.
    at = group.path.rsplit(".", 3)[0] if flaw.field.startswith("resource.") else f"{group.path}.{index}"
    field = clip(f"{at}.{flaw.field}".rstrip("."), FIELD_CHARACTERS_MAX)
    detail = clip(flaw.detail, DETAIL_CHARACTERS_MAX)
    return RejectedPart(flaw.reason, field, detail, position, group.base.service_name, group.alone(group.parts[index]))
