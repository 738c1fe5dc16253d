"""How far an import has come, so that the next try begins there: one small file for each import."""

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

RECEIPT_BYTES_MAX: Final = 4_096


@dataclass(frozen=True, slots=True)
class Receipt:
    """What console has acknowledged, in the order of the file."""

    path: Path

    @property
    def events(self) -> int:
        """0 for none, or one that cannot be read: sending again is safe."""
        try:
            with self.path.open("rb") as stream:
                said = json.loads(stream.read(RECEIPT_BYTES_MAX))
            return max(0, int(said["events"]))
        except (OSError, ValueError, TypeError, KeyError):
            return 0

    def write(self, events: int) -> None:
        """Whole or not at all; where no file can be written the import goes on without."""
        beside = self.path.with_suffix(f".{os.getpid()}")
        with suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_text(json.dumps({"events": events}))
            beside.replace(self.path)


def receipt_of(digest: str) -> Receipt:
    """The receipt of the import with this digest, in the user's own state folder."""
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state"
    return Receipt(Path(home) / "flyball/imports" / f"{digest}.json")
