"""How predictions, interactions and judgements wait: packed, and under short hashes instead of their ids.

A waiting prediction is ``flags place recorded bucket labels [score confidence] [value]``. Its texts, which many have
in common, stand once under ``labels``, their hash. The script of the memory knows of flags, place and recorded time.
"""

import json
from hashlib import blake2b
from struct import Struct

from flyball.schemas.summaries import BUCKET_SECONDS
from telemetry_ingest.domain.judged import Judged

HASH_BYTES = 8
HAS_NUMBERS, HAS_VALUE = 2, 4
"""Flags. The script takes the first bit to say that the truth is known."""
_NO_PPM = 0xFFFF_FFFF
_ITEM = Struct(">8sHB8sII8s")
_HEAD = Struct(">B8sII8s")
_NUMBERS = Struct(">II")
_VALUE = Struct(">d")
_JUDGING = Struct(">8sH8sI")


def short_hash(text: bytes) -> bytes:
    return blake2b(text, digest_size=HASH_BYTES).digest()


def place_of(topic: str, partition: int, offset: int, source: str, identity: str) -> bytes:
    """Eight bytes for where an event stands. One record of some topics holds several events."""
    return short_hash(f"{topic}/{partition}/{offset}/{len(source)}/{source}{identity}".encode())


def native_place(partition: int, offset: int) -> bytes:
    """The same for the topic on which each record is one event, at a tenth of the cost."""
    return (partition << 48 | offset).to_bytes(8, "big")


def labels_of(release: str, segment: str, predicted_class: str | None) -> bytes:
    return json.dumps([release, segment, predicted_class], separators=(",", ":")).encode()


def waiting_item(
    identity: bytes,
    place: bytes,
    recorded_seconds: int,
    bucket: int,
    labels: bytes,
    score: int | None,
    confidence: int | None,
    value: float | None,
) -> bytes:
    """A prediction or an interaction with its identity and its length; ``bucket`` counts buckets since 1970."""
    flags, tail = 0, b""
    if score is not None or confidence is not None:
        flags |= HAS_NUMBERS
        tail = _NUMBERS.pack(_NO_PPM if score is None else score, _NO_PPM if confidence is None else confidence)
    if value is not None:
        flags |= HAS_VALUE
        tail += _VALUE.pack(value)
    return _ITEM.pack(identity, _HEAD.size + len(tail), flags, place, recorded_seconds, bucket, labels) + tail


def judging_item(identity: bytes, place: bytes, recorded_seconds: int, payload: bytes) -> bytes:
    """A judgement with the identity of what it judges and its length."""
    return _JUDGING.pack(identity, 12 + len(payload), place, recorded_seconds) + payload


def value_of(item: bytes) -> bytes:
    """A waiting item without its identity and its length."""
    return item[HASH_BYTES + 2 :]


def labels_hash(value: bytes) -> bytes:
    return value[17:25]


def judged_of(value: bytes, labels: bytes) -> Judged:
    """Unpack what waited."""
    flags, _, _, bucket, _ = _HEAD.unpack_from(value)
    at, score, confidence, predicted = _HEAD.size, _NO_PPM, _NO_PPM, None
    if flags & HAS_NUMBERS:
        score, confidence = _NUMBERS.unpack_from(value, at)
        at += _NUMBERS.size
    if flags & HAS_VALUE:
        (predicted,) = _VALUE.unpack_from(value, at)
    release, segment, predicted_class = json.loads(labels)
    return Judged(
        release, segment, bucket * BUCKET_SECONDS, predicted_class, predicted, _known(score), _known(confidence)
    )


def _known(ppm: int) -> int | None:
    return None if ppm == _NO_PPM else ppm
