"""Lets aiokafka read records whose header names are not UTF-8.

Kafka calls a header's name a string, but no broker checks it. aiokafka decodes names strictly while it unpacks a
fetch, so one such record raises in the consumer, again after each restart, and takes the rest of its producer batch
along: anyone who may publish can stop the service for good. Kafka's own client puts U+FFFD for what it cannot decode.

Here a fetch that raises is unpacked once more, by aiokafka's reader in Python with U+FFFD; no other fetch pays for it.
"""

from typing import Any, SupportsIndex

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords, _MemoryRecordsPy

from flyball.bus.records import Record

_record = tuple.__new__


def tolerate_any_header_name() -> None:
    """From now on, for every consumer of this process. aiokafka has no hook for this; its release is pinned."""
    fetcher.MemoryRecords = KeptRecords
    fetcher.PartitionRecords = PatientRecords


class KeptRecords(MemoryRecords):  # type: ignore[misc] # aiokafka has no types
    """Fetched records that still know their bytes."""

    def __init__(self, fetched: bytes) -> None:
        super().__init__(fetched)
        self.fetched = fetched


def as_records(key: bytes) -> bytes:
    """Given to a consumer as the deserializer of its keys: its records come as ours at once, at half the cost."""
    return key


class PatientRecords(fetcher.PartitionRecords):  # type: ignore[misc] # aiokafka has no types
    """Starts again from the first byte on a name that is not UTF-8; records already given are skipped by offset."""

    _records: Any
    _key_deserializer: Any

    def _consumer_record(self, tp: Any, record: Any) -> Any:
        if self._key_deserializer is not as_records:
            return super()._consumer_record(tp, record)
        topic, partition = tp
        cells = topic, partition, record.offset, record.timestamp, record.key, record.value, record.headers
        return _record(Record, cells)

    def __next__(self) -> Any:
        try:
            return super().__next__()
        except UnicodeDecodeError:
            self._records = LenientRecords(self._records.fetched)
            self._records_iterator = self._unpack_records()
            return super().__next__()


class LenientRecords(_MemoryRecordsPy):  # type: ignore[misc] # final, and without types
    def next_batch(self, *_: Any) -> "LenientBatch":
        batch = LenientBatch(self._next_slice)
        self._cache_next()
        return batch


class LenientBatch(_DefaultRecordBatchPy):  # type: ignore[misc] # final, and without types
    _buffer: Any

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer = ReplacingBytes(self._buffer)


class ReplacingBytes(bytearray):
    """Bytes whose slices decode with U+FFFD for what is not UTF-8."""

    def __getitem__(self, index: SupportsIndex | slice) -> Any:
        found = super().__getitem__(index)
        return ReplacingBytes(found) if isinstance(found, bytearray) else found

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        del errors
        return super().decode(encoding, "replace")
