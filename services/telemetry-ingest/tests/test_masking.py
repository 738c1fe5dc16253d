"""Personal data is masked by its form; order numbers, times, versions and digests stay what they are."""

import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyball.schemas import native, plain
from flyball.schemas.base import Event
from telemetry_ingest.masking.documents import masked_body, masked_headers
from telemetry_ingest.masking.events import HASHED, TABLES, TEXTS, EventMasker
from telemetry_ingest.masking.texts import masked

FOUND = [
    ("bob@example.com", "masked-email"),
    ("mail bob.o'neil+x@mail.example.co.uk, now", "mail bob.o'masked-email, now"),
    ("jörg@bücher.example", "masked-email"),
    ("4111111111111111", "masked-card"),
    ("pay 4111 1111 1111 1111 now", "pay masked-card now"),
    ("4111-1111-1111-1111.", "masked-card."),
    ("378282246310005", "masked-card"),
    ("3782 822463 10005", "masked-card"),
    ("DE89 3704 0044 0532 0130 00 is it", "masked-iban is it"),
    ("de89370400440532013000", "masked-iban"),
    ("BE68 5390 0754 7034 from me", "masked-iban from me"),
    ("+49 30 901820", "masked-phone"),
    ("call +1-212-736-5000!", "call masked-phone!"),
    ("(212) 736-5000", "masked-phone"),
    ("536-90-4399", "masked-id"),
    ("12345678Z", "masked-id"),
    ("X1234567L", "masked-id"),
    ("RSSMRA85T10A562S", "masked-id"),
    ("2 55 08 14 168 025 38", "masked-id"),
    ("85.07.30-033.28", "masked-id"),
    ("390.533.447-05", "masked-id"),
    ("756.9217.0769.85", "masked-id"),
    ("36 574 261 809", "masked-id"),
    ("2341 2341 2346", "masked-id"),
    ("131052-308T", "masked-id"),
    ("970120-1234564", "masked-id"),
    ("11010519491231002X", "masked-id"),
    ("AB 12 34 56 C", "masked-id"),
    ("sk-proj-abcdefghijklmnopqrstuvwx", "masked-key"),
    ("sk-" + "a1" * 24, "masked-key"),
    ("AKIAIOSFODNN7EXAMPLE", "masked-key"),
    ("ghp_" + "a1" * 18, "masked-key"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc", "masked-key"),
    ("postgres://u:secret99@h/x", "postgres://masked-key@h/x"),
    ("Bearer abcdef0123456789abcdef", "Bearer masked-key"),
    ("password=hunter2hunter&x=1", "password=masked-key&x=1"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMII", "masked-key"),
]
KEPT = """
ORD-2026-0012345678|4000000000000000|1234567890123456|INV 4111111111111112|20261121Z|20261121-0930
2026-11-21T09:30:00.123456+01:00|claude-3-5-sonnet-20241022|gpt-4o-2024-08-06|1.2.3-20241022.1|claude@20240620|anthropic.claude-3-5-sonnet-20240620-v1:0
112-1234567-1234567|1732181400123456789|1732181400123|3.141592653589793238|-122.4194155|192.168.100.200:8080
user 12345678|ISBN 978-3-16-148410-0|invalid_token|token=abc|secret: rotated|UTC+0100|tel 0049301234567|2026-W47-6
arn:aws:bedrock:us-east-1:123456789012:foo|00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01|100.000.000-00
sk-learn-random-forest-model-v2-2024|@user|a@b|555-1234|999-99-9999|12345678A|GB29 NWBK 6016 1331 9268 18|123 456 789
""".strip().replace("\n", "|")  # fmt: skip


@pytest.mark.parametrize(("text", "shown"), FOUND, ids=[text[:20] for text, _ in FOUND])
def test_personal_data_is_masked_and_a_mask_is_masked_no_further(text: str, shown: str) -> None:
    found = masked(text)
    assert (found.text, bool(found.kinds)) == (shown, True)
    assert masked(shown).text == shown


@pytest.mark.parametrize("text", KEPT.split("|"))
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert masked(text).text == text


SAFE = (
    st.uuids().map(str)
    | st.uuids().map(lambda one: one.hex)
    | st.binary(max_size=8).map(lambda one: sha256(one).hexdigest())
    | st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat)
    | st.floats(allow_nan=False, allow_infinity=False).map(repr)
    | st.tuples(st.integers(0, 99), st.integers(0, 99), st.integers(0, 999)).map(lambda one: "v{}.{}.{}".format(*one))
)


@settings(max_examples=60)
@given(SAFE)
def test_ids_digests_times_numbers_and_versions_survive(text: str) -> None:
    assert masked(text).text == text


@settings(max_examples=25)
@given(st.text(max_size=20), st.sampled_from(FOUND), st.booleans())
def test_masking_never_fails_and_its_length_can_be_kept(around: str, case: tuple[str, str], keeps_length: bool) -> None:
    text = f"{around} {case[0]} {around}"
    found = masked(text, keeps_length=keeps_length)
    assert not keeps_length or len(found.text) == len(text)


def test_every_text_of_the_contract_is_masked_or_only_hashed() -> None:
    for event in get_args(get_args(native.AgentEvent)[0]):
        model: type[Event] = event.model_fields["data"].annotation
        schema = model.model_json_schema()["properties"]
        texts = {name for name, part in schema.items() if "'string'" in str(part) and "'object'" not in str(part)}
        tables = {name for name, part in schema.items() if "'object'" in str(part)}
        kind = getattr(plain, model.__name__)
        assert texts - HASHED <= set(TEXTS[kind]), model
        assert tables == set(TABLES.get(kind, ())), model


def interaction(**data: Any) -> Any:
    given = {"interaction_id": "i", "release": "1.0.0", "outcome": "ok", "latency_ms": 1.0, **data}
    envelope = {"specversion": "1.0", "id": "e", "source": "/a", "subject": "support", "time": datetime.now(UTC)}
    return plain.InteractionCompletedEvent(data=plain.InteractionCompleted(**given), **envelope)


def test_an_event_without_personal_data_is_the_same_object() -> None:
    mask, event = EventMasker(), interaction(segment={"market": "de"}, model="gpt-4o")
    assert mask(event) == (event, ())
    assert mask(event)[0] is event


def test_what_is_found_says_where_and_never_what() -> None:
    event = interaction(outcome="no +49 30 901820", segment={"bob@example.com": "x", "plan": "4111111111111111"})
    without, seen = EventMasker()(event)
    assert without.data.outcome == "no masked-phone"  # type: ignore[union-attr]
    assert without.data.segment == {"masked-email": "x", "plan": "masked-card"}  # type: ignore[union-attr]
    assert seen == [("outcome", "phone"), ("segment", "email"), ("segment.plan", "card")]


def test_a_rejected_body_loses_personal_data_and_keeps_its_id_and_its_numbers() -> None:
    body = (
        b'{"id": "4111111111111111", "source": "mailto:a@example.com", "n": 4111111111111111,'
        b'"x": ["\\u0061@example.com", {"id": "a@example.com"}], "card": "4111111111111111", bob@example.com'
    )
    kinds: set[str] = set()
    shown = masked_body(body, kinds).decode()
    assert '"id": "4111111111111111", "source": "mailto:a@example.com", "n": 4111111111111111' in shown
    assert shown.count("masked-email") == 3
    assert shown.count("masked-card") == 1
    assert kinds == {"email", "card"}


def test_what_is_no_text_keeps_its_length() -> None:
    body = b"\x0a\x10\xff a@example.com \x00"
    assert masked_body(body, set()) == b"\x0a\x10\xff xxxxxxxxxxxxx \x00"
    assert len(masked_body(b"\x0a\x0da@example.com\x00", set())) == 16


def test_headers_are_masked_but_for_what_identifies_the_event() -> None:
    headers = (("ce_id", b"a@example.com"), ("x", b"a@example.com"), ("y", None))
    assert masked_headers(headers, set()) == (("ce_id", b"a@example.com"), ("x", b"masked-email"), ("y", None))


@settings(max_examples=25)
@given(st.binary(max_size=200), st.integers(0, 200))
def test_no_body_makes_masking_fail(noise: bytes, at: int) -> None:
    good = json.dumps({"id": "e", "data": {"mail": "a@example.com", "n": 1.5, "t": ["x\n"]}}).encode()
    masked_body(good[:at] + noise + good[at:], set())
    masked_body(noise, set())


SCALAR = st.none() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False) | st.text()
JSON = st.recursive(SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3))


@settings(max_examples=25)
@given(st.dictionaries(st.text(), JSON, max_size=4), st.booleans())
def test_a_document_stays_a_document(document: dict[str, Any], ascii_only: bool) -> None:
    document |= {"mail": "a@example.com"}
    shown = json.loads(masked_body(json.dumps(document, ensure_ascii=ascii_only).encode("utf-8", "replace"), set()))
    assert shown["mail"] == "masked-email"
