"""Every metric of every service, by name, in this one list."""

from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

BATCH_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


@dataclass(frozen=True, slots=True)
class Metrics:
    """The metrics of one service, on a registry of its own, so that many services can share a process."""

    service: str
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    records: Counter = field(init=False)
    batch_seconds: Histogram = field(init=False)
    fenced: Counter = field(init=False)
    retried: Counter = field(init=False)
    buried: Counter = field(init=False)
    redelivered: Counter = field(init=False)
    lag: Gauge = field(init=False)
    outbox_published: Counter = field(init=False)
    outbox_age_seconds: Gauge = field(init=False)
    events: Counter = field(init=False)

    def __post_init__(self) -> None:
        registry = self.registry
        counters = {
            "records": ("flyball_records", "Records whose effect is committed", ["topic"]),
            "fenced": (
                "flyball_batches_fenced",
                "Batches dropped: a duplicate, or this process is a zombie",
                ["topic"],
            ),
            "retried": ("flyball_batches_retried", "Batches tried again after a transient error", ["topic"]),
            "buried": ("flyball_records_buried", "Records sent to a dead-letter topic", ["topic"]),
            "redelivered": ("flyball_records_redelivered", "Records dropped because their id was seen", ["topic"]),
            "outbox_published": ("flyball_outbox_published", "Outbox rows acknowledged by the broker", ["topic"]),
            "events": ("flyball_events", "Raw events by verdict", ["verdict"]),
        }
        for name, (metric, text, labels) in counters.items():
            object.__setattr__(self, name, Counter(metric, text, labels, registry=registry))
        gauges = {
            "lag": ("flyball_consumer_lag_records", "Records behind the end of the partition", ["topic", "partition"]),
            "outbox_age_seconds": (
                "flyball_outbox_age_seconds",
                "Age of the oldest row that waits to be published",
                [],
            ),
        }
        for name, (metric, text, labels) in gauges.items():
            object.__setattr__(self, name, Gauge(metric, text, labels, registry=registry))
        histogram = Histogram(
            "flyball_batch_seconds",
            "Time from fetch to commit of a batch",
            ["topic"],
            registry=registry,
            buckets=BATCH_SECONDS,
        )
        object.__setattr__(self, "batch_seconds", histogram)
