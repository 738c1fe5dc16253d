"""What the shell for OpenTelemetry needs from outside its domain."""

from collections.abc import Collection, Mapping, Sequence
from typing import Literal, Protocol

from telemetry_ingest.domain.otlp.assembly import Count
from telemetry_ingest.domain.otlp.facts import OtlpRead
from telemetry_ingest.domain.otlp.traces import Home, Trace, TraceLimits

Encoding = Literal["protobuf", "json", "auto"]


class Reader(Protocol):
    """Reads OTLP messages. Raises ``Unreadable`` where nothing of a message can be read, and nothing else."""

    def traces(self, body: bytes | None, encoding: Encoding, recorded_ns: int) -> OtlpRead: ...

    def logs(self, body: bytes | None, encoding: Encoding, recorded_ns: int) -> OtlpRead: ...


class Traces(Protocol):
    """Traces in the making, and those told lately, within a transaction."""

    async def load(self, trace_ids: Collection[str]) -> dict[str, Trace]:
        """Those of them that there are, held until the transaction ends."""
        ...

    async def with_answers(self, answers: Collection[int]) -> Mapping[int, str]:
        """The ids of the traces that have these answers of models, by the hashes of these; nothing is held."""
        ...

    async def free(self, trace_ids: Collection[str]) -> Mapping[str, Trace]:
        """Those of them that nobody else holds, held from now on; one that was loaded already is not among them."""
        ...

    async def due(self, home: Home, at_ms: int, but: Collection[str], traces_max: int) -> Sequence[Trace]:
        """Traces of this home whose time is over, held; what somebody else holds is left for later."""
        ...

    async def soonest(self, home: Home, but: Collection[str], traces_max: int) -> Sequence[Trace]:
        """Traces of this home that wait, those first that are due first, held."""
        ...

    async def save(self, traces: Collection[Trace], gone: Collection[str], limits: TraceLimits) -> None:
        """Keep these as they are now, and forget others. Raises ``Transient`` if somebody else began one meanwhile."""
        ...

    async def end(self, home: Home, counts: Mapping[Count, int], at_ms: int) -> int:
        """Add to what became of spans and log events, forget traces of this home that were told long enough ago, and
        tell how many wait. Last of all, for every batch of a home writes here.
        """
        ...
