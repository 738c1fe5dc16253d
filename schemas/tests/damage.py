"""Bytes that were cut, flipped or spliced on their way."""

from collections.abc import Sequence

from hypothesis import strategies as st


@st.composite
def damaged(draw: st.DrawFn, bodies: Sequence[bytes]) -> bytes:
    """One of ``bodies`` after one to three accidents."""
    body = draw(st.sampled_from(bodies))
    for _ in range(draw(st.integers(1, 3))):
        body = draw(st.sampled_from([_cut, _flipped, _spliced]))(draw, body, bodies)
    return body


def _cut(draw: st.DrawFn, body: bytes, bodies: Sequence[bytes]) -> bytes:
    del bodies
    start = draw(st.integers(0, len(body)))
    return body[:start] + body[draw(st.integers(start, len(body))) :]


def _flipped(draw: st.DrawFn, body: bytes, bodies: Sequence[bytes]) -> bytes:
    del bodies
    if not body:
        return body
    at = draw(st.integers(0, len(body) - 1))
    return body[:at] + bytes([body[at] ^ (1 << draw(st.integers(0, 7)))]) + body[at + 1 :]


def _spliced(draw: st.DrawFn, body: bytes, bodies: Sequence[bytes]) -> bytes:
    other = draw(st.sampled_from(bodies))
    start = draw(st.integers(0, len(other)))
    at = draw(st.integers(0, len(body)))
    return body[:at] + other[start : draw(st.integers(start, len(other)))] + body[at:]
