"""A request body becomes events, byte for byte."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.batches import BatchError, events_in, key_of

NDJSON = "application/x-ndjson"
JSON = "application/json"

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
values = st.recursive(st.none() | st.booleans() | st.integers() | texts, lambda inner: st.lists(inner, max_size=3))
objects = st.dictionaries(texts, values, max_size=4)


def cut(body: bytes, media_type: str = JSON) -> list[bytes]:
    return list(events_in(body, media_type))


@given(st.lists(objects, max_size=5), st.sampled_from([None, 2]), st.booleans())
def test_an_array_gives_the_bytes_of_its_members(members: list[object], indent: int | None, ascii_only: bool) -> None:
    body = json.dumps(members, indent=indent, ensure_ascii=ascii_only).encode()
    events = cut(body)
    assert [json.loads(event) for event in events] == members
    assert all(event in body for event in events)


@given(st.lists(objects, min_size=1, max_size=5))
def test_lines_give_their_bytes(members: list[object]) -> None:
    lines = [json.dumps(member).encode() for member in members]
    assert cut(b"\r\n".join(lines) + b"\n", NDJSON) == lines


@given(st.binary(max_size=60))
def test_whatever_comes_in_lines_is_kept(body: bytes) -> None:
    assert cut(body, NDJSON) == [line.strip() for line in body.split(b"\n") if line.strip()]


@given(st.binary(max_size=60) | st.binary(max_size=20).map(lambda tail: b"[" + tail))
def test_no_body_breaks_the_reader(body: bytes) -> None:
    with suppress(BatchError):
        cut(body)


def test_one_object_over_many_lines_is_one_event() -> None:
    body = json.dumps({"subject": "support", "data": {"n": 1}}, indent=4).encode()
    assert cut(body) == [body]


def test_a_bad_line_leaves_its_neighbours_alone() -> None:
    assert cut(b'{"a": 1}\nnot json\n{"b": NaN}\n\xff\xfe\n') == [b'{"a": 1}', b"not json", b'{"b": NaN}', b"\xff\xfe"]


def test_a_number_keeps_its_digits_and_an_object_its_duplicate_keys() -> None:
    assert cut(b'[{"n": 1.10e2, "n": 2}, 1E5]') == [b'{"n": 1.10e2, "n": 2}', b"1E5"]


@pytest.mark.parametrize(
    "body", [b"[", b"[1,", b"[1,]", b"[,1]", b"[1 2]", b"[1] 2", b"[1}", b"[\xff]", b"[" * 100_000, b'[{"a": }]']
)
def test_an_array_that_is_not_json_is_refused_as_a_whole(body: bytes) -> None:
    with pytest.raises(BatchError):
        cut(body)


@pytest.mark.parametrize("body", [b"", b" \n ", b"[]", b" [ ] "])
def test_nothing_is_no_event(body: bytes) -> None:
    assert cut(body) == []


@pytest.mark.parametrize(
    ("event", "key"),
    [
        (b'{"subject": "support"}', b"support"),
        (b'{"subject": "No Name"}', b"unknown"),
        (b"1", b"unknown"),
        (b'{"subject": "support", "data": "' + b"x" * 2_000_000 + b'"}', b"support"),
        (b'{"data": "' + b"x" * 2_000_000 + b'", "subject": "support"}', b"unknown"),
    ],
)
def test_the_key_is_the_subject(event: bytes, key: bytes) -> None:
    assert key_of(event) == key
