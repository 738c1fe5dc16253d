"""Our own attributes. They exist only where there is no convention; ``flyball.segment.*`` is in the table of tables."""

from typing import Final

from telemetry_ingest.domain.otlp.values import (
    FRACTION,
    PLAIN_VALUE,
    TEXT,
    flag,
    micro_dollars,
    name,
    own_release,
    share,
)

ATTRIBUTES: Final = (
    ("flyball.release", "release", own_release),
    ("flyball.tenant", "tenant", name),
    ("flyball.confidence", "confidence", FRACTION),
    ("flyball.hitl.escalated", "escalated", flag),
    ("flyball.hitl.autonomous", "autonomous", flag),
    ("flyball.sample.rate", "sample_rate", share),
)
OUTCOME: Final = (
    ("flyball.outcome.success", "success", flag),
    ("flyball.outcome.class", "true_class", TEXT),
    ("flyball.outcome.value", "true_value", PLAIN_VALUE),
    ("flyball.outcome.business_value_micro_usd", "business_value_micro_usd", micro_dollars),
)
"""Attribute, field of ``OutcomeFacts``, and how it is read."""
CONTENTS: Final = ()
FIRST_TOKEN_EVENTS: Final = ()
