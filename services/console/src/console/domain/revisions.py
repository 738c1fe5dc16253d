"""How a system's spec changes: by appending a revision that takes effect a little later."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flyball.schemas.registry import REVISIONS_MAX, SystemRevision, SystemSpec


@dataclass(frozen=True, slots=True)
class Registration:
    """The revisions of one system after an apply, oldest first, and whether the apply added the last of them."""

    revisions: tuple[SystemRevision, ...]
    changed: bool

    @property
    def current(self) -> SystemRevision:
        return self.revisions[-1]


def register(
    history: Sequence[SystemRevision], spec: SystemSpec, author: str, now: datetime, notice: timedelta
) -> Registration:
    """Append ``spec`` unless it is what already holds. Only the newest ``REVISIONS_MAX`` revisions stay.

    The notice gives every reader of the registry time to have the revision before the first summary it judges.
    """
    if history and history[-1].spec == spec:
        return Registration(tuple(history), changed=False)
    revision = SystemRevision(
        version=history[-1].version + 1 if history else 1,
        # A replica whose clock is behind must not make an older revision outlive a newer one.
        effective_at=max([now + notice, *(revision.effective_at for revision in history[-1:])]),
        author=author,
        spec=spec,
    )
    return Registration((*history, revision)[-REVISIONS_MAX:], changed=True)
