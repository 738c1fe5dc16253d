"""Applies one summary to one system. Nothing here depends on how summaries were batched."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from drift_detector.domain.audit import reference_record
from drift_detector.domain.facts import Fact
from drift_detector.domain.finding import ACTOR, Occasion
from drift_detector.domain.fold import Judging, closed, folded
from drift_detector.domain.layout import Layout
from drift_detector.domain.learn import Kept
from drift_detector.domain.plan import Plan
from drift_detector.domain.policy import Rules
from drift_detector.domain.state import NO_VERSION, DetectorState, OpenPane, Pane
from flyball.schemas.drift import DriftPolicy, DriftReference, reference_in_force
from flyball.schemas.summaries import TelemetrySummary

OPEN_PANES_MAX = 256
OPEN_CELLS_MAX = 1_000_000
"""A backlog opens many panes at once; beyond this the oldest are judged as they are."""


@dataclass(frozen=True, slots=True)
class Item:
    """A summary and the time the broker appended it."""

    summary: TelemetrySummary
    recorded_at: datetime

    @property
    def judged_at(self) -> datetime:
        """By which reference: that at its bucket, if it had been announced by then."""
        return min(self.summary.bucket_start, self.recorded_at)

    @property
    def rows(self) -> int:
        return max(self.summary.interactions.count, self.summary.predictions.count)

    @property
    def is_suspect(self) -> bool:
        """Did any of it come while the system's feed was in quarantine?"""
        return self.summary.measurement.suspect > 0

    @property
    def counts(self) -> bool:
        """Is there anything in it that could drift?"""
        return bool(self.rows or self.summary.guardrails)


@dataclass(frozen=True, slots=True)
class Known:
    """The versions of a system's reference, and the plans of those that have features."""

    references: Sequence[DriftReference] = ()
    plans: Mapping[int, Plan] = field(default_factory=dict)

    def in_force(self, at: datetime) -> DriftReference | None:
        return reference_in_force(self.references, at)

    @property
    def newest(self) -> DriftReference | None:
        return max(self.references, key=lambda reference: reference.version, default=None)

    def with_reference(self, reference: DriftReference) -> "Known":
        """And one more, with its plan: what follows in the same batch may be about it already."""
        layout = Layout.of(reference)
        made = {reference.version: Plan.of(layout)} if layout.sections else {}
        return Known((*self.references, reference), {**self.plans, **made})


@dataclass(frozen=True, slots=True)
class Decision:
    """A system after a summary, its last panes, and what followed."""

    state: DetectorState
    recent: tuple[Pane, ...]
    facts: tuple[Fact, ...] = ()
    judged: tuple[Pane, ...] = ()
    """Panes to remember."""
    kept: Kept | None = None
    """Rows to remember for the next reference."""
    is_due: bool = False
    """Are these the first rows that make a reference?"""


def decide(state: DetectorState, recent: tuple[Pane, ...], item: Item, known: Known, rules: Rules) -> Decision:
    """Add one summary: to its pane, or to the rows that the next reference is made of; judge what is whole."""
    if not item.counts:
        return Decision(state, recent)
    state = replace(state, watermark=max(item.recorded_at, state.watermark or item.recorded_at))
    state = replace(state, rows=state.rows + item.rows)
    reference = known.in_force(item.judged_at)
    version = reference.version if reference else NO_VERSION
    decision = Decision(state, recent)
    if version > state.version:
        decision = _switched(decision, version, item, known, rules)
    if version < decision.state.version:
        after = replace(decision.state, unreferenced_rows=decision.state.unreferenced_rows + item.rows)
        decision = replace(decision, state=after)
    elif version in known.plans:
        decision = _added(decision, item, known.plans[version], rules.policy)
    elif not item.is_suspect:
        decision = _learning(decision, Kept(item.summary, version), known, rules.policy)
    return _judged(decision, item, known, rules, everything=False)


def _learning(decision: Decision, kept: Kept, known: Known, policy: DriftPolicy) -> Decision:
    """Keep the rows, unless a newer version is announced or nobody wants them. The one that completes them says so."""
    newest = known.newest
    enough = decision.state.learned_rows >= policy.reference_rows
    if enough or not policy.learns or (newest is not None and newest.version > kept.version):
        return decision
    state = replace(decision.state, learned_rows=decision.state.learned_rows + kept.rows)
    return replace(decision, state=state, kept=kept, is_due=state.learned_rows >= policy.reference_rows)


def _added(decision: Decision, item: Item, plan: Plan, policy: DriftPolicy) -> Decision:
    start = _pane_start(item.summary.bucket_start, policy.pane_seconds)
    cells = plan.layout.count(item.summary)
    pane = decision.state.open_panes.get(start)
    pane = OpenPane(item.recorded_at, cells) if pane is None else replace(pane, cells=pane.cells + cells)
    pane = replace(pane, is_suspect=pane.is_suspect or item.is_suspect)
    opened = {**decision.state.open_panes, start: pane}
    return replace(decision, state=replace(decision.state, open_panes=opened))


def _judged(decision: Decision, item: Item, known: Known, rules: Rules, *, everything: bool) -> Decision:
    """Judge every pane that is whole, the oldest first."""
    plan = known.plans.get(decision.state.version)
    if plan is None:
        return decision
    for start in _whole(decision.state, rules.policy, plan.layout.size, everything=everything):
        left = dict(decision.state.open_panes)
        opened = left.pop(start)
        if opened.is_suspect:
            after = replace(decision.state, open_panes=left, suspect_panes=decision.state.suspect_panes + 1)
            decision = replace(decision, state=after)
            continue
        pane = Pane(start, opened.cells)
        judging = Judging(replace(decision.state, open_panes=left), plan, decision.recent)
        occasion = _occasion(item, decision.state.version, rules, start, judging.state.panes)
        folded_into, facts = folded(judging, pane, occasion)
        decision = replace(
            decision,
            state=folded_into.state,
            recent=folded_into.recent,
            facts=decision.facts + facts,
            judged=(*decision.judged, pane),
        )
    return decision


def _whole(state: DetectorState, policy: DriftPolicy, cells: int, *, everything: bool) -> list[datetime]:
    """Panes that are over, by the broker's time; their rows' values have no say in it."""
    starts = sorted(state.open_panes)
    panes_max = max(1, min(OPEN_PANES_MAX, OPEN_CELLS_MAX // max(cells, 1)))
    surplus = set(starts[: max(0, len(starts) - panes_max)])
    return [start for start in starts if everything or start in surplus or _is_over(state, start, policy)]


def _is_over(state: DetectorState, start: datetime, policy: DriftPolicy) -> bool:
    end = start + timedelta(seconds=policy.pane_seconds)
    waited_from = max(end, state.open_panes[start].first_recorded_at)
    return state.watermark is not None and state.watermark - waited_from >= timedelta(seconds=policy.lateness_seconds)


def _switched(decision: Decision, version: int, item: Item, known: Known, rules: Rules) -> Decision:
    """Another version is in force: judge what is open by the one before, end its episodes, begin anew."""
    decision = _judged(decision, item, known, rules, everything=True)
    plan = known.plans.get(decision.state.version)
    state, facts = decision.state, tuple[Fact, ...]()
    if plan is not None:
        occasion = _occasion(item, state.version, rules, item.summary.bucket_start, state.panes)
        state, facts = closed(Judging(state, plan, decision.recent), occasion, f"version {version} is in force")
    state = replace(state, version=version, open_panes={}, panes=0, calibration=None, learned_rows=0)
    return replace(decision, state=state, recent=(), facts=decision.facts + facts)


def announced(reference: DriftReference) -> tuple[Fact, ...]:
    """The facts of a new version."""
    return reference, reference_record(reference, reference.source)


def _pane_start(bucket_start: datetime, pane_seconds: int) -> datetime:
    seconds = int(bucket_start.timestamp())
    return datetime.fromtimestamp(seconds - seconds % pane_seconds, UTC)


def _occasion(item: Item, version: int, rules: Rules, start: datetime, panes: int) -> Occasion:
    return Occasion(
        tenant=item.summary.tenant,
        system=item.summary.system,
        reference_version=version,
        rules=rules,
        pane_start=start,
        now=item.recorded_at,
        panes=panes,
        actor=ACTOR,
    )
