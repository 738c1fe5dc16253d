"""The contract as it stood before: in a git revision, or in a directory with the same layout."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import yaml

from flyball.schemas.artifacts import SCHEMA_DIRECTORY, TOPICS_FILE

GIT_SECONDS_MAX = 30


class BaselineMissing(Exception):
    """There is nothing to compare with."""


class Baseline(Protocol):
    """Where the older texts come from; both methods block on disk or on git."""

    def text(self, path: str) -> str | None:
        """The text at ``path`` (from the root of the repository), None where there was none."""

    def schemas(self) -> list[str]:
        """Paths of the JSON Schemas that there were."""


class DirectoryBaseline:
    """A checkout of an older version, or any directory with a ``schemas/`` in it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def text(self, path: str) -> str | None:
        file = self.root / path
        return file.read_text(encoding="utf-8") if file.is_file() else None

    def schemas(self) -> list[str]:
        return sorted(path.relative_to(self.root).as_posix() for path in (self.root / SCHEMA_DIRECTORY).glob("*.json"))


class GitBaseline:
    """A revision of the repository at ``root``."""

    def __init__(self, root: Path, revision: str) -> None:
        self.root = root
        self.revision = revision
        if self._git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}") is None:
            raise BaselineMissing(
                f"{revision} is neither a directory nor a git revision here; name one: "
                "python -m flyball.schemas check --against origin/main"
            )

    def text(self, path: str) -> str | None:
        return self._git("show", f"{self.revision}:./{path}")

    def schemas(self) -> list[str]:
        listed = self._git("ls-tree", "--name-only", self.revision, f"./{SCHEMA_DIRECTORY}/") or ""
        return sorted(path for path in listed.splitlines() if path.endswith(".json"))

    def _git(self, *arguments: str) -> str | None:
        """What git prints, None where it fails (no such revision, no such path, no repository)."""
        command = ["git", "-C", str(self.root), *arguments]
        try:
            done = subprocess.run(command, capture_output=True, timeout=GIT_SECONDS_MAX, check=False)  # noqa: S603 - git, our own words
        except FileNotFoundError as error:
            raise BaselineMissing("git is not installed; compare with a directory: --against DIR") from error
        return done.stdout.decode("utf-8") if done.returncode == 0 else None


def baseline(root: Path, against: str) -> Baseline:
    """``against`` as a directory if there is one of that name, else as a revision.

    Raises:
        BaselineMissing: it is neither.
    """
    directory = Path(against)
    return DirectoryBaseline(directory) if directory.is_dir() else GitBaseline(root, against)


def schema_of(source: Baseline, path: str) -> Mapping[str, Any] | None:
    text = source.text(path)
    return None if text is None else dict(json.loads(text))


def rows_of(source: Baseline) -> Mapping[str, Mapping[str, Any]]:
    """The rows of the older ``topics.yaml`` by name."""
    text = source.text(TOPICS_FILE)
    return {} if text is None else {row["name"]: row for row in yaml.safe_load(text)["topics"]}
