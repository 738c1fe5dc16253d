"""A batch beside its feeds: who is declared, what is personal data, and what each event is to be counted as."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from flyball.store.ports import Outgoing
from telemetry_ingest.domain.feeds.facts import QUARANTINED, facts_of
from telemetry_ingest.domain.feeds.feed import Feed, needs_a_look
from telemetry_ingest.domain.feeds.notices import Noticed, Quarantined
from telemetry_ingest.domain.verdicts import Accepted, Rejected
from telemetry_ingest.feed_messages import message_of
from telemetry_ingest.masking.events import EventMasker
from telemetry_ingest.ports import SystemKey
from telemetry_ingest.rejections import rejection

UNDECLARED_SYSTEM = "undeclared_system"
RECORD = "record"
"""Where personal data of a rejected record was found: nobody could read its fields."""


@dataclass(frozen=True, slots=True)
class Looking:
    """The feeds of one batch."""

    feeds: Mapping[SystemKey, Feed]
    mask: EventMasker
    refuses_undeclared: bool

    def declared(self, accepted: Sequence[Accepted]) -> tuple[list[Accepted], list[Rejected]]:
        """Those that may be counted, and those that are refused because nobody has declared their system."""
        first_ms = min((item.raw.timestamp_ms for item in accepted), default=0)
        # Whoever is declared stays so, and who is not is told once.
        if all(self._is_settled(feed, first_ms) for feed in self.feeds.values()):
            return list(accepted), []
        counted: list[Accepted] = []
        refused: list[Rejected] = []
        for item in accepted:
            event, at_ms = item.event, item.raw.timestamp_ms
            feed = self.feeds[event.tenant, event.subject]
            if feed.declaration.is_declared_at(at_ms):
                counted.append(item)
                continue
            feed.undeclared(at_ms)
            if self.refuses_undeclared:
                refused.append(_refused(item))
            else:
                counted.append(item)
        return counted, refused

    def _is_settled(self, feed: Feed, at_ms: int) -> bool:
        is_told = feed.is_known_to_be_undeclared and not self.refuses_undeclared
        return is_told or feed.declaration.is_declared_at(at_ms)

    def counted(self, first: Sequence[Accepted]) -> list[Accepted]:
        """Each event as it is to be counted, without personal data, in the order of the records."""
        dirty = self._kinds_with_personal_data([item.event.data for item in first])
        found = list(first)
        for place, item, feed in self._to_be_looked_at(first, dirty):
            event, at_ms = item.event, item.raw.timestamp_ms
            if dirty and type(event.data) in dirty:
                event, seen = self.mask(event)
                feed.personal_data(seen, at_ms, getattr(event.data, "release", None))
            event, mark = feed.look(event, at_ms)
            if mark is not None or event is not item.event:
                found[place] = item._replace(event=event, mark=mark)
        return found

    def _to_be_looked_at(
        self, first: Sequence[Accepted], dirty: Collection[type]
    ) -> Iterator[tuple[int, Accepted, Feed]]:
        """Most rows are taken as they are, and no time is spent on them."""
        plain = {key for key, feed in self.feeds.items() if not dirty and feed.takes_rows_as_they_are}
        for place, item in enumerate(first):
            event = item.event
            key = event.tenant, event.subject
            if key not in plain or needs_a_look(event.data):
                yield place, item, self.feeds[key]

    def rejections(self, rejected: Sequence[Rejected]) -> list[Outgoing]:
        """Rejected records as messages."""
        messages: list[Outgoing] = []
        for item in rejected:
            kinds: set[str] = set()
            messages.append(rejection(item, kinds))
            seen = [(RECORD, kind) for kind in sorted(kinds)]
            self.feeds[item.tenant, item.system].personal_data(seen, item.raw.timestamp_ms)
        return messages

    def messages(self) -> list[Outgoing]:
        """What the feeds have to tell, each in the order of its records."""
        return [
            message_of(told)
            for key, feed in sorted(self.feeds.items())
            for notice in feed.notices
            for told in facts_of(key, notice, feed.owner_of(notice))
        ]

    def told(self) -> list[str]:
        """The kinds of the exceptions among the messages."""
        notices = [notice for feed in self.feeds.values() for notice in feed.notices]
        kinds = [notice.kind for notice in notices if isinstance(notice, Noticed)]
        return kinds + [QUARANTINED for notice in notices if isinstance(notice, Quarantined)]

    def _kinds_with_personal_data(self, data: Sequence[object]) -> Collection[type]:
        kinds = list(map(type, data))
        return {
            kind
            for kind in set(kinds)
            if not self.mask.are_clean([one for one, other in zip(data, kinds, strict=True) if other is kind])
        }


def _refused(item: Accepted) -> Rejected:
    event = item.event
    detail = "nobody has declared this system; `flyball systems undeclared --spec` prints what declares it"
    return Rejected(event.tenant, event.subject, UNDECLARED_SYSTEM, "subject", detail, item.raw)
