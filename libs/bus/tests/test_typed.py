import pytest

from flyball.bus.errors import CircuitOpenError
from flyball.bus.records import Record
from flyball.bus.typed import CircuitBreaker


def record(offset: int) -> Record:
    return Record("t.v1", 0, offset, 1_763_700_000_000, b"k", b"{}", ())


def test_the_circuit_opens_when_more_than_a_tenth_of_a_thousand_is_buried() -> None:
    breaker = CircuitBreaker()
    for offset in range(100):
        breaker.count(record(offset), buried=True)
    with pytest.raises(CircuitOpenError, match=r"partition 0 offset 100"):
        breaker.count(record(100), buried=True)


def test_a_tenth_is_borne_for_ever() -> None:
    breaker = CircuitBreaker()
    for offset in range(5_000):
        breaker.count(record(offset), buried=offset % 10 == 0)


def test_trying_a_batch_again_counts_its_records_once() -> None:
    breaker = CircuitBreaker()
    for _ in range(1_000):
        breaker.count(record(7), buried=True)


def test_ids_come_from_the_publisher_or_from_the_place() -> None:
    identity = "0d5a1a43-32c6-5a5d-9c0c-5f0d8e0b7a11"
    named = Record("t.v1", 0, 1, 0, None, None, (("ce_id", identity.encode()),))
    assert str(named.id) == identity
    for value in (b"not a uuid", b"\xff"):
        unnamed = Record("t.v1", 0, 1, 0, None, None, (("ce_id", value),))
        assert unnamed.id == record(1).id
    assert Record("t.v1", 0, 1, 0, None, None, ()).id != Record("t.v1", 0, 2, 0, None, None, ()).id
