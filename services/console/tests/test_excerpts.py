"""Bytes of unknown nature on a page."""

from base64 import b64decode

from console.domain.excerpts import EXCERPT_BYTES_MAX, EXCERPT_CHARACTERS_MAX, excerpt, shown


def test_utf8_is_text_and_anything_else_base64() -> None:
    assert shown("body", "grün\0".encode()) == {"body_text": "grün\0"}
    assert shown("body", b"\xff") == {"body_base64": "/w=="}
    assert shown("body", None) == {"body_text": None}


def test_a_long_text_is_cut_between_characters() -> None:
    body = "€".encode() * 5_000
    assert excerpt("body", body[:EXCERPT_BYTES_MAX], len(body)) == {"body_text": "€" * EXCERPT_CHARACTERS_MAX}


def test_a_character_that_the_record_itself_cuts_is_no_text() -> None:
    body = "€".encode()[:2]
    assert b64decode(str(excerpt("body", body, len(body))["body_base64"])) == body
