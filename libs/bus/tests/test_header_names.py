"""One record with a header name that is not UTF-8, between others of the same producer batch."""

import pytest
from aiokafka.consumer.fetcher import READ_UNCOMMITTED, PartitionRecords
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.structs import TopicPartition

from flyball.bus.header_names import KeptRecords, PatientRecords

PLACEHOLDER, NOT_UTF8 = b"trace-x", b"trace-\xff"


def fetched(batches: int = 2) -> bytes:
    """Batches of three records each; the middle one of each has the bad name, and its value holds the same bytes."""
    return b"".join(batch(3 * number) for number in range(batches))


def batch(base_offset: int) -> bytes:
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=9999,
    )
    for offset, name in enumerate(("before", "trace-x", "after")):
        builder.append(offset, timestamp=0, key=b"key", value=PLACEHOLDER, headers=[(name, b"1")])
    built = bytearray(builder.build().replace(PLACEHOLDER, NOT_UTF8))
    built[:8] = base_offset.to_bytes(8, "big")
    return bytes(built)


def unpacked(kind, from_offset: int = 0):
    place = TopicPartition("topic", 0)
    # Without checksums: the name was put in after they were made.
    return kind(place, KeptRecords(fetched()), [], from_offset, None, None, False, READ_UNCOMMITTED)


def test_every_record_is_read_once_and_in_order() -> None:
    records = list(unpacked(PatientRecords))
    assert [record.offset for record in records] == [0, 1, 2, 3, 4, 5]
    assert [record.headers[0][0] for record in records] == ["before", "trace-�", "after"] * 2
    assert {(record.key, record.value, record.headers[0][1]) for record in records} == {(b"key", NOT_UTF8, b"1")}


def test_a_fetch_that_begins_behind_the_bad_name_is_read() -> None:
    records = unpacked(PatientRecords, from_offset=2)
    assert [record.offset for record in records] == [2, 3, 4, 5]
    assert records.next_fetch_offset == 6


def test_aiokafka_by_itself_still_cannot() -> None:
    """When this fails aiokafka was mended, and flyball.bus.header_names can go."""
    with pytest.raises(UnicodeDecodeError):
        list(unpacked(PartitionRecords))
