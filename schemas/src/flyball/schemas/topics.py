"""The one table of topics. What is generated, created, subscribed and published is checked against it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from flyball.schemas.alerts import Alert
from flyball.schemas.audit import AuditRecord
from flyball.schemas.autonomy import AgentAction, AutonomyRecord, DecisionRecord
from flyball.schemas.budgets import BudgetStates
from flyball.schemas.drift import DriftReference, DriftReport, RetrainingRequested
from flyball.schemas.incidents import IncidentChanged
from flyball.schemas.native import AgentEvent
from flyball.schemas.registry import SystemRegistered
from flyball.schemas.rejected import BuriedRecord, TelemetryRejected
from flyball.schemas.reviews import ReviewChanged
from flyball.schemas.rollouts import RolloutChanged
from flyball.schemas.summaries import TelemetrySummary
from flyball.schemas.telemetry import TelemetryException

DAY_MS = 86_400_000
MEBIBYTE = 1_048_576
DEAD_LETTER_SUFFIX = ".dlq"


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One row: who writes what to whom, and how long the broker keeps it."""

    name: str
    description: str
    model: Any
    key: str
    producers: tuple[str, ...]
    consumers: tuple[str, ...]
    partitions: int = 12
    retention_ms: int | None = 30 * DAY_MS
    """None: compacted, the newest record of each key stays."""
    record_bytes_max: int = MEBIBYTE
    protobuf: str = ""
    """Full name of the message on a topic whose format is a standard's and not ours; JSON of it may stand there too."""
    adapter: TypeAdapter[Any] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "adapter", TypeAdapter(self.model))

    def settings(self) -> dict[str, str]:
        """Broker settings of this topic. Append time is the one clock every replay sees alike."""
        common = {
            "message.timestamp.type": "LogAppendTime",
            "max.message.bytes": str(self.record_bytes_max),
        }
        if self.retention_ms is None:
            return common | {"cleanup.policy": "compact"}
        return common | {"cleanup.policy": "delete", "retention.ms": str(self.retention_ms)}


AGENT_EVENTS = Topic(
    name="agent.events.v1",
    description="What agents and models did, as CloudEvents.",
    model=AgentEvent,
    key="system",
    producers=("agents", "telemetry-ingest"),
    consumers=("telemetry-ingest",),
    retention_ms=7 * DAY_MS,
    record_bytes_max=4 * MEBIBYTE,
)
OTLP_SPANS = Topic(
    name="otlp_spans",
    description="Spans as the OpenTelemetry Collector's Kafka exporter writes them. An export of none lets time go on.",
    model=bytes,
    protobuf="opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest",
    key="none, or the trace",
    producers=("opentelemetry-collector", "telemetry-ingest"),
    consumers=("telemetry-ingest",),
    retention_ms=7 * DAY_MS,
    record_bytes_max=4 * MEBIBYTE,
)
OTLP_LOGS = Topic(
    name="otlp_logs",
    description="Log records as the OpenTelemetry Collector's Kafka exporter writes them: evaluations are read.",
    model=bytes,
    protobuf="opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest",
    key="none, or the trace",
    producers=("opentelemetry-collector", "telemetry-ingest"),
    consumers=("telemetry-ingest",),
    retention_ms=7 * DAY_MS,
    record_bytes_max=4 * MEBIBYTE,
)
TELEMETRY_SUMMARIES = Topic(
    name="telemetry.summaries.v1",
    description="Additive statistics per system, release, segment and ten seconds.",
    model=TelemetrySummary,
    key="system",
    producers=("telemetry-ingest",),
    consumers=("drift-detector", "budget-ledger", "rollback-executor"),
)
TELEMETRY_REJECTED = Topic(
    name="telemetry.rejected.v1",
    description="Raw events that broke the schema, whole, with the reason.",
    model=TelemetryRejected,
    key="system",
    producers=("telemetry-ingest",),
    consumers=("console",),
    record_bytes_max=8 * MEBIBYTE,
)
TELEMETRY_EXCEPTIONS = Topic(
    name="telemetry.exceptions.v1",
    description="What is wrong with a feed: quarantine, personal data, models without a price, nobody declared it.",
    model=TelemetryException,
    key="system",
    producers=("telemetry-ingest",),
    consumers=("autonomy-controller",),
)
DRIFT_REFERENCES = Topic(
    name="drift.references.v1",
    description="What each system's data are compared with. Versions never change, and a replay needs them all.",
    model=DriftReference,
    key="tenant, system and version",
    producers=("drift-detector",),
    consumers=("telemetry-ingest", "drift-detector", "console"),
    retention_ms=None,
    record_bytes_max=4 * MEBIBYTE,
)
DRIFT_REPORTS = Topic(
    name="drift.reports.v1",
    description="Each change of a feature's state: evidence, effect, live counts.",
    model=DriftReport,
    key="system",
    producers=("drift-detector",),
    consumers=("autonomy-controller", "console"),
)
RETRAINING_REQUESTS = Topic(
    name="retraining.requests.v1",
    description="What the platform's training pipeline is asked to do after a drift.",
    model=RetrainingRequested,
    key="system",
    producers=("drift-detector",),
    consumers=(),
)
BUDGET_STATES = Topic(
    name="budget.states.v1",
    description="How much of each budget is left.",
    model=BudgetStates,
    key="system",
    producers=("budget-ledger",),
    consumers=("rollback-executor", "console", "autonomy-controller"),
    retention_ms=None,
)
ROLLOUTS = Topic(
    name="rollouts.v1",
    description="Which release takes which share of the traffic, and on what evidence.",
    model=RolloutChanged,
    key="system",
    producers=("rollback-executor",),
    consumers=("console",),
    retention_ms=None,
)
ALERTS = Topic(
    name="alerts.v1",
    description="What somebody must know, firing and resolved.",
    model=Alert,
    key="system",
    producers=("telemetry-ingest", "drift-detector", "budget-ledger", "rollback-executor", "notifier"),
    consumers=("notifier",),
)
INCIDENTS = Topic(
    name="incidents.v1",
    description="What people work on: each incident after each change.",
    model=IncidentChanged,
    key="incident",
    producers=("notifier",),
    consumers=("console",),
)
REGISTRY_SYSTEMS = Topic(
    name="registry.systems.v1",
    description="Declared systems with their targets, all revisions.",
    model=SystemRegistered,
    key="system",
    producers=("console",),
    consumers=("telemetry-ingest", "drift-detector", "budget-ledger", "rollback-executor", "autonomy-controller"),
    retention_ms=None,
)
AUDIT_RECORDS = Topic(
    name="audit.records.v1",
    description="Every decision of every service, with what it rested on.",
    model=AuditRecord,
    key="system",
    producers=(
        "telemetry-ingest",
        "drift-detector",
        "budget-ledger",
        "rollback-executor",
        "notifier",
        "autonomy-controller",
        "console",
    ),
    consumers=("audit-log", "notifier"),
)
AGENT_ACTIONS = Topic(
    name="agent.actions.v1",
    description="What agents ask leave for, and how it ended.",
    model=AgentAction,
    key="system",
    producers=("agents",),
    consumers=("autonomy-controller",),
)
AGENT_DECISIONS = Topic(
    name="agent.decisions.v1",
    description="What agents may do, as the controller or an SDK decided it, and the one end of each action.",
    model=DecisionRecord,
    key="system",
    producers=("autonomy-controller", "agents"),
    consumers=("autonomy-controller",),
)
AUTONOMY_LEVELS = Topic(
    name="autonomy.levels.v1",
    description="How much each class of action of each system may do alone; and the heartbeat that renews the lease.",
    model=AutonomyRecord,
    key="tenant, system and action class; heartbeats by partition",
    producers=("autonomy-controller",),
    consumers=("agents", "console"),
    retention_ms=None,
)
REVIEWS = Topic(
    name="reviews.v1",
    description="Questions put to people, after each change.",
    model=ReviewChanged,
    key="review",
    producers=("autonomy-controller",),
    consumers=("console",),
)

DECLARED: Sequence[Topic] = (
    AGENT_EVENTS,
    OTLP_SPANS,
    OTLP_LOGS,
    TELEMETRY_SUMMARIES,
    TELEMETRY_REJECTED,
    TELEMETRY_EXCEPTIONS,
    DRIFT_REFERENCES,
    DRIFT_REPORTS,
    RETRAINING_REQUESTS,
    BUDGET_STATES,
    ROLLOUTS,
    ALERTS,
    INCIDENTS,
    REGISTRY_SYSTEMS,
    AUDIT_RECORDS,
    AGENT_ACTIONS,
    AGENT_DECISIONS,
    AUTONOMY_LEVELS,
    REVIEWS,
)


def dead_letters_of(topic: Topic) -> Topic:
    """Where the bus buries records of ``topic`` that a consumer could not read."""
    return Topic(
        name=topic.name + DEAD_LETTER_SUFFIX,
        description=f"Records of {topic.name} that a consumer could not read.",
        model=BuriedRecord,
        key=topic.key,
        producers=topic.consumers,
        consumers=(),
        partitions=1,
        record_bytes_max=2 * topic.record_bytes_max,
    )


TOPICS: Sequence[Topic] = (
    *DECLARED,
    # telemetry-ingest rejects into telemetry.rejected.v1, so raw events need no dead letters of their own.
    *(dead_letters_of(topic) for topic in DECLARED if topic not in (AGENT_EVENTS, OTLP_SPANS, OTLP_LOGS)),
)
BY_NAME = {topic.name: topic for topic in TOPICS}
