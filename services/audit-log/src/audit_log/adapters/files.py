"""Checkpoints in a file, one JSON object a line, appended and synced."""

import asyncio
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from errno import ENOSPC
from pathlib import Path

from audit_log.domain.checkpoints import Checkpoint


@dataclass(frozen=True, slots=True)
class CheckpointFile:
    """Put it on a volume that the database's administrators cannot write."""

    path: Path

    async def put(self, checkpoint: Checkpoint) -> None:
        """Return when it is synced. Raises ``OSError`` where it cannot be."""
        await asyncio.to_thread(self._append, line_of(checkpoint))

    async def read(self, tenant: str) -> Sequence[Checkpoint]:
        return await asyncio.to_thread(self._read, tenant)

    def _append(self, line: bytes) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # One write of one line in append mode: lines of several replicas do not mix.
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            if os.write(descriptor, line) < len(line):
                raise OSError(ENOSPC, "a checkpoint was cut short; make room on its volume", str(self.path))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _read(self, tenant: str) -> Sequence[Checkpoint]:
        if not self.path.exists():
            return []
        with self.path.open("rb") as lines:
            return [checkpoint for checkpoint in checkpoints_in(lines) if checkpoint.tenant == tenant]


def line_of(checkpoint: Checkpoint) -> bytes:
    """It begins a line of its own even where the one before it was cut short by a crash."""
    return b"\n" + json.dumps(asdict(checkpoint), separators=(",", ":")).encode() + b"\n"


def checkpoints_in(lines: Iterable[bytes]) -> Iterator[Checkpoint]:
    """In the order of the lines. One that was cut short was never acknowledged: left out."""
    for line in lines:
        try:
            yield Checkpoint(**json.loads(line))
        except (ValueError, TypeError):
            continue
