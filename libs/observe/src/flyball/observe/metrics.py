"""Every metric of every service, by name, in this one list."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

BATCH_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """The metrics of one service, on a registry of its own, so that many services can share a process."""

    def __init__(self, service: str) -> None:
        self.service = service
        at = self.registry = CollectorRegistry()
        topic = ["topic"]
        self.records = Counter("flyball_records", "Records whose effect is committed", topic, registry=at)
        self.batch_seconds = Histogram(
            "flyball_batch_seconds", "Time from fetch to commit of a batch", topic, registry=at, buckets=BATCH_SECONDS
        )
        self.fenced = Counter(
            "flyball_batches_fenced", "Batches dropped: a duplicate, or this process is a zombie", topic, registry=at
        )
        self.retried = Counter(
            "flyball_batches_retried", "Batches tried again after a transient error", topic, registry=at
        )
        self.buried = Counter("flyball_records_buried", "Records sent to a dead-letter topic", topic, registry=at)
        self.redelivered = Counter(
            "flyball_records_redelivered", "Records dropped because their id was seen", topic, registry=at
        )
        self.lag = Gauge("flyball_consumer_lag_records", "Records behind the end", ["topic", "partition"], registry=at)
        self.outbox_published = Counter(
            "flyball_outbox_published", "Outbox rows acknowledged by the broker", topic, registry=at
        )
        self.outbox_age_seconds = Gauge(
            "flyball_outbox_age_seconds", "Age of the oldest row that waits to be published", registry=at
        )
        self.events = Counter("flyball_events", "Raw events by verdict", ["verdict"], registry=at)
        self.exceptions = Counter(
            "flyball_telemetry_exceptions", "What was told to be wrong with feeds", ["kind"], registry=at
        )
        self.price_list = Gauge(
            "flyball_price_list_info",
            "The release of the price list that requests are priced by",
            ["version"],
            registry=at,
        )
        self.otlp = Counter(
            "flyball_otlp", "Spans and log events by what became of them", ["signal", "fate"], registry=at
        )
        self.traces_told_again = Counter(
            "flyball_traces_told_again", "Interactions of agents that came after their traces were told", registry=at
        )
        self.traces_told_early = Counter(
            "flyball_traces_told_early", "Traces told before their time, because too many waited", registry=at
        )
