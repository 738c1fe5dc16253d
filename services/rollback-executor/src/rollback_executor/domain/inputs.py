"""Everything that a rollout can be decided by. Each is a row of its journal, in the order in which it was applied."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from pydantic import TypeAdapter

from flyball.schemas.digest import digest_of
from rollback_executor.domain.blocks import Observed

CommandKind = Literal["approve", "pause", "resume", "promote", "rollback"]
Outcome = Literal["accepted", "refused", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Time went by and somebody was there to see it. After an outage ``elapsed_ms`` is two ticks, not the outage."""

    at: datetime
    elapsed_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A person's word. It holds for the epoch that the person saw."""

    kind: CommandKind
    epoch: int
    actor: str
    reason: str
    at: datetime
    to: str | None = None
    """Which release a rollback restores, where it is not the one from before the rollout."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of telling the target: it accepted, it refused, or nobody knows."""

    epoch: int
    outcome: Outcome
    detail: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Replicas:
    """The version that each replica of the target really runs."""

    versions: Mapping[str, str] = field(default_factory=dict)
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Zones:
    """Budgets of the system that are in their worst zone; ``newly`` are those that were not before."""

    red: tuple[str, ...]
    newly: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Barred:
    """Another rollout of the system was rolled back automatically."""

    until: datetime
    at: datetime


Input = Observed | Tick | Command | Receipt | Replicas | Zones | Barred
KINDS: Mapping[str, type[Input]] = {
    "observed": Observed,
    "tick": Tick,
    "command": Command,
    "receipt": Receipt,
    "replicas": Replicas,
    "zones": Zones,
    "barred": Barred,
}
_ADAPTERS: Mapping[str, TypeAdapter[Any]] = {kind: TypeAdapter(model) for kind, model in KINDS.items()}
_KIND_OF = {model: kind for kind, model in KINDS.items()}


def kind_of(given: Input) -> str:
    return _KIND_OF[type(given)]


def body_of(given: Input) -> dict[str, Any]:
    """As JSON values; ``input_of`` reads them again."""
    body: dict[str, Any] = _ADAPTERS[kind_of(given)].dump_python(given, mode="json")
    return body


def input_of(kind: str, body: Mapping[str, Any]) -> Input:
    given: Input = _ADAPTERS[kind].validate_python(body)
    return given


def digest_after(digest: str, given: Input) -> str:
    """The digest of a journal after one more input."""
    return digest_of({"previous": digest, "kind": kind_of(given), "body": body_of(given)})
