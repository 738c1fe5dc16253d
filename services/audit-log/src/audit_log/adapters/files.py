"""Checkpoints in a file, one JSON object a line, appended and synced."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from audit_log.domain.checkpoints import Checkpoint


@dataclass(frozen=True, slots=True)
class CheckpointFile:
    """Put it on a volume that the database's administrators cannot write."""

    path: Path

    def put(self, checkpoint: Checkpoint) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps(asdict(checkpoint), separators=(",", ":")) + "\n"
        # One write of one line in append mode: lines of several replicas do not mix.
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(descriptor, line.encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def read(self, tenant: str) -> Sequence[Checkpoint]:
        """Checkpoints of one tenant, oldest first. A line cut short by a crash was never acknowledged: left out."""
        if not self.path.exists():
            return []
        with self.path.open(encoding="utf-8") as lines:
            found = [Checkpoint(**json.loads(line)) for line in lines if line.endswith("\n")]
        return [checkpoint for checkpoint in found if checkpoint.tenant == tenant]
