"""What is measured of two systems, and what other services decide: made ahead, so that only its fate is left open."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from flyball.bus.messages import fact
from flyball.schemas.audit import AuditRecord
from flyball.schemas.digest import digest_of
from flyball.schemas.drift import CategoricalReference, DriftPolicy, DriftReference
from flyball.schemas.registry import Owners, SystemRegistered, SystemRevision, SystemSpec
from flyball.schemas.summaries import TelemetrySummary
from flyball.schemas.topics import AUDIT_RECORDS, DRIFT_REFERENCES, REGISTRY_SYSTEMS, TELEMETRY_SUMMARIES, Topic
from flyball.sim.world import EPOCH
from flyball.store.ports import Outgoing

TENANT = "default"
TENANTS = (TENANT, "acme")
GIVEN, LEARNING = "search", "pay"
"""One has a reference, until a person has it learn anew in the midst; the other makes its own."""
LONG_AGO = EPOCH - timedelta(days=1)
PANE = timedelta(seconds=10)
USUAL, MOVED = 0.7, 0.2
"""Share of the predictions that are "yes"."""
EPISODES = (range(2, 4), range(6, 7))
"""The second one has not ended when its reference does."""
PANES = 7
SPLIT = 0.2
"""Share of the panes that come in two summaries."""
LATER_SECONDS, LAST_SECONDS = 61.0, 65.0
"""By then references of the first part hold, which takes at most 40 s from their announcement."""
LATER_START = EPOCH + timedelta(seconds=30)
LATER_SHARES, LAST_SHARES = (USUAL, USUAL, MOVED), (MOVED, USUAL)
FIRST_ROWS = 500
POLICY = DriftPolicy(
    lateness_seconds=2,
    reference_rows=FIRST_ROWS,
    calibration_panes=2,
    recovery_psi=0.5,
    recovery_panes=1,
)
"""An episode is over within a few panes."""
EMPTY = TelemetrySummary(
    tenant=TENANT, system=GIVEN, release="1.0.0", segment=None, bucket_start=EPOCH, event_time_max=EPOCH
)


def declared(random: Random) -> list[Outgoing]:
    """The policy of both, and the reference of one."""
    return [_registered(random, GIVEN), _registered(random, LEARNING), _referenced(random, GIVEN)]


def measured(random: Random) -> list[Outgoing]:
    """Quiet panes with two episodes in them, some of them late."""
    shares = [MOVED if any(number in episode for episode in EPISODES) else USUAL for number in range(PANES)]
    return _shuffled(random, list(_panes(random, GIVEN, EPOCH - PANES * PANE, shares)))


def first_rows(random: Random) -> list[Outgoing]:
    return [_summary(random, LEARNING, EPOCH, FIRST_ROWS // 2 - 1, USUAL) for _ in range(3)]


def measured_later(random: Random, system: str) -> list[Outgoing]:
    """On what was learned; or what is learned again, where a person said so."""
    return list(_panes(random, system, LATER_START, LATER_SHARES))


def measured_last(random: Random, system: str) -> list[Outgoing]:
    """So that what came before is judged."""
    return list(_panes(random, system, LATER_START + len(LATER_SHARES) * PANE, LAST_SHARES))


def decided(random: Random, service: str, count: int) -> list[Outgoing]:
    """Records of another service, of both tenants."""
    return [_recorded(random, service, number) for number in range(count)]


def _panes(random: Random, system: str, start: datetime, shares: Sequence[float]) -> Iterator[Outgoing]:
    for number, share in enumerate(shares):
        rows = random.randint(150, 200)
        for part in range(2 if random.random() < SPLIT else 1):
            yield _summary(random, system, start + number * PANE, rows // (1 + part), share)


def _shuffled(random: Random, messages: list[Outgoing]) -> list[Outgoing]:
    """Neighbours change places now and then."""
    for at in range(1, len(messages)):
        if random.random() < 0.2:
            messages[at - 1], messages[at] = messages[at], messages[at - 1]
    return messages


def _summary(random: Random, system: str, start: datetime, rows: int, share: float) -> Outgoing:
    yes = round(rows * share)
    # Copies of one that was made before: most of what a summary has is empty, and takes its time to make.
    event = EMPTY.model_copy(
        update={
            "system": system,
            "bucket_start": start,
            "event_time_max": start,
            "interactions": EMPTY.interactions.model_copy(update={"count": rows}),
            "predictions": EMPTY.predictions.model_copy(
                update={"count": rows, "classes": {"yes": yes, "no": rows - yes}}
            ),
        }
    )
    return _fact(random, TELEMETRY_SUMMARIES, event, "telemetry-ingest", start)


def _recorded(random: Random, service: str, number: int) -> Outgoing:
    inputs: dict[str, Any] = {"number": number}
    event = AuditRecord(
        tenant=random.choice(TENANTS),
        system=random.choice((GIVEN, LEARNING)),
        service=service,
        kind="budget.zone",
        subject=f"{service}/{number}",
        actor=f"service:{service}",
        decision="red",
        reason="burned",
        policy_version=1,
        inputs=inputs,
        inputs_digest=digest_of(inputs),
        decided_at=EPOCH,
    )
    return _fact(random, AUDIT_RECORDS, event, service, EPOCH)


def _registered(random: Random, system: str) -> Outgoing:
    spec = SystemSpec(system=system, owners=Owners(operations="ops@example.com"), drift=POLICY)
    revision = SystemRevision(version=1, effective_at=LONG_AGO, author="ada", spec=spec)
    event = SystemRegistered(tenant=TENANT, system=system, revisions=(revision,))
    return _fact(random, REGISTRY_SYSTEMS, event, "console", LONG_AGO)


def _referenced(random: Random, system: str) -> Outgoing:
    classes = CategoricalReference(
        kind="categorical", type="prediction", counts={"yes": 700, "no": 300}, rows=1_000, nulls=0
    )
    event = DriftReference(
        tenant=TENANT,
        system=system,
        version=1,
        effective_at=LONG_AGO,
        release=None,
        rows=1_000,
        features={},
        indicators={"class": classes},
        source="file train.csv",
        author="user:ada",
        created_at=LONG_AGO,
    )
    return _fact(random, DRIFT_REFERENCES, event, "drift-detector", LONG_AGO)


def _fact(random: Random, topic: Topic, event: Any, source: str, time: datetime) -> Outgoing:
    identity = UUID(int=random.getrandbits(128))
    return fact(topic, event, source=source, identity=identity, system=event.system, time=time)
