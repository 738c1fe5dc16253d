"""What traces tell beside the feeds of their systems: requests are priced, and masked personal data is told of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from flyball.bus.records import Batch
from flyball.store.ports import Outgoing
from telemetry_ingest.domain.feeds.facts import facts_of
from telemetry_ingest.domain.feeds.feed import Feed
from telemetry_ingest.domain.feeds.notices import Noticed
from telemetry_ingest.domain.otlp.facts import Masked
from telemetry_ingest.domain.otlp.telling import NativeEvent
from telemetry_ingest.feed_messages import message_of
from telemetry_ingest.ports import Feeds, Place, SystemKey


@dataclass(frozen=True, slots=True)
class Found:
    """Personal data of a rejected part, which nobody tells of later."""

    key: SystemKey
    masked: Masked
    at_ms: int


@dataclass(frozen=True, slots=True)
class Settled:
    """Events with their costs; what is to be told beside them, and the kinds of its exceptions."""

    events: Sequence[NativeEvent]
    messages: Sequence[Outgoing] = ()
    kinds: Sequence[str] = ()


async def settled(feeds: Feeds, batch: Batch, events: Sequence[NativeEvent], found: Sequence[Found]) -> Settled:
    """Most batches have neither several requests of unknown cost nor personal data, and ask nobody."""
    keys = {key_of(event) for event in events if event.requests or event.masked} | {one.key for one in found}
    if not keys:
        return Settled(events)
    opened = await feeds.open(Place(batch.topic, batch.partition, batch.from_offset), keys)
    done = [_settled(event, opened.get(key_of(event))) for event in events]
    for one in found:
        opened[one.key].personal_data(one.masked, one.at_ms)
    told = [(key, feed.owner_of(notice), notice) for key, feed in sorted(opened.items()) for notice in feed.notices]
    messages = [message_of(fact) for key, owner, notice in told for fact in facts_of(key, notice, owner)]
    kinds = [notice.kind for _, _, notice in told if isinstance(notice, Noticed)]
    await feeds.save(opened, Place(batch.topic, batch.partition, batch.next_offset))
    return Settled(done, messages, kinds)


def key_of(event: NativeEvent) -> SystemKey:
    return event.tenant, event.system


def _settled(event: NativeEvent, feed: Feed | None) -> NativeEvent:
    if feed is None:
        return event
    said: Mapping[str, object] = vars(event.data)
    release = str(said["release"]) if "release" in said else None
    feed.personal_data(event.masked, event.told_ms, release)
    if not event.requests:
        return event
    cost = feed.price(event.requests, event.told_ms, release or "")
    return replace(event, data=event.data.model_copy(update={"cost_micro_usd": cost}))
