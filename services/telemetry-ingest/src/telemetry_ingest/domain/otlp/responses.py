"""Evaluations that name nothing but the answer of a model that they judge: its trace is found by the answer's hash."""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Final

from telemetry_ingest.domain.otlp.facts import EvaluationFacts, OtlpRead, SpanFacts

HASH_BYTES: Final = 8
TRACE_ID_BYTES: Final = 16


def code_of(response_id: str) -> int:
    """A hash of 64 bits, with its sign, as Postgres has it."""
    return int.from_bytes(blake2b(response_id.encode(), digest_size=HASH_BYTES).digest(), signed=True)


def place_of(code: int) -> str:
    """An id as traces have it, under which judgements of one answer wait until they know their trace."""
    return blake2b(f"response {code}".encode(), digest_size=TRACE_ID_BYTES).hexdigest()


def judgements_of(span: SpanFacts) -> tuple[SpanFacts, Sequence[EvaluationFacts]]:
    """The span without judgements of other answers than its own, which evaluators tell on theirs; and these."""
    others = [one for one in span.evaluations if one.response_id not in (None, span.response_id)]
    if not others:
        return span, ()
    own = tuple(one for one in span.evaluations if one not in others)
    return span._replace(evaluations=own), [one._replace(trace_id=None, span_id=None) for one in others]


def answers_in(reads: Iterable[OtlpRead]) -> set[int]:
    """The answers that are all that some evaluations name."""
    found: set[int] = set()
    for read in reads:
        told = [*read.evaluations, *(one for span in read.spans for one in judgements_of(span)[1])]
        found |= {code_of(one.response_id) for one in told if one.trace_id is None and one.response_id is not None}
    return found
