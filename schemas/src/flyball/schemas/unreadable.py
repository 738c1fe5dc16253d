"""Why a record could not be read: one short reason, the field it lies in and a sentence, all of bounded length."""

from collections.abc import Sequence
from typing import Final, Literal

import jiter
from pydantic import ValidationError
from pydantic_core import ErrorDetails

FIELD_CHARACTERS_MAX: Final = 256
DETAIL_CHARACTERS_MAX: Final = 1024

Reason = Literal[
    "empty_body",
    "too_large",
    "not_json",
    "not_protobuf",
    "not_utf8",
    "duplicate_key",
    "not_finite",
    "too_deep",
    "unknown_type",
    "missing_field",
    "invalid_field",
    "bad_header",
    "unsupported_content_type",
]

REASON_OF_ERROR: dict[str, Reason] = {
    "missing": "missing_field",
    "union_tag_not_found": "missing_field",
    "union_tag_invalid": "unknown_type",
    "finite_number": "not_finite",
}
"""Reasons by pydantic's error type; any other error is an ``invalid_field``."""

REASON_OF_MESSAGE: dict[str, Reason] = {
    "recursion limit exceeded": "too_deep",
    "Detected duplicate key": "duplicate_key",
    "number out of range": "not_finite",
}
"""Reasons by the first words of jiter's message; it has no error codes, so a test pins these words."""


def clip(text: str, characters_max: int) -> str:
    """``text`` cut to its bound, with ``?`` for what UTF-8 cannot carry, so that it can always be published."""
    return text[:characters_max].encode("utf-8", "replace").decode("utf-8")


class Unreadable(Exception):
    """A record that breaks the contract: poison, to be put aside with its reason. Trying again cannot help.

    ``field`` is the dotted path of the first error, at most 256 characters, None where no field is to blame.
    ``detail`` is a sentence for people, at most 1,024 characters.
    """

    def __init__(self, reason: Reason, field: str | None, detail: str) -> None:
        self.reason: Reason = reason
        self.field = None if field is None else clip(field, FIELD_CHARACTERS_MAX)
        self.detail = clip(detail, DETAIL_CHARACTERS_MAX)
        super().__init__(f"{reason} at {self.field or 'record'}: {self.detail}")


def dotted(steps: Sequence[str | int]) -> str | None:
    """``("data", "segment", 3)`` as ``data.segment.3``; None for the record as a whole."""
    return ".".join(clip(str(step), FIELD_CHARACTERS_MAX) for step in steps) or None


def not_parsed(error: ValueError, body: bytes) -> Unreadable:
    """What jiter's refusal of ``body`` means. Reads the body once or twice more, so only for records that failed."""
    message = str(error)
    return Unreadable(_reason_of_syntax(message, body), None, message)


def _reason_of_syntax(message: str, body: bytes) -> Reason:
    for words, reason in REASON_OF_MESSAGE.items():
        if message.startswith(words):
            return reason
    try:
        body.decode("utf-8")
        jiter.from_json(body, allow_inf_nan=True)
    except UnicodeDecodeError:
        return "not_utf8"
    except ValueError:
        return "not_json"
    # The only thing that was forbidden before and is allowed now.
    return "not_finite"


def not_valid(error: ValidationError, document: object) -> Unreadable:
    """The first thing that pydantic found wrong with ``document``, whose ``type`` chose the model."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    kind = first["type"]
    if kind == "json_invalid":
        # The body alone was valid JSON, so only the one level that the envelope adds can have been too much.
        return Unreadable("too_deep", None, first["msg"])
    field = "type" if kind.startswith("union_tag") else dotted(_steps(first, document))
    return Unreadable(REASON_OF_ERROR.get(kind, "invalid_field"), field, first["msg"])


def _steps(error: ErrorDetails, document: object) -> list[str | int]:
    """The part of the error's location that lies in the document: without the names of models and union members."""
    steps: list[str | int] = []
    at = document
    for step in error["loc"][1:]:
        if isinstance(at, dict) and step in at:
            at = at[step]
        elif not (error["type"] == "missing" and isinstance(at, dict)):
            break
        steps.append(step)
    return steps
