"""Names that a system's spec may expect something of. Refused where people hand specs in, never where events are read.

What was published once has to stay readable, whatever names it has.
"""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from functools import lru_cache
from typing import Final, get_args

from pydantic import BaseModel

from flyball.schemas.native import AgentEvent
from flyball.schemas.telemetry import TelemetryPolicy

TABLES: Final = ("features", "probabilities", "segment")
"""Fields of an event's data that hold values by name: each of these is expected by its own, ``features.amount``."""
WHERE: Final = ("telemetry", "expectations")
"""The place of expectations in a system spec."""
ALIKE_MIN: Final = 0.6
"""Of what ``difflib`` calls a ratio: ``latancy`` is like ``latency_ms`` by 0.71."""
Path = tuple[str, ...]


def unknown_expectations(policy: TelemetryPolicy) -> Iterator[tuple[Path, str]]:
    """Path in the spec and cause of each name that no event has, in their order."""
    for name in policy.expectations:
        if not _is_known(name):
            yield (*WHERE, name), f"no event has such a field; {_advice(name)}"


@lru_cache(1)
def fields() -> Sequence[str]:
    """All fields of data, of all types of events, but for those that hold values by name."""
    events = get_args(get_args(AgentEvent)[0])
    models: list[type[BaseModel]] = [event.model_fields["data"].annotation for event in events]
    return sorted({name for model in models for name in model.model_fields} - set(TABLES))


def _is_known(name: str) -> bool:
    table, dot, key = name.partition(".")
    return name in fields() or bool(table in TABLES and dot and key)


def _advice(name: str) -> str:
    table, _, key = name.partition(".")
    if not key and table in TABLES:
        return f"say which of its values, as {table}.NAME"
    near = get_close_matches(table, (*fields(), *TABLES), 1, ALIKE_MIN)
    if not near:
        return "fields are those of data in schemas/json/agent.events.v1.json, features are features.NAME"
    return f"did you mean {near[0]}.{key or 'NAME'}?" if near[0] in TABLES else f"did you mean {near[0]}?"
