"""Keys for those who must reach every partition of a topic through the outbox, which knows keys alone."""

from itertools import count

from aiokafka.partitioner import murmur2

MASK = 0x7FFFFFFF
"""Kafka's own client clears the sign bit."""


def partition_of(key: bytes, partitions: int) -> int:
    """The partition that Kafka's default partitioner chooses for ``key``."""
    chosen: int = (murmur2(key) & MASK) % partitions
    return chosen


def keys_for_all_partitions(prefix: str, partitions: int) -> list[bytes]:
    """One key for each partition, in the order of partitions: ``prefix.n`` with the smallest n that leads there."""
    found: dict[int, bytes] = {}
    for number in count():
        if len(found) == partitions:
            break
        key = f"{prefix}.{number}".encode()
        found.setdefault(partition_of(key, partitions), key)
    return [found[partition] for partition in range(partitions)]
