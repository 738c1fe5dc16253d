"""Any bytes under any headers are an event or Unreadable, never another exception."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from damage import damaged
from hypothesis import given, settings
from hypothesis import strategies as st

from flyball.schemas import plain
from flyball.schemas.base import NAME_PATTERN, UNKNOWN_SYSTEM
from flyball.schemas.envelope import Headers, Reason, Unreadable, read_agent_event, subject_of
from flyball.schemas.native import AgentEvent, Envelope
from flyball.schemas.quick_reader import plain_of, read_binary, read_plain_event, read_structured

GOLDEN = Path(__file__).parents[1] / "examples/agent.events.v1/interaction_completed.json"
EVENT: dict[str, Any] = json.loads(GOLDEN.read_text())
DATA: dict[str, Any] = EVENT["data"]
ATTRIBUTES: dict[str, str] = {name: value for name, value in EVENT.items() if name != "data"}
BINARY = [(f"ce_{name}", value.encode()) for name, value in ATTRIBUTES.items()]

NAMES = st.sampled_from(["content-type", "ce_id", "ce_type", "ce_subject", "ce_time", "ce_specversion", "ce_", "x"])
VALUES = st.binary(max_size=40) | st.sampled_from(
    [b"application/cloudevents+json", b"application/json", *(value.encode() for value in ATTRIBUTES.values())]
)
HEADERS = st.lists(st.tuples(NAMES | st.text(max_size=8), VALUES), max_size=10) | st.just(BINARY)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(10**400) | st.just("\ud800")
ANYTHING = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
FIELDS = st.sampled_from([*ATTRIBUTES, *DATA, "segment", "features", "tenant", "data"])
RAW = [
    b"[" * 100_000,
    b'{"a":' * 5_000,
    b"1e999",
    b"NaN",
    b"1" * 5_000,
    b'"' + b"x" * 1_000_000 + b'"',
    b"{",
    b"\xed\xa0\x80",
]


@st.composite
def nearly_events(draw: st.DrawFn) -> bytes:
    """A valid event with some fields replaced by anything, then maybe cut or with bytes put in."""
    changes: dict[str, Any] = draw(st.dictionaries(FIELDS, ANYTHING, max_size=2))
    data = {**DATA, **{k: v for k, v in changes.items() if k not in ATTRIBUTES}}
    record = {**ATTRIBUTES, "data": data, **{k: v for k, v in changes.items() if k in ATTRIBUTES or k == "data"}}
    body = json.dumps(record).encode()
    at = draw(st.integers(0, len(body)))
    return draw(st.sampled_from([body, body, body[:at], body[:at] + draw(st.binary(max_size=3)) + body[at:]]))


BODIES = (
    st.none()
    | st.binary()
    | st.sampled_from([*RAW, GOLDEN.read_bytes()])
    | nearly_events()
    | ANYTHING.map(json.dumps).map(str.encode)
)


@st.composite
def dressed(draw: st.DrawFn) -> bytes:
    """An event as text, with keys said twice, keys that nobody knows, space anywhere and times of many forms."""
    keys = [*ATTRIBUTES, "tenant", "data", "time", "unknown"]
    texts = st.sampled_from(
        ["x", 'a":b', "t\\u0069me", '\\"time\\":\\"2026-', " {", "2026-11-21T09:30:00Z", "1700000000"]
    )
    space = draw(st.sampled_from(["", "", "", " ", "\n", "\t"]))

    def member(key: str, value: str) -> str:
        return f'"{key}"{space if draw(st.booleans()) else ""}:{draw(st.sampled_from(["", " "]))}{value}'

    def table(names: st.SearchStrategy[str]) -> str:
        return "{" + ",".join(member(draw(names), f'"{draw(texts)}"') for _ in range(draw(st.integers(0, 3)))) + "}"

    data = [member(name, json.dumps(value)) for name, value in DATA.items()]
    data += [member(draw(FIELDS), draw(st.sampled_from(["null", "1", '"x"']))) for _ in range(draw(st.integers(0, 1)))]
    if draw(st.booleans()):
        data.append(member("segment", table(texts)))
    said = {**{name: json.dumps(value) for name, value in ATTRIBUTES.items()}, "data": "{" + ",".join(data) + "}"}
    if draw(st.booleans()):
        said["time"] = f'"{draw(TIMES)}"'
    members = [member(name, value) for name, value in said.items()]
    members += ['"datacontenttype":"application/json"'] * draw(st.integers(0, 2))
    if draw(st.booleans()):
        members.insert(draw(st.integers(0, len(members))), member(draw(st.sampled_from(keys)), f'"{draw(texts)}"'))
    return ("{" + ",".join(draw(st.permutations(members))) + "}").encode()


TIMES = st.sampled_from(
    ["1700000000", "20261121093000", "2026-11-21T09:30Z", "2026-11-21_09:30:00+05:30", "-1700000000"]
) | st.datetimes().map(lambda moment: f"{moment.isoformat()}+01:00")


def _check_reason(error: Unreadable) -> None:
    assert error.reason in get_args(Reason)
    assert error.field is None or 0 < len(error.field) <= 256
    assert len(error.detail) <= 1024
    (error.detail + (error.field or "")).encode("utf-8")


@given(HEADERS, BODIES, st.none() | st.binary(max_size=80))
def test_any_record_is_an_event_or_unreadable(headers: Headers, body: bytes | None, key: bytes | None) -> None:
    try:
        assert isinstance(read_agent_event(headers, body), Envelope)
    except Unreadable as error:
        _check_reason(error)
    system = subject_of(headers, body, key)
    assert system == UNKNOWN_SYSTEM or re.fullmatch(NAME_PATTERN, system)


def verdict_on(read: Callable[..., Any], headers: Headers, body: bytes | None) -> Any:
    """The event as a plain struct, or why it is none."""
    try:
        event = read(headers, body)
    except Unreadable as error:
        _check_reason(error)
        return error.reason, error.field, error.detail
    return event if isinstance(event, plain.Envelope) else plain_of(event)


def check_read_alike(headers: Headers, body: bytes | None) -> None:
    quickly, slowly = (verdict_on(read, headers, body) for read in (read_plain_event, read_agent_event))
    if isinstance(quickly, plain.Envelope):
        assert isinstance(slowly, plain.Envelope)
        # Of more than six digits one parser cuts the rest off, and the other rounds it.
        assert abs(quickly.time - slowly.time) <= timedelta(microseconds=1)
        quickly.time = slowly.time
        # Not said, and said to be nothing much.
        quickly.datacontenttype = None
    assert quickly == slowly


@given(HEADERS, BODIES | dressed())
def test_plain_events_are_those_of_the_contract(headers: Headers, body: bytes | None) -> None:
    check_read_alike(headers, body)


EXAMPLES = [path.read_bytes() for path in sorted(GOLDEN.parent.glob("*.json")) if "binary" not in path.name]


@pytest.mark.parametrize("body", EXAMPLES)
def test_ordinary_events_are_read_quickly(body: bytes) -> None:
    event: dict[str, Any] = json.loads(body)
    del event["datacontenttype"]
    spaced, compact = json.dumps(event).encode(), json.dumps(event, separators=(",", ":")).encode()
    assert read_structured(compact) == read_structured(spaced) == plain_of(read_agent_event((), spaced))
    assert read_structured(body) is not None


def test_binary_mode_is_read_quickly() -> None:
    headers = [(name, value) for name, value in BINARY if name != "ce_datacontenttype"]
    data = json.dumps(DATA).encode()
    assert read_binary(headers, data) == plain_of(read_agent_event(BINARY, data))


@pytest.mark.parametrize(
    "said",
    [
        '"escalated":false',
        '"segment":{}',
        '"session_id":null',
        '"confidence":0.5,"confidence":0.5',
        '"segment":{"a":"b","a":"b"}',
        '"session_id":null,"session_id":"s"',
        '"business_value_micro_usd":1.0',
        '"business_value_micro_usd":1e3',
    ],
)
def test_what_is_said_in_an_unusual_way(said: str) -> None:
    body = GOLDEN.read_text().rstrip().removesuffix("}").rstrip().removesuffix("}")
    check_read_alike((), f"{body},{said}}}}}".encode())


def check_damaged(body: bytes) -> None:
    """What still is an event, is one of the contract: it is the same again when it is written and read."""
    try:
        event = read_agent_event([("content-type", b"application/cloudevents+json")], body)
    except Unreadable as error:
        _check_reason(error)
        return
    assert read_agent_event([], event.model_dump_json().encode()) == event
    check_read_alike([], body)


@pytest.mark.parametrize("body", EXAMPLES)
def test_a_key_that_stands_twice_is_found_whatever_is_left_out(body: bytes) -> None:
    """What nobody said has a default, which must not be taken for a key that was said."""
    event: dict[str, Any] = json.loads(body)
    for left_out in [None, *event["data"]]:
        data = {name: value for name, value in event["data"].items() if name != left_out}
        check_read_alike((), json.dumps({**event, "data": data}).encode())
        for twice, value in data.items():
            text = json.dumps({**event, "data": {**data, "again": value}}).replace('"again"', f'"{twice}"')
            check_read_alike((), text.encode())


@settings(max_examples=20)
@given(damaged(EXAMPLES))
def test_every_type_cut_flipped_or_spliced_is_an_event_or_unreadable(body: bytes) -> None:
    check_damaged(body)


@pytest.mark.seeds
@settings(max_examples=1_000)
@given(damaged(EXAMPLES))
def test_every_type_damaged_at_length(body: bytes) -> None:
    check_damaged(body)


def test_every_type_is_among_them() -> None:
    types = {json.loads(body)["type"] for body in EXAMPLES}
    assert len(types) == len(EXAMPLES) == len(get_args(get_args(AgentEvent)[0]))
