"""Says whether a chain is what it was, and if not, where it stops being so and in which way."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from audit_log.domain.chain import GENESIS_HASH, Link, hash_of
from audit_log.domain.checkpoints import Checkpoint

EDITED = "edited"
REORDERED = "reordered"
MISSING = "missing"
BROKEN_LINK = "broken_link"
CUT_TAIL = "cut_tail"
FORGED_CHECKPOINT = "forged_checkpoint"
REWRITTEN = "rewritten"

IsGenuine = Callable[[Checkpoint], bool]


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong at one place of one chain."""

    tenant: str
    sequence: int
    kind: str
    detail: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """How much was looked at, and all that is wrong with it."""

    links: int
    checkpoints: int
    findings: tuple[Finding, ...]


def verify(tenant: str, links: Iterable[Link], checkpoints: Sequence[Checkpoint], is_genuine: IsGenuine) -> Verdict:
    """Check one tenant's links, in the order of their sequence, against each other and the checkpoints."""
    findings: list[Finding] = []
    # All of a sequence, not the newest: whoever rewrites the last link has it signed anew by the service itself.
    promised: dict[int, list[Checkpoint]] = defaultdict(list)
    for checkpoint in checkpoints:
        if is_genuine(checkpoint):
            promised[checkpoint.sequence].append(checkpoint)
        else:
            findings.append(_forged(checkpoint))
    last = Link(tenant, 0, "", "", GENESIS_HASH)
    for link in links:
        findings += _check(last, link, promised.get(link.sequence, ()))
        last = link
    furthest = max(promised, default=0)
    if furthest > last.sequence:
        at = promised[furthest][0].at
        findings.append(
            Finding(tenant, last.sequence + 1, CUT_TAIL, f"the checkpoint of {at} says the chain went to {furthest}")
        )
    return Verdict(last.sequence, len(checkpoints), tuple(findings))


def _check(before: Link, link: Link, promised: Sequence[Checkpoint]) -> Iterator[Finding]:
    other = next((checkpoint for checkpoint in promised if checkpoint.hash != link.hash), None)
    if link.sequence != before.sequence + 1:
        yield _finding(link, MISSING, f"follows {before.sequence}: what was in between is gone")
    if link.hash != hash_of(link.text):
        yield _finding(link, EDITED, "its text does not have its hash")
    elif link.content["seq"] != link.sequence:
        yield _finding(link, REORDERED, f"was written as number {link.content['seq']}")
    elif link.content["prev"] != link.previous_hash or link.previous_hash != before.hash:
        yield _finding(link, BROKEN_LINK, "does not continue the link before it")
    elif other is not None:
        yield _finding(link, REWRITTEN, f"the checkpoint of {other.at} has another hash: the chain was made anew")


def _finding(link: Link, kind: str, detail: str) -> Finding:
    return Finding(link.tenant, link.sequence, kind, detail)


def _forged(checkpoint: Checkpoint) -> Finding:
    detail = f"its signature is not by a known key (key {checkpoint.key_id})"
    return Finding(checkpoint.tenant, checkpoint.sequence, FORGED_CHECKPOINT, detail)
