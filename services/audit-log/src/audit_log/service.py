"""The shell: put each decision at the end of its tenant's chain."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic

from audit_log.domain.chain import Link, append
from audit_log.ports import Chains
from flyball.bus.subscription import Subscription, Wiring
from flyball.bus.typed import Received, TypedHandler
from flyball.observe.metrics import Metrics
from flyball.schemas.audit import AuditRecord
from flyball.schemas.topics import AUDIT_RECORDS
from flyball.store.ports import Tx

NAME = "audit-log"


@dataclass(frozen=True, slots=True)
class AuditLog(Generic[Tx]):
    chains: Callable[[Tx], Chains]
    metrics: Metrics

    async def on_records(self, transaction: Tx, received: Sequence[Received[AuditRecord]]) -> None:
        if not received:
            return
        chains = self.chains(transaction)
        heads = dict(await chains.lock_heads({item.event.tenant for item in received}))
        links: list[Link] = []
        for item in received:
            event = {"id": str(item.id), **item.event.model_dump(mode="json")}
            link = append(heads[item.event.tenant], event, item.recorded_at)
            heads[item.event.tenant] = link.head
            links.append(link)
        await chains.append(links)


def wiring(service: AuditLog[Tx]) -> Wiring[Tx]:
    """Everything that this service reads and writes."""
    records = TypedHandler(NAME, AUDIT_RECORDS, service.on_records, service.metrics)
    return Wiring(NAME, subscriptions=(Subscription(AUDIT_RECORDS, records),), publishes=())
