"""What a broken record says of itself is read as far as it goes, and never raises."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from flyball.schemas.repair import EventIdentity, identity_of, structured

EVENT = {"specversion": "1.0", "id": "e-1", "source": "/agents/a", "type": "interaction.completed", "data": {"n": 1}}
BINARY = [("ce_id", b"e-1"), ("ce_source", b"/agents/a"), ("ce_type", b"x"), ("other", None), ("ce_time", b"\xff")]
KNOWN = EventIdentity("/agents/a", "e-1")


def test_both_modes_and_a_body_that_was_cut_off_say_who_they_are() -> None:
    body = json.dumps(EVENT).encode()
    assert identity_of([], body) == identity_of([], body[:-8]) == identity_of(BINARY, b"{") == KNOWN
    assert identity_of([], b'{"id": "", "source": 7}') == identity_of([], None) == EventIdentity(None, None)
    assert identity_of([], json.dumps({"id": "x" * 129, "source": "/a"}).encode()) == EventIdentity("/a", None)


def test_binary_mode_becomes_one_object_to_mend() -> None:
    assert structured([], json.dumps(EVENT).encode()) == EVENT
    mended = structured(BINARY, b'{"n": 1}')
    assert mended == {"id": "e-1", "source": "/agents/a", "type": "x", "data": {"n": 1}}
    assert structured([], b"[1]") is structured([], b"{") is structured([], None) is None


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.sampled_from(["ce_id", "ce_source", "x"]), st.none() | st.binary(max_size=9))), st.binary()
)
def test_no_bytes_raise(headers: list[tuple[str, bytes | None]], body: bytes) -> None:
    found = identity_of(headers, body)
    assert found.id is None or 0 < len(found.id) <= 128
    structured(headers, body)
