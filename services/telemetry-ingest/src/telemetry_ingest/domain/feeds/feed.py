"""One feed, record by record: its labels, its costs, what is expected of it, and whether it can be trusted."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from flyball.schemas.plain import Data, InteractionCompleted, PlainEvent, PredictionMade
from telemetry_ingest.domain.feeds.labels import Labels
from telemetry_ingest.domain.feeds.notices import (
    PERSONAL_DATA,
    UNDECLARED,
    UNPRICED,
    Notice,
    Notices,
    Priced,
    Quarantined,
)
from telemetry_ingest.domain.feeds.prices import (
    MICRO_USD_MAX,
    SEVERAL,
    Listing,
    ListPrice,
    Request,
    Tariff,
    cost_femto,
    cost_micro_usd,
    half_to_even,
)
from telemetry_ingest.domain.feeds.rules import NOT_DECLARED, Declaration, Rules
from telemetry_ingest.domain.feeds.state import EMPTY, Apart, FeedState
from telemetry_ingest.domain.feeds.trust import Trust
from telemetry_ingest.domain.marks import Mark

MODELS_MAX = 256
"""Different models without a cost of one feed; looking up the price of one takes a millisecond."""
MODEL_CHARACTERS_MAX = 256
Known = tuple[int, str | None, str | None]
"""Version of the rules, provider, model."""


class Feed:
    """The records of one system on one partition. Everything here follows from them, in their order."""

    def __init__(
        self, list_price: ListPrice, state: FeedState = EMPTY, declaration: Declaration = NOT_DECLARED
    ) -> None:
        self.declaration = declaration
        self.notices: list[Notice] = []
        self.labels = Labels(state.apart.labels, state.apart.segments)
        self.told = Notices(dict(state.told))
        self.trust = Trust(state)
        self._list_price = list_price
        self._models = dict.fromkeys(state.apart.models)
        self._models_before = len(self._models)
        self.is_known_to_be_undeclared = False
        self._tariffs: dict[Known, Tariff] = {}

    @property
    def apart_has_changed(self) -> bool:
        return self.labels.have_changed or len(self._models) != self._models_before

    @property
    def has_changed(self) -> bool:
        return self.apart_has_changed or self.told.have_changed or self.trust.has_changed

    @property
    def apart(self) -> Apart:
        return Apart(self.labels.frozen(), tuple(self._models), tuple(self.labels.segments))

    @property
    def state(self) -> FeedState:
        trust = self.trust
        return FeedState(
            apart=self.apart,
            told=dict(self.told.told),
            windows=trust.windows,
            quarantine=trust.quarantine,
            released_ms=trust.released_ms,
        )

    def kept(self) -> None:
        """What has changed was written."""
        self.notices = []
        self.labels.have_changed = self.told.have_changed = False
        self._models_before = len(self._models)
        self.trust.kept()

    def owner_of(self, notice: Notice) -> str:
        """By the rules of the record that led to it."""
        return notice.quarantine.owner if isinstance(notice, Quarantined) else self.declaration.at(notice.at_ms).owner

    @property
    def takes_rows_as_they_are(self) -> bool:
        """Is nothing expected of them, so that a row without labels, and with its cost, needs no look?"""
        return self.declaration.expects_nothing and self.trust.holds

    def undeclared(self, at_ms: int) -> None:
        if not self.is_known_to_be_undeclared:
            self._notice(UNDECLARED, "", None, at_ms)
            self.is_known_to_be_undeclared = True

    def personal_data(self, seen: Iterable[tuple[str, str]], at_ms: int, release: str | None = None) -> None:
        """(field, kind) of what was found in one event."""
        for name, kind in seen:
            self._notice(PERSONAL_DATA, kind, name, at_ms, release)

    def look(self, event: PlainEvent, at_ms: int) -> tuple[PlainEvent, Mark | None]:
        """The event as it is to be counted, and its mark, if it has one.

        An interaction without a cost is priced in place: it was parsed for this batch alone, and a copy of it would
        take longer than all the rest.
        """
        data: Any = event.data
        rules = self.declaration.at(at_ms)
        if type(data) is InteractionCompleted and data.cost_micro_usd is None and data.model is not None:
            data.cost_micro_usd = self._cost(data, rules, event.time, at_ms)
        labels = getattr(data, "segment", None)
        policy = rules.policy
        others = self.labels.others(labels, policy.label_values_max, policy.segments_max) if labels else 0
        checked = self.trust.check(data, rules, at_ms, self.notices) if rules.expected or not self.trust.holds else ()
        if others and labels:
            shown = self.labels.shown(labels)
            event = replace(event, data=replace(data, segment=shown))
        if not others and not checked and self.trust.holds:
            return event, None
        return event, Mark(not self.trust.holds, others, checked)

    def price(self, requests: Sequence[Request], at_ms: int, release: str) -> int | None:
        """What the requests of one interaction cost together: each by its own model, rounded once.

        None where nobody knows, and where the interaction can be priced as it stands: its requests are of one model,
        whose price does not depend on their size.
        """
        rules = self.declaration.at(at_ms)
        if len({(one.provider, one.model) for one in requests}) == 1 and self._is_even(requests, rules):
            return None
        each = [self._cost_femto(one, rules, at_ms, release) for one in requests]
        known = [cost for cost in each if cost is not None]
        return min(half_to_even(sum(known)), MICRO_USD_MAX) if len(known) == len(each) else None

    def _is_even(self, requests: Sequence[Request], rules: Rules) -> bool:
        """Do requests of one model cost what their sums do? Of one that nobody knows whoever counts it will tell."""
        provider, model, *_, at = requests[0]
        if model is None:
            return True
        name = name_of(provider, model)
        listing = None if name in rules.tariffs else self._listing(name, provider, model)
        tariff = rules.tariffs.get(name) or (listing.at(at) if listing else None)
        return tariff is None or tariff.is_even

    def _cost_femto(self, request: Request, rules: Rules, at_ms: int, release: str) -> int | None:
        if request.model is None:
            return None
        known = rules.version, request.provider, request.model
        tariff = self._tariffs.get(known) or self._tariff(known, rules, request.at, at_ms, release)
        if tariff is None:
            return None
        return cost_femto(tariff, request.input_tokens, request.output_tokens, request.cached_input_tokens)

    def _cost(self, data: InteractionCompleted, rules: Rules, time: datetime, at_ms: int) -> int | None:
        known = rules.version, data.provider, data.model
        if SEVERAL in known:
            # Whoever told it knew the models, priced what has a price, and told of those that have none.
            return None
        tariff = self._tariffs.get(known)
        if tariff is None:
            tariff = self._tariff(known, rules, time, at_ms, data.release)
        if tariff is None:
            return None
        return cost_micro_usd(tariff, data.input_tokens, data.output_tokens, data.cached_input_tokens)

    def _tariff(self, known: Known, rules: Rules, time: datetime, at_ms: int, release: str) -> Tariff | None:
        """What the system pays, else what the list says; a model without either is told."""
        _, provider, model = known
        name = name_of(provider, model)
        listing = None if name in rules.tariffs else self._listing(name, provider, model or "")
        always = rules.tariffs.get(name) or (listing.always if listing else None)
        tariff = always or (listing.at(time) if listing else None)
        if tariff is None:
            self._notice(UNPRICED, name, "model", at_ms, release)
            return None
        if always is not None:
            self._remember(known, always)
        if (told := self.told.forget(UNPRICED, name, "model")) is not None:
            self.notices.append(Priced(name, told.at_ms, at_ms))
        return tariff

    def _listing(self, name: str, provider: str | None, model: str) -> Listing | None:
        if name not in self._models:
            if len(self._models) >= MODELS_MAX:
                return None
            self._models[name] = None
        return self._list_price(provider, model)

    def _remember(self, known: Known, tariff: Tariff) -> None:
        """A price that does not follow the time is good for every later request."""
        if len(self._tariffs) >= MODELS_MAX:
            self._tariffs.clear()
        self._tariffs[known] = tariff

    def _notice(self, kind: str, subject: str, field: str | None, at_ms: int, release: str | None = None) -> None:
        told = self.told.notice(kind, subject, field, at_ms, release)
        if told is not None:
            self.notices.append(told)


def name_of(provider: str | None, model: str | None) -> str:
    """As prices are named in a system's spec."""
    return f"{provider or 'unknown'}/{model}"[:MODEL_CHARACTERS_MAX]


def needs_a_look(data: Data) -> bool:
    """Has a row of which nothing is expected labels to tell apart, or no cost?"""
    if type(data) is PredictionMade:
        return bool(data.segment)
    if type(data) is InteractionCompleted:
        return bool(data.segment) or data.cost_micro_usd is None
    return True
