"""The shell: judge each record, ask which were seen before, condense, save and publish."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic

from flyball.bus.messages import fact
from flyball.bus.processor import one_by_one
from flyball.bus.records import Batch, id_of_position
from flyball.bus.subscription import Subscription, Wiring
from flyball.bus.typed import Received, TypedHandler
from flyball.observe.metrics import Metrics
from flyball.schemas.drift import DriftReference
from flyball.schemas.registry import SystemRegistered
from flyball.schemas.rejected import Position, TelemetryRejected
from flyball.schemas.topics import (
    AGENT_EVENTS,
    DRIFT_REFERENCES,
    REGISTRY_SYSTEMS,
    TELEMETRY_REJECTED,
    TELEMETRY_SUMMARIES,
)
from flyball.store.ports import Outgoing, Tx
from telemetry_ingest.domain.assign import assign
from telemetry_ingest.domain.condense import Condensed, condense
from telemetry_ingest.domain.joins import asked_of, joined_of, joining
from telemetry_ingest.domain.judged import Joined
from telemetry_ingest.domain.spans import spans_of_features
from telemetry_ingest.domain.verdicts import Accepted, Limits, Rejected, judge
from telemetry_ingest.ports import JoinHorizons, Joins, References, Sighting, Sightings, Totals

NAME = "telemetry-ingest"
REFERENCES_MAX = 50
"""Of one batch: a reference may have half a megabyte."""


@dataclass(frozen=True, slots=True)
class TelemetryIngest(Generic[Tx]):
    limits: Limits
    sightings: Sightings
    totals: Callable[[Tx], Totals]
    references: Callable[[Tx], References]
    joins: Joins
    horizons: Callable[[Tx], JoinHorizons]
    metrics: Metrics

    async def on_events(self, transaction: Tx, batch: Batch) -> None:
        """One batch of raw events. All its effects are in ``transaction`` but the sightings, which can be repeated."""
        verdicts = [judge(record, self.limits) for record in batch.records]
        accepted = [verdict for verdict in verdicts if isinstance(verdict, Accepted)]
        rejected = [verdict for verdict in verdicts if isinstance(verdict, Rejected)]
        first, repeated = await self._split(accepted)
        assigned = assign(first)
        yardsticks = await self.references(transaction).between(spans_of_features(assigned))
        condensed = condense(assigned, repeated, rejected, yardsticks)
        condensed.count_joined(await self._join(transaction, first))
        # Totals first: their row locks make the outbox ids of one system rise in the order of the commits.
        await self.totals(transaction).add(condensed.totals, batch.recorded_at)
        await transaction.enqueue(_summaries(batch, condensed) + [_rejection(item) for item in rejected])
        for verdict, count in (("counted", len(first)), ("duplicate", len(repeated)), ("rejected", len(rejected))):
            self.metrics.events.labels(verdict).inc(count)

    async def on_registered(self, transaction: Tx, received: Sequence[Received[SystemRegistered]]) -> None:
        for item in received:
            await self.totals(transaction).declare(item.event.tenant, item.event.system)
            await self.horizons(transaction).keep(item.event)

    async def on_references(self, transaction: Tx, received: Sequence[Received[DriftReference]]) -> None:
        for item in received:
            await self.references(transaction).keep(item.event)

    async def _join(self, transaction: Tx, first: Sequence[Accepted]) -> Joined:
        """Only first sightings ask: a repetition is another judgement to the memory, for it stands at another place."""
        events = joining(first)
        if not events:
            return Joined()
        horizons = await self.horizons(transaction).of({(one.event.tenant, one.event.subject) for one in events})
        asked = asked_of(events, horizons)
        return joined_of(asked, await self.joins.find(asked)) if asked else Joined()

    async def _split(self, accepted: Sequence[Accepted]) -> tuple[list[Accepted], list[Accepted]]:
        seen = [Sighting(a.fingerprint, f"{a.raw.partition}:{a.raw.offset}", a.raw.recorded_at) for a in accepted]
        answers = await self.sightings.first(seen) if seen else ()
        first = [event for event, is_first in zip(accepted, answers, strict=True) if is_first]
        repeated = [event for event, is_first in zip(accepted, answers, strict=True) if not is_first]
        return first, repeated


def wiring(service: TelemetryIngest[Tx], records_max: int) -> Wiring[Tx]:
    """Everything that this service reads and writes."""
    registered = TypedHandler(NAME, REGISTRY_SYSTEMS, service.on_registered, service.metrics)
    references = TypedHandler(NAME, DRIFT_REFERENCES, service.on_references, service.metrics)
    return Wiring(
        NAME,
        subscriptions=(
            Subscription(DRIFT_REFERENCES, references, records_max=REFERENCES_MAX),
            Subscription(REGISTRY_SYSTEMS, registered),
            Subscription(
                AGENT_EVENTS,
                one_by_one(service.on_events),
                hot=True,
                records_max=records_max,
                after=(DRIFT_REFERENCES, REGISTRY_SYSTEMS),
            ),
        ),
        publishes=(TELEMETRY_SUMMARIES, TELEMETRY_REJECTED),
    )


def _summaries(batch: Batch, condensed: Condensed) -> list[Outgoing]:
    first_offset = batch.records[0].offset
    return [
        fact(
            TELEMETRY_SUMMARIES,
            bucket.freeze(key),
            source=NAME,
            identity=key.summary_id(batch.topic, batch.partition, first_offset),
            system=key.system,
            time=batch.recorded_at,
        )
        for key, bucket in sorted(condensed.buckets.items(), key=lambda item: item[0])
    ]


def _rejection(rejected: Rejected) -> Outgoing:
    raw = rejected.raw
    event = TelemetryRejected.model_construct(
        tenant=rejected.tenant,
        system=rejected.system,
        reason=rejected.reason,
        field=rejected.field,
        detail=rejected.detail,
        position=Position(topic=raw.topic, partition=raw.partition, offset=raw.offset),
        recorded_at=raw.recorded_at,
        key=raw.key,
        headers=tuple(raw.headers),
        body=raw.value,
    )
    identity = id_of_position(raw.topic, raw.partition, raw.offset)
    return fact(TELEMETRY_REJECTED, event, source=NAME, identity=identity, system=rejected.system, time=raw.recorded_at)
