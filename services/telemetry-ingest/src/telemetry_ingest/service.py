"""The shell: judge each record, ask which were seen before, condense, save and publish."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic

from flyball.bus.messages import fact
from flyball.bus.processor import one_by_one
from flyball.bus.records import Batch
from flyball.bus.subscription import Subscription, Wiring
from flyball.bus.typed import Received, TypedHandler
from flyball.observe.metrics import Metrics
from flyball.schemas.drift import DriftReference
from flyball.schemas.registry import SystemRegistered
from flyball.schemas.topics import (
    AGENT_EVENTS,
    DRIFT_REFERENCES,
    REGISTRY_SYSTEMS,
    TELEMETRY_REJECTED,
    TELEMETRY_SUMMARIES,
    Topic,
)
from flyball.store.ports import Outgoing, Tx
from telemetry_ingest.domain.assign import assign
from telemetry_ingest.domain.condense import Condensed, condense
from telemetry_ingest.domain.joins import asked_of, joined_of, joining
from telemetry_ingest.domain.judged import Joined
from telemetry_ingest.domain.spans import spans_of_features
from telemetry_ingest.domain.verdicts import Accepted, Limits, Rejected, judged
from telemetry_ingest.domain.waiting import native_place
from telemetry_ingest.feed_messages import PUBLISHES
from telemetry_ingest.looking import Looking
from telemetry_ingest.masking.events import EventMasker
from telemetry_ingest.ports import Feeds, Joins, Place, References, Sighting, Sightings, Totals

NAME = "telemetry-ingest"
REFERENCES_MAX = 50
"""Of one batch: a reference may have half a megabyte."""
LANES = 2
"""While one batch waits for Redis and Postgres, another one is read. Each takes memory and a connection."""


@dataclass(frozen=True, slots=True)
class TelemetryIngest(Generic[Tx]):
    limits: Limits
    sightings: Sightings
    totals: Callable[[Tx], Totals]
    references: Callable[[Tx], References]
    joins: Joins
    feeds: Callable[[Tx], Feeds]
    metrics: Metrics
    refuses_undeclared: bool = False
    mask: EventMasker = field(default_factory=EventMasker)

    async def on_events(self, transaction: Tx, batch: Batch) -> None:
        """One batch of raw events. All its effects are in ``transaction`` but the sightings, which can be repeated."""
        accepted, rejected = judged(batch.records, self.limits)
        looking = await self._look(transaction, batch, accepted, rejected)
        accepted, refused = looking.declared(accepted)
        rejected += refused
        first, repeated = await self._split(accepted)
        first = looking.counted(first)
        assigned = assign(first)
        yardsticks = await self.references(transaction).between(spans_of_features(assigned))
        condensed = condense(assigned, repeated, rejected, yardsticks)
        condensed.count_joined(await self._join(first, looking))
        # Totals first: their row locks make the outbox ids of one system rise in the order of the commits.
        await self.totals(transaction).add(condensed.totals, batch.recorded_at)
        messages = _summaries(batch, condensed) + looking.rejections(rejected) + looking.messages()
        told = looking.told()
        await self.feeds(transaction).save(looking.feeds, _end_of(batch))
        await transaction.enqueue(messages)
        for kind in told:
            self.metrics.exceptions.labels(kind).inc()
        for verdict, count in (("counted", len(first)), ("duplicate", len(repeated)), ("rejected", len(rejected))):
            self.metrics.events.labels(verdict).inc(count)

    async def on_registered(self, transaction: Tx, received: Sequence[Received[SystemRegistered]]) -> None:
        for item in received:
            await self.totals(transaction).declare(item.event.tenant, item.event.system)
            await self.feeds(transaction).declare(item.event)

    async def on_references(self, transaction: Tx, received: Sequence[Received[DriftReference]]) -> None:
        for item in received:
            await self.references(transaction).keep(item.event)

    async def _look(
        self, transaction: Tx, batch: Batch, accepted: Sequence[Accepted], rejected: Sequence[Rejected]
    ) -> Looking:
        systems = {(item.event.tenant, item.event.subject) for item in accepted}
        systems |= {(item.tenant, item.system) for item in rejected}
        place = Place(batch.topic, batch.partition, batch.from_offset)
        feeds = await self.feeds(transaction).open(place, systems)
        return Looking(feeds, self.mask, self.refuses_undeclared)

    async def _join(self, first: Sequence[Accepted], looking: Looking) -> Joined:
        """Only first sightings ask: a repetition is another judgement to the memory, for it stands at another place."""
        asked = asked_of(joining(first), {key: feed.declaration for key, feed in looking.feeds.items()})
        return joined_of(asked, await self.joins.find(asked)) if asked else Joined()

    async def _split(self, accepted: Sequence[Accepted]) -> tuple[list[Accepted], list[Accepted]]:
        seen = sightings_of(accepted)
        answers = await self.sightings.first(seen) if seen else ()
        first = [event for event, is_first in zip(accepted, answers, strict=True) if is_first]
        repeated = [event for event, is_first in zip(accepted, answers, strict=True) if not is_first]
        return first, repeated


def sightings_of(accepted: Sequence[Accepted]) -> list[Sighting]:
    fingerprints = [one.fingerprint for one in accepted]
    places = [native_place(one.raw.partition, one.raw.offset) for one in accepted]
    times = [one.raw.timestamp_ms for one in accepted]
    return list(map(Sighting._make, zip(fingerprints, places, times, strict=True)))


def wiring(
    service: TelemetryIngest[Tx], records_max: int, more: Sequence[Subscription[Tx]] = (), says: Sequence[Topic] = ()
) -> Wiring[Tx]:
    """Everything that this service reads and writes, ``more`` and ``says`` of OpenTelemetry among it."""
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
                lanes=LANES,
                after=(DRIFT_REFERENCES, REGISTRY_SYSTEMS),
            ),
            *more,
        ),
        publishes=(TELEMETRY_SUMMARIES, TELEMETRY_REJECTED, *PUBLISHES, *says),
    )


def _end_of(batch: Batch) -> Place:
    return Place(batch.topic, batch.partition, batch.next_offset)


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
